// Gradient of the energy of the quadrant integrals: the integral from the origin outward, then the integral of that
// from the far corner back, in place (quadrant_scan.cuh walks both, the second mirrored). For the shift-invariant
// weighting, a weight for each element.
// Work per thread: the rows of a band times kItems columns for each tile of a row. Shared memory: 32 bytes per warp, 16
// per row of a band if tiled.
// Bytes, with S the size of the spectrum: at least 2 S. Moved: 2 S for the shift-invariant weighting; else 4 S, and
// where there are several bands 2 S more for the column sums; the sums themselves move as in quadrant_energy, twice.
// Loads as there; the mirrored walk, whose neighbours descend, takes them one by one.
#include "core/quadrant_energy_backward.hpp"
#include "cuda/quadrant_scan.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

template <int BLOCK, bool MIRRORED, typename T>
__global__ void __launch_bounds__(BLOCK) integral_rows(QuadrantEnergyBackwardArgs<T> args, const T* source) {
  CU_SHARED(Complex, totals, [2 * (BLOCK / 32)]);
  CU_DYN_SHARED(Complex, carries);
  const Band<MIRRORED> band(args.rows, args.columns, args.bands);
  const double factor = MIRRORED ? 2 * args.grad[band.plane] : 1;
  T* out = args.gradient;
  integrate<BLOCK>(band, source, args.column_sums, totals, carries, [&](std::int64_t at, Complex value) {
    out[at] = static_cast<T>(factor * value.re);
    out[at + 1] = static_cast<T>(factor * value.im);
  });
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) weigh(QuadrantEnergyBackwardArgs<T> args) {
  const Band<false> band(args.rows, args.columns, args.bands);
  const double factor = 2 * args.grad[band.plane];
  for (std::int64_t i = band.range.begin; i < band.range.end; ++i) {
    const double row_factor = factor * static_cast<double>(band.quadrant.height - i);
#pragma unroll 4
    for (std::int64_t k = threadIdx.x; k < args.columns; k += BLOCK) {
      const std::int64_t at = band.at(i, k);
      const Complex value = load_complex(args.spectrum + at);
      const double weight = row_factor * static_cast<double>(args.columns - k);
      args.gradient[at] = static_cast<T>(weight * value.re);
      args.gradient[at + 1] = static_cast<T>(weight * value.im);
    }
  }
}

template <bool MIRRORED, typename T>
void integrate_all(const QuadrantEnergyBackwardArgs<T>& args, const T* source, dim3 grid, cudaStream_t stream) {
  const dim3 block(kBlock);
  if (args.bands > 1) {
    CU_LAUNCH((column_sums<kBlock, MIRRORED, T>), grid, block, 0, stream, source, args.column_sums, args.rows,
              args.columns, args.bands);
  }
  CU_LAUNCH((integral_rows<kBlock, MIRRORED, T>), grid, block,
            carries_bytes<kBlock>(args.rows, args.columns, args.bands), stream, args, source);
}

}  // namespace

template <typename T>
void quadrant_energy_backward(const QuadrantEnergyBackwardArgs<T>& args, Context context) {
  const cudaStream_t stream = stream_of(context);
  const std::int64_t blocks = args.planes * 2 * args.bands;
  if (blocks == 0) return;
  const dim3 grid(static_cast<unsigned>(blocks));
  if (args.weighting == Weighting::kShiftInvariant) {
    CU_LAUNCH((weigh<kBlock, T>), grid, dim3(kBlock), 0, stream, args);
    return;
  }
  integrate_all<false>(args, args.spectrum, grid, stream);
  integrate_all<true>(args, static_cast<const T*>(args.gradient), grid, stream);
}

HYRA_INSTANTIATE(quadrant_energy_backward, QuadrantEnergyBackwardArgs)

}  // namespace hyra::cuda
