// The integral of a quadrant, walked by one block per band of rows; quadrant_energy sums it up, its gradient stores it.
// The parts of complex numbers are of type Real, double or Pair; in shared memory and in the workspace either takes 8
// bytes. A thread keeps the running sums of kItems neighbouring columns in registers; the prefix along a row is a
// block-wide scan by warp shuffles. Rows wider than BLOCK * kItems are walked in tiles, with the prefix of each row
// carried in shared memory; narrow ones take a block that is hardly wider than they are (`with_block`), which changes
// no bit: threads past the row add zeros. A row is loaded while the one before it is added up. Sums have a fixed order:
// the same bits at every launch.
#pragma once

#include "core/quadrant.hpp"
#include "cuda/block.cuh"
#include "cuda/pair.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {

constexpr int kItems = 4;

// Calls launch(block), whose value is a number of threads: the least of three that walk a row of so many columns at
// once, or the most. A single warp waits at no barrier.
template <typename Launch>
void with_block(std::int64_t columns, const Launch& launch) {
  constexpr int kNarrow = HYRA_BLOCK(32), kMiddle = HYRA_BLOCK(64), kWide = HYRA_BLOCK(256);
  if (columns <= kNarrow * kItems) return launch(std::integral_constant<int, kNarrow>());
  if (columns <= kMiddle * kItems) return launch(std::integral_constant<int, kMiddle>());
  launch(std::integral_constant<int, kWide>());
}

template <typename Real, typename T>
__device__ __forceinline__ ComplexOf<Real> complex_of(T re, T im) {
  if constexpr (std::is_same_v<Real, Pair>) return {Pair{re, 0}, Pair{im, 0}};
  if constexpr (!std::is_same_v<Real, Pair>) return {static_cast<Real>(re), static_cast<Real>(im)};
}

template <typename Real>
__device__ __forceinline__ ComplexOf<Real> load_complex_of(const float* x) {
  const float2 v = *reinterpret_cast<const float2*>(x);
  return complex_of<Real>(v.x, v.y);
}

template <typename Real>
__device__ __forceinline__ ComplexOf<Real> load_complex_of(const double* x) {
  const double2 v = *reinterpret_cast<const double2*>(x);
  return complex_of<Real>(v.x, v.y);
}

// Two neighbouring complex numbers in loads of 16 bytes, for a pair of floats where the address allows it.
template <typename Real, typename T>
__device__ __forceinline__ void load_two(const T* x, ComplexOf<Real>* out) {
  if constexpr (std::is_same_v<T, float>) {
    if (is_aligned(x)) {
      const float4 v = *reinterpret_cast<const float4*>(x);
      out[0] = complex_of<Real>(v.x, v.y);
      out[1] = complex_of<Real>(v.z, v.w);
      return;
    }
  }
  out[0] = load_complex_of<Real>(x);
  out[1] = load_complex_of<Real>(x + 2);
}

template <typename Real>
__device__ __forceinline__ void accumulate(ComplexOf<Real>& sum, ComplexOf<Real> x) {
  accumulate(sum.re, x.re);
  accumulate(sum.im, x.im);
}

// One band of one quadrant, with i and k counted from the quadrant's origin or, MIRRORED, from its far corner.
template <bool MIRRORED>
struct Band {
  Quadrant quadrant;
  std::int64_t plane, columns, index;
  Range range;

  __device__ __forceinline__ Band(std::int64_t rows, std::int64_t columns_, std::int64_t bands)
      : quadrant(rows, blockIdx.x / bands % 2),
        plane(blockIdx.x / (2 * bands)),
        columns(columns_),
        index(blockIdx.x % bands),
        range(band_range(quadrant.height, bands, index)) {}

  // Where the real part of (i, k) lies in the spectra.
  __device__ __forceinline__ std::int64_t at(std::int64_t i, std::int64_t k) const {
    const std::int64_t row = quadrant.row(MIRRORED ? quadrant.height - 1 - i : i);
    return ((plane * quadrant.rows + row) * columns + (MIRRORED ? columns - 1 - k : k)) * 2;
  }

  // The values (i, first), (i, first + 1), ... that lie in the row; the rest of `out` is left alone.
  template <typename Real, typename T>
  __device__ __forceinline__ void load(const T* spectra, std::int64_t i, std::int64_t first,
                                       ComplexOf<Real> (&out)[kItems]) const {
    const T* x = spectra + at(i, first);
#pragma unroll
    for (int j = 0; j < kItems; j += 2) {
      if (!MIRRORED && first + j + 1 < columns) {
        load_two(x + 2 * j, out + j);
      } else {
        if (first + j < columns) out[j] = load_complex_of<Real>(MIRRORED ? x - 2 * j : x + 2 * j);
        if (first + j + 1 < columns) out[j + 1] = load_complex_of<Real>(MIRRORED ? x - 2 * j - 2 : x + 2 * j + 2);
      }
    }
  }
};

// The sum of each column over a band: [planes, 2, bands, columns] complex.
template <int BLOCK, bool MIRRORED, typename Real, typename T>
__global__ void __launch_bounds__(BLOCK)
    column_sums(const T* spectra, double* sums, std::int64_t rows, std::int64_t columns, std::int64_t bands) {
  const Band<MIRRORED> band(rows, columns, bands);
  auto* const out = reinterpret_cast<ComplexOf<Real>*>(sums) + static_cast<std::int64_t>(blockIdx.x) * columns;
  for (std::int64_t k = threadIdx.x; k < columns; k += BLOCK) {
    ComplexOf<Real> sum = {};
#pragma unroll 4
    for (std::int64_t i = band.range.begin; i < band.range.end; ++i) {
      accumulate(sum, load_complex_of<Real>(spectra + band.at(i, k)));
    }
    out[k] = sum;
  }
}

// Calls sink(at, integral) for every element of the band. `sums` are those of column_sums, `totals` has two numbers
// for each warp, and `carries` one for each row of the band where a row takes several tiles.
template <int BLOCK, bool MIRRORED, typename Real, typename T, typename Sink>
__device__ __forceinline__ void integrate(const Band<MIRRORED>& band, const T* spectra, const double* sums,
                                          ComplexOf<Real>* totals, ComplexOf<Real>* carries, Sink sink) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const auto* const first_sums = reinterpret_cast<const ComplexOf<Real>*>(sums) +
                                 (static_cast<std::int64_t>(blockIdx.x) - band.index) * band.columns;
  for (std::int64_t tile = 0; tile < band.columns; tile += BLOCK * kItems) {
    const std::int64_t first = tile + static_cast<std::int64_t>(threadIdx.x) * kItems;
    ComplexOf<Real> running[kItems] = {};
#pragma unroll 2
    for (std::int64_t before = 0; before < band.index; ++before) {
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        if (first + j < band.columns) running[j] = running[j] + first_sums[before * band.columns + first + j];
      }
    }
    ComplexOf<Real> values[kItems] = {};
    if (band.range.begin < band.range.end) band.load(spectra, band.range.begin, first, values);
    for (std::int64_t i = band.range.begin; i < band.range.end; ++i) {
      ComplexOf<Real> total = {};
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        accumulate(running[j], values[j]);
        total = total + running[j];
      }
      if (i + 1 < band.range.end) band.load(spectra, i + 1, first, values);
      const ComplexOf<Real> inclusive = warp_inclusive_scan(total);
      ComplexOf<Real> prefix = inclusive - total;
      if constexpr (BLOCK > 32) {
        // Two buffers in turn: a warp may write the next row's totals while another still reads this row's.
        ComplexOf<Real>* row_totals = totals + i % 2 * (BLOCK / 32);
        if (lane == 31) row_totals[warp] = inclusive;
        __syncthreads();
        for (int w = 0; w < warp; ++w) prefix = prefix + row_totals[w];
      }
      if (band.columns > BLOCK * kItems) {
        if (tile > 0) prefix = prefix + carries[i - band.range.begin];
        __syncthreads();
        if (threadIdx.x == BLOCK - 1) carries[i - band.range.begin] = prefix + total;
      }
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        prefix = prefix + running[j];
        if (first + j < band.columns) sink(band.at(i, first + j), prefix);
      }
    }
  }
}

// Dynamic shared memory that `integrate` needs for its carries.
template <int BLOCK>
std::size_t carries_bytes(std::int64_t rows, std::int64_t columns, std::int64_t bands) {
  const std::int64_t rows_of_band = ((rows + 1) / 2 + bands - 1) / bands;
  return columns > BLOCK * kItems ? static_cast<std::size_t>(rows_of_band) * sizeof(Complex) : 0;
}

}  // namespace hyra::cuda
