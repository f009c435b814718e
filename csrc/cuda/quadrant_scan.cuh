// The integral of a quadrant, walked by one block per band of rows; quadrant_energy sums it up, its gradient stores it.
// A thread keeps the running sums of kItems neighbouring columns in registers; the prefix along a row is a block-wide
// scan by warp shuffles. Rows wider than BLOCK * kItems are walked in tiles, with the prefix of each row carried in
// shared memory. Sums are float64, in a fixed order: the same bits at every launch.
#pragma once

#include "core/quadrant.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {

constexpr int kItems = 4;

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
  template <typename T>
  __device__ __forceinline__ void load(const T* spectra, std::int64_t i, std::int64_t first,
                                       Complex (&out)[kItems]) const {
    const T* x = spectra + at(i, first);
#pragma unroll
    for (int j = 0; j < kItems; j += 2) {
      if (!MIRRORED && first + j + 1 < columns) {
        load_complex_pair(x + 2 * j, out + j);
      } else {
        if (first + j < columns) out[j] = load_complex(MIRRORED ? x - 2 * j : x + 2 * j);
        if (first + j + 1 < columns) out[j + 1] = load_complex(MIRRORED ? x - 2 * j - 2 : x + 2 * j + 2);
      }
    }
  }
};

// The sum of each column over a band: [planes, 2, bands, columns] complex.
template <int BLOCK, bool MIRRORED, typename T>
__global__ void __launch_bounds__(BLOCK)
    column_sums(const T* spectra, double* sums, std::int64_t rows, std::int64_t columns, std::int64_t bands) {
  const Band<MIRRORED> band(rows, columns, bands);
  double* out = sums + static_cast<std::int64_t>(blockIdx.x) * columns * 2;
  for (std::int64_t k = threadIdx.x; k < columns; k += BLOCK) {
    Complex sum = {};
#pragma unroll 4
    for (std::int64_t i = band.range.begin; i < band.range.end; ++i) sum = sum + load_complex(spectra + band.at(i, k));
    out[2 * k] = sum.re;
    out[2 * k + 1] = sum.im;
  }
}

// Calls sink(at, integral) for every element of the band. `sums` are those of column_sums, `totals` has two numbers
// for each warp, and `carries` one for each row of the band where a row takes several tiles.
template <int BLOCK, bool MIRRORED, typename T, typename Sink>
__device__ __forceinline__ void integrate(const Band<MIRRORED>& band, const T* spectra, const double* sums,
                                          Complex* totals, Complex* carries, Sink sink) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const double* first_sums = sums + (static_cast<std::int64_t>(blockIdx.x) - band.index) * band.columns * 2;
  for (std::int64_t tile = 0; tile < band.columns; tile += BLOCK * kItems) {
    const std::int64_t first = tile + static_cast<std::int64_t>(threadIdx.x) * kItems;
    Complex running[kItems] = {};
    for (std::int64_t before = 0; before < band.index; ++before) {
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        if (first + j < band.columns) {
          running[j] = running[j] + load_complex(first_sums + (before * band.columns + first + j) * 2);
        }
      }
    }
    for (std::int64_t i = band.range.begin; i < band.range.end; ++i) {
      Complex values[kItems] = {};
      band.load(spectra, i, first, values);
      Complex total = {};
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        running[j] = running[j] + values[j];
        total = total + running[j];
      }
      const Complex inclusive = warp_inclusive_scan(total);
      // Two buffers in turn: a warp may write the next row's totals while another still reads this row's.
      Complex* row_totals = totals + i % 2 * (BLOCK / 32);
      if (lane == 31) row_totals[warp] = inclusive;
      __syncthreads();
      Complex prefix = inclusive - total;
      for (int w = 0; w < warp; ++w) prefix = prefix + row_totals[w];
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
