// Energy of the quadrant integrals. A quadrant is cut into bands of rows, a block each.
//   column_sums: the sum of each column over a band (skipped where there is one band).
//   integral_energy: starts from the sums of the bands before it, walks down its rows (quadrant_scan.cuh) and adds up.
//   shift_invariant_energy: no scan, a weighted sum.
// Work per thread: the rows of a band times kItems columns for each tile of a row (one column for the two that scan
// nothing); of a patch 192 wide 25 threads of 32. Shared memory: 40 bytes per warp, 16 per row of a band if tiled.
// Bytes, with S the size of the spectrum: at least S. Moved: S for one band or the shift-invariant weighting; else 2 S,
// the second reading mostly from L2, and the sums, 16 bytes for each column of a band, written once and read by all the
// bands after it (DIV2K image: 0.06 S written, 0.6 S read, from L2).
// Operations per complex number, scanned: 20 FP64; or, of float32 in pairs (pair.cuh) where float64 is slow, 186 FP32
// and 4 FP64. Bound: L2 and the barrier of each row on an H100; on an RTX 4090 memory, with FP64 at 0.8 of it.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads: 16 bytes for two float or one double complex number, 8 where a row of an odd width starts between two; where
// lanes lie side by side and nothing is scanned one complex number each, four in flight.
#include "core/quadrant_energy.hpp"
#include "cuda/quadrant_scan.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

template <typename Real>
struct Squares {
  double sum = 0;
  __device__ __forceinline__ void add(double x) { sum += x * x; }
  __device__ __forceinline__ double total() const { return sum; }
};

// hi * hi in float64, which neither overflows nor loses small ones; twice hi * lo in float32.
template <>
struct Squares<Pair> {
  double sum = 0;
  float products = 0;
  __device__ __forceinline__ void add(Pair x) {
    sum += static_cast<double>(x.hi) * static_cast<double>(x.hi);
    products = fmaf(x.hi, x.lo, products);
  }
  __device__ __forceinline__ double total() const { return sum + 2 * static_cast<double>(products); }
};

// Blocks that fit on a multiprocessor: of a thousand threads, or as many as any takes. ptxas would rather have more on
// some, and spill.
template <int BLOCK>
inline constexpr int kResident = BLOCK > 64 ? 1024 / BLOCK : 16;

template <int BLOCK, typename Real, typename T>
__global__ void __launch_bounds__(BLOCK, kResident<BLOCK>) integral_energy(QuadrantEnergyArgs<T> args) {
  CU_SHARED(ComplexOf<Real>, totals, [2 * (BLOCK / 32)]);
  CU_SHARED(double, warp_energies, [BLOCK / 32]);
  CU_DYN_SHARED(ComplexOf<Real>, carries);
  const Band<false> band(args.rows, args.columns, args.bands);
  Squares<Real> squares;
  integrate<BLOCK>(band, args.spectrum, args.column_sums, totals, carries,
                   [&](std::int64_t, ComplexOf<Real> value) { squares.add(value.re), squares.add(value.im); });
  const double energy = block_sum<BLOCK>(squares.total(), warp_energies);
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
  with_reals<T>([&](auto real) {
    using Real = decltype(real);
    if (args.bands > 1) {
      CU_LAUNCH((column_sums<kBlock, false, Real, T>), grid, block, 0, stream, args.spectrum, args.column_sums,
                args.rows, args.columns, args.bands);
    }
    with_block(args.columns, [&](auto width) {
      constexpr int BLOCK = decltype(width)::value;
      CU_LAUNCH((integral_energy<BLOCK, Real, T>), grid, dim3(BLOCK),
                carries_bytes<BLOCK>(args.rows, args.columns, args.bands), stream, args);
    });
  });
}

HYRA_INSTANTIATE(quadrant_energy, QuadrantEnergyArgs)

}  // namespace hyra::cuda
