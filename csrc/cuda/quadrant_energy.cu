// Energy of the quadrant integrals. A quadrant is cut into bands of rows, a block each.
//   column_sums: the sum of each column over a band (skipped where there is one band).
//   integral_energy: starts from the sums of the bands before it and walks down its rows. A thread keeps the running
//     sums of ITEMS neighbouring columns in registers; the prefix along a row is a block-wide scan by warp shuffles.
//     Rows wider than BLOCK * ITEMS are walked in tiles, with the prefix of each row carried in shared memory.
//   shift_invariant_energy: no scan, a weighted sum.
// Sums are taken in float64 in a fixed order: the same bits at every launch.
// Bytes, with S the size of the spectrum: at least S. Moved: S for one band or the shift-invariant weighting, 2 S +
// small else (the second reading mostly from L2). Shared memory: 16 bytes per warp and row of a step, 16 per row.
#include "core/quadrant_energy.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kItems = 4;

struct Chunk {
  std::int64_t plane, quadrant, band;
};

__device__ __forceinline__ Chunk chunk_of_block(std::int64_t bands) {
  const std::int64_t chunk = blockIdx.x;
  return {chunk / (2 * bands), chunk / bands % 2, chunk % bands};
}

// The first `count` of ITEMS neighbouring complex numbers; the rest of `out` is left alone.
template <int ITEMS, typename T>
__device__ __forceinline__ void load_items(const T* x, std::int64_t count, Complex (&out)[ITEMS]) {
#pragma unroll
  for (int j = 0; j < ITEMS; j += 2) {
    if (j + 1 < count) {
      load_complex_pair(x + 2 * j, out + j);
    } else if (j < count) {
      out[j] = load_complex(x + 2 * j);
    }
  }
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) column_sums(QuadrantEnergyArgs<T> args) {
  const Chunk chunk = chunk_of_block(args.bands);
  const Quadrant quadrant(args.rows, chunk.quadrant);
  const Range range = band_range(quadrant.height, args.bands, chunk.band);
  const T* plane = args.spectrum + chunk.plane * args.rows * args.columns * 2;
  double* out = args.column_sums + static_cast<std::int64_t>(blockIdx.x) * args.columns * 2;
  for (std::int64_t k = threadIdx.x; k < args.columns; k += BLOCK) {
    Complex sum = {};
#pragma unroll 4
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      sum = sum + load_complex(plane + (quadrant.row(i) * args.columns + k) * 2);
    }
    out[2 * k] = sum.re;
    out[2 * k + 1] = sum.im;
  }
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) integral_energy(QuadrantEnergyArgs<T> args) {
  constexpr int kWarps = BLOCK / 32;
  CU_SHARED(Complex, warp_totals, [2][kWarps]);
  CU_SHARED(double, warp_energies, [kWarps]);
  CU_DYN_SHARED(Complex, row_carries);  // [rows of the band], used where a row takes several tiles
  const Chunk chunk = chunk_of_block(args.bands);
  const Quadrant quadrant(args.rows, chunk.quadrant);
  const Range range = band_range(quadrant.height, args.bands, chunk.band);
  const T* plane = args.spectrum + chunk.plane * args.rows * args.columns * 2;
  const double* band_sums = args.column_sums + (chunk.plane * 2 + chunk.quadrant) * args.bands * args.columns * 2;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const bool several_tiles = args.columns > BLOCK * kItems;

  double energy = 0;
  for (std::int64_t tile = 0; tile < args.columns; tile += BLOCK * kItems) {
    const std::int64_t first = tile + static_cast<std::int64_t>(threadIdx.x) * kItems;
    Complex sums[kItems] = {};
    for (std::int64_t band = 0; band < chunk.band; ++band) {
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        if (first + j < args.columns) {
          sums[j] = sums[j] + load_complex(band_sums + (band * args.columns + first + j) * 2);
        }
      }
    }
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      const T* x = plane + (quadrant.row(i) * args.columns + first) * 2;
      Complex values[kItems] = {};
      load_items(x, args.columns - first, values);
      Complex total = {};
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        sums[j] = sums[j] + values[j];
        total = total + sums[j];
      }
      const Complex inclusive = warp_inclusive_scan(total);
      // Two buffers in turn: a warp may write the next row's totals while another still reads this row's.
      Complex* totals = warp_totals[i % 2];
      if (lane == 31) totals[warp] = inclusive;
      __syncthreads();
      Complex prefix = inclusive - total;
      for (int w = 0; w < warp; ++w) prefix = prefix + totals[w];
      if (several_tiles) {
        if (tile > 0) prefix = prefix + row_carries[i - range.begin];
        __syncthreads();
        if (threadIdx.x == BLOCK - 1) row_carries[i - range.begin] = prefix + total;
      }
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        prefix = prefix + sums[j];
        if (first + j < args.columns) energy += prefix.re * prefix.re + prefix.im * prefix.im;
      }
    }
    __syncthreads();
  }
  energy = block_sum<BLOCK>(energy, warp_energies);
  if (threadIdx.x == 0) args.partials[blockIdx.x] = energy;
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) shift_invariant_energy(QuadrantEnergyArgs<T> args) {
  CU_SHARED(double, warp_energies, [BLOCK / 32]);
  const Chunk chunk = chunk_of_block(args.bands);
  const Quadrant quadrant(args.rows, chunk.quadrant);
  const Range range = band_range(quadrant.height, args.bands, chunk.band);
  const T* plane = args.spectrum + chunk.plane * args.rows * args.columns * 2;
  double energy = 0;
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    const T* x = plane + quadrant.row(i) * args.columns * 2;
    double row_energy = 0;
#pragma unroll 4
    for (std::int64_t k = threadIdx.x; k < args.columns; k += BLOCK) {
      const Complex value = load_complex(x + 2 * k);
      row_energy += static_cast<double>(args.columns - k) * (value.re * value.re + value.im * value.im);
    }
    energy += static_cast<double>(quadrant.height - i) * row_energy;
  }
  energy = block_sum<BLOCK>(energy, warp_energies);
  if (threadIdx.x == 0) args.partials[blockIdx.x] = energy;
}

}  // namespace

template <typename T>
void quadrant_energy(const QuadrantEnergyArgs<T>& args, Context context) {
  const cudaStream_t stream = stream_of(context);
  const std::int64_t blocks = args.planes * 2 * args.bands;
  if (blocks == 0) return;
  const dim3 grid(static_cast<unsigned>(blocks)), block(kBlock);
  if (args.weighting == Weighting::kShiftInvariant) {
    CU_LAUNCH((shift_invariant_energy<kBlock, T>), grid, block, 0, stream, args);
    return;
  }
  if (args.bands > 1) CU_LAUNCH((column_sums<kBlock, T>), grid, block, 0, stream, args);
  const std::int64_t rows_of_band = ((args.rows + 1) / 2 + args.bands - 1) / args.bands;
  const bool several_tiles = args.columns > kBlock * kItems;
  const std::size_t shared = several_tiles ? static_cast<std::size_t>(rows_of_band) * sizeof(Complex) : 0;
  CU_LAUNCH((integral_energy<kBlock, T>), grid, block, shared, stream, args);
}

HYRA_INSTANTIATE(quadrant_energy, QuadrantEnergyArgs)

}  // namespace hyra::cuda
