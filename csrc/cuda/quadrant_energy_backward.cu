// Gradient of the energy of the quadrant integrals: the integral from the origin outward, then the integral of that
// from the far corner back, in place (quadrant_scan.cuh walks both, the second mirrored). For the shift-invariant
// weighting, a weight for each element.
// Work per thread: the rows of a band times kItems columns for each tile of a row. Shared memory: 32 bytes per warp, 16
// per row of a band if tiled.
// Bytes, with S the size of the spectrum: at least 2 S. Moved: 2 S for the shift-invariant weighting; else 4 S, and
// where there are several bands 2 S more for the column sums; the sums themselves move as in quadrant_energy, twice.
// Operations as there, for each of the two integrals.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads as there; the mirrored walk, whose neighbours descend, takes them one by one. Stores: a complex number each.
#include "core/quadrant_energy_backward.hpp"
#include "cuda/quadrant_scan.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

// A pair's hi is the float nearest to it.
__device__ __forceinline__ void store_rounded(float* x, Pair re, Pair im) {
  __stwb(reinterpret_cast<float2*>(x), make_float2(re.hi, im.hi));
}

template <typename T>
__device__ __forceinline__ void store_rounded(T* x, double re, double im) {
  store_complex(x, Complex{re, im});
}

// Blocks that fit on a multiprocessor: ptxas would rather have more, and spill.
template <int BLOCK>
inline constexpr int kResident = BLOCK > 64 ? 3 : 12;

template <int BLOCK, bool MIRRORED, typename Real, typename T>
__global__ void __launch_bounds__(BLOCK, kResident<BLOCK>)
    integral_rows(QuadrantEnergyBackwardArgs<T> args, const T* source) {
  CU_SHARED(ComplexOf<Real>, totals, [2 * (BLOCK / 32)]);
  CU_DYN_SHARED(ComplexOf<Real>, carries);
  const Band<MIRRORED> band(args.rows, args.columns, args.bands);
  const Real factor = real_of<Real>(MIRRORED ? 2 * args.grad[band.plane] : 1);
  T* out = args.gradient;
  integrate<BLOCK>(band, source, args.column_sums, totals, carries, [&](std::int64_t at, ComplexOf<Real> value) {
    store_rounded(out + at, factor * value.re, factor * value.im);
  });
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) weigh(QuadrantEnergyBackwardArgs<T> args) {
  const Band<false> band(args.rows, args.columns, args.bands);
  const double factor = 2 * args.grad[band.plane];
  for (std::int64_t i = band.range.begin; i < band.range.end; ++i) {
    const double row_factor = factor * static_cast<double>(band.quadrant.height - i);
    for (std::int64_t first = threadIdx.x; first < args.columns; first += BLOCK * kItems) {
      Complex values[kItems];
#pragma unroll
      for (int j = 0; j < kItems; ++j) {  // all of them before the first store, which the compiler moves none across
        const std::int64_t k = first + j * BLOCK;
        if (k < args.columns) values[j] = load_complex(args.spectrum + band.at(i, k));
      }
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        const std::int64_t k = first + j * BLOCK;
        const double weight = row_factor * static_cast<double>(args.columns - k);
        if (k < args.columns) store_complex(args.gradient + band.at(i, k), weight * values[j]);
      }
    }
  }
}

template <bool MIRRORED, typename Real, typename T>
void integrate_all(const QuadrantEnergyBackwardArgs<T>& args, const T* source, dim3 grid, cudaStream_t stream) {
  if (args.bands > 1) {
    CU_LAUNCH((column_sums<kBlock, MIRRORED, Real, T>), grid, dim3(kBlock), 0, stream, source, args.column_sums,
              args.rows, args.columns, args.bands);
  }
  with_block(args.columns, [&](auto width) {
    constexpr int BLOCK = decltype(width)::value;
    CU_LAUNCH((integral_rows<BLOCK, MIRRORED, Real, T>), grid, dim3(BLOCK),
              carries_bytes<BLOCK>(args.rows, args.columns, args.bands), stream, args, source);
  });
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
  with_reals<T>([&](auto real) {
    using Real = decltype(real);
    integrate_all<false, Real>(args, args.spectrum, grid, stream);
    integrate_all<true, Real>(args, static_cast<const T*>(args.gradient), grid, stream);
  });
}

HYRA_INSTANTIATE(quadrant_energy_backward, QuadrantEnergyBackwardArgs)

}  // namespace hyra::cuda
