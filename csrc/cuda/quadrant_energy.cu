// Energy of the quadrant integrals. A quadrant is cut into bands of rows, a block each.
//   column_sums: the sum of each column over a band (skipped where there is one band).
//   integral_energy: starts from the sums of the bands before it, walks down its rows (quadrant_scan.cuh) and adds up.
//   shift_invariant_energy: no scan, a weighted sum.
// Work per thread: the rows of a band times kItems columns for each tile of a row (one column for the two that scan
// nothing). Shared memory: 40 bytes per warp, 16 per row of a band if tiled.
// Bytes, with S the size of the spectrum: at least S. Moved: S for one band or the shift-invariant weighting; else 2 S,
// the second reading mostly from L2, and the sums, 16 bytes for each column of a band, written once and read by all the
// bands after it (DIV2K image: 0.06 S written, 0.6 S read, from L2).
// Loads: 16 bytes for two float or one double complex number, 8 where a row of an odd width starts between two; where
// lanes lie side by side and nothing is scanned one complex number each, four in flight.
#include "core/quadrant_energy.hpp"
#include "cuda/quadrant_scan.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) integral_energy(QuadrantEnergyArgs<T> args) {
  CU_SHARED(Complex, totals, [2 * (BLOCK / 32)]);
  CU_SHARED(double, warp_energies, [BLOCK / 32]);
  CU_DYN_SHARED(Complex, carries);
  const Band<false> band(args.rows, args.columns, args.bands);
  double energy = 0;
  integrate<BLOCK>(band, args.spectrum, args.column_sums, totals, carries,
                   [&](std::int64_t, Complex value) { energy += value.re * value.re + value.im * value.im; });
  energy = block_sum<BLOCK>(energy, warp_energies);
  if (threadIdx.x == 0) args.partials[blockIdx.x] = energy;
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) shift_invariant_energy(QuadrantEnergyArgs<T> args) {
  CU_SHARED(double, warp_energies, [BLOCK / 32]);
  const Band<false> band(args.rows, args.columns, args.bands);
  double energy = 0;
  for (std::int64_t i = band.range.begin; i < band.range.end; ++i) {
    double row_energy = 0;
#pragma unroll 4
    for (std::int64_t k = threadIdx.x; k < args.columns; k += BLOCK) {
      const Complex value = load_complex(args.spectrum + band.at(i, k));
      row_energy += static_cast<double>(args.columns - k) * (value.re * value.re + value.im * value.im);
    }
    energy += static_cast<double>(band.quadrant.height - i) * row_energy;
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
  if (args.bands > 1) {
    CU_LAUNCH((column_sums<kBlock, false, T>), grid, block, 0, stream, args.spectrum, args.column_sums, args.rows,
              args.columns, args.bands);
  }
  CU_LAUNCH((integral_energy<kBlock, T>), grid, block, carries_bytes<kBlock>(args.rows, args.columns, args.bands),
            stream, args);
}

HYRA_INSTANTIATE(quadrant_energy, QuadrantEnergyArgs)

}  // namespace hyra::cuda
