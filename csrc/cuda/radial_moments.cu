// Power and cross power per ring, as a gather: no bin is added to anything shared, so nothing depends on an order.
//   bin_rings: a warp owns 32 neighbouring rings, a lane one of them, and walks down rows. In a row each ring is a run
//     of columns, and the runs of a warp lie side by side: lanes read neighbouring addresses, one to two columns each
//     almost everywhere, and keep their sums in registers. Edges are decided in integers; from one row to the next they
//     only move inward. The warps of a block take the rows of a band in turn and are added in order.
//   count_rings, merge_bands: the lengths of the runs; adds the bands in order.
// A privatised histogram would need float64 atomics, whose order changes the bits, or one copy per warp.
// Work per thread: a ring in every (BLOCK / 32)th pair of rows of a band. Shared memory: 32 bytes per thread.
// Bytes, with S the size of both spectra: at least S. Moved: S, and 32 bytes per ring, plane and band twice (DIV2K
// image: 6 % of S). Loads are one complex number wide, 8 or 16 bytes, four in flight: a run is no longer than that.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
#include "core/radial_moments.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

struct Sums {
  double power_a, power_b, re, im;
};

__device__ __forceinline__ Sums operator+(Sums s, Sums t) {
  return {s.power_a + t.power_a, s.power_b + t.power_b, s.re + t.re, s.im + t.im};
}

__device__ __forceinline__ Sums operator*(double w, Sums s) {
  return {w * s.power_a, w * s.power_b, w * s.re, w * s.im};
}

// The columns [begin, end) of a row that lie in one ring, followed from row to row.
struct Run {
  std::int64_t inner, outer, begin, end;

  __device__ __forceinline__ Run(const RingRule& rule, std::int64_t ring, std::int64_t ky, std::int64_t columns)
      : inner(rule.inner_edge(ring)), outer(rule.inner_edge(ring + 1)) {
    begin = first_beyond(rule, inner, ky, columns);
    end = first_beyond(rule, outer, ky, columns);
  }
  __device__ __forceinline__ void move_to(const RingRule& rule, std::int64_t ky) {
    while (begin > 0 && rule.reaches(ky, begin - 1, inner)) --begin;
    while (end > 0 && rule.reaches(ky, end - 1, outer)) --end;
  }
  static __device__ __forceinline__ std::int64_t first_beyond(const RingRule& rule, std::int64_t edge, std::int64_t ky,
                                                              std::int64_t columns) {
    std::int64_t low = 0, high = columns;
    while (low < high) {
      const std::int64_t middle = (low + high) / 2;
      if (rule.reaches(ky, middle, edge)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
};

__device__ __forceinline__ Sums products(Complex x, Complex y) {
  return {x.re * x.re + x.im * x.im, y.re * y.re + y.im * y.im, x.re * y.re + x.im * y.im, x.im * y.re - x.re * y.im};
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) bin_rings(RadialMomentsArgs<T> args, std::int64_t groups) {
  constexpr int kWarps = BLOCK / 32;
  CU_SHARED(Sums, warp_sums, [kWarps][32]);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const std::int64_t group = blockIdx.x % groups, band = blockIdx.x / groups % args.bands;
  const std::int64_t p = blockIdx.x / groups / args.bands, ring = group * 32 + lane;
  const RingRule rule(args.height, args.width);
  const std::int64_t columns = args.width / 2 + 1, row = 2 * columns, plane = p * args.height * row;
  const Pairs pairs = pairs_of_band(args.height, args.bands, band);

  Run run(rule, ring, pairs.begin + warp, columns);
  Sums sums = {};
  for (std::int64_t ky = pairs.begin + warp; ky < pairs.end; ky += kWarps) {
    if (rule.lies_beyond(ky, (group + 1) * 32)) break;  // this row and all after it lie beyond the warp's rings
    run.move_to(rule, ky);
    const std::int64_t at = plane + ky * row, opposite = plane + (args.height - ky) * row;
    const bool mirror = rule.has_mirror(ky);
#pragma unroll 1  // runs are one or two columns long: unrolled, they only cost registers
    for (std::int64_t k = run.begin; k < run.end; ++k) {
      Sums bin = products(load_complex(args.a + at + 2 * k), load_complex(args.b + at + 2 * k));
      if (mirror) {
        bin = bin + products(load_complex(args.a + opposite + 2 * k), load_complex(args.b + opposite + 2 * k));
      }
      sums = sums + static_cast<double>(rule.hermitian_weight(k)) * bin;
    }
  }
  warp_sums[warp][lane] = sums;
  __syncthreads();
  if (warp != 0 || ring >= args.rings) return;
  for (int w = 1; w < kWarps; ++w) sums = sums + warp_sums[w][lane];
  double* out = args.partials + ((band * args.planes + p) * args.rings + ring) * 4;
  out[0] = sums.power_a;
  out[1] = sums.power_b;
  out[2] = sums.re;
  out[3] = sums.im;
}

// A thread per ring and band.
template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) count_rings(RadialMomentsArgs<T> args) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * BLOCK + threadIdx.x;
  if (i >= args.bands * args.rings) return;
  const RingRule rule(args.height, args.width);
  const Pairs pairs = pairs_of_band(args.height, args.bands, i / args.rings);
  Run run(rule, i % args.rings, pairs.begin, args.width / 2 + 1);
  std::int64_t count = 0;
  for (std::int64_t ky = pairs.begin; ky < pairs.end; ++ky) {
    run.move_to(rule, ky);
    if (run.begin == run.end) continue;
    const std::int64_t bins = 2 * (run.end - run.begin) - (run.begin == 0) - (2 * (run.end - 1) == args.width);
    count += rule.has_mirror(ky) ? 2 * bins : bins;
  }
  args.partial_counts[i] = count;
}

// A thread per ring of a plane; after the planes, a thread per ring for the counts.
template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) merge_bands(RadialMomentsArgs<T> args) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * BLOCK + threadIdx.x, sums = args.planes * args.rings;
  if (i < sums) {
    Sums sum = {};
    for (std::int64_t band = 0; band < args.bands; ++band) {
      const double* partial = args.partials + (band * sums + i) * 4;
      sum = sum + Sums{partial[0], partial[1], partial[2], partial[3]};
    }
    args.power_a[i] = sum.power_a;
    args.power_b[i] = sum.power_b;
    args.cross[2 * i] = sum.re;
    args.cross[2 * i + 1] = sum.im;
  } else if (i < sums + args.rings) {
    std::int64_t count = 0;
    for (std::int64_t band = 0; band < args.bands; ++band) count += args.partial_counts[band * args.rings + i - sums];
    args.count[i - sums] = count;
  }
}

}  // namespace

template <typename T>
void radial_moments(const RadialMomentsArgs<T>& args, Context context) {
  const cudaStream_t stream = stream_of(context);
  const std::int64_t groups = (args.rings + 31) / 32;
  const auto blocks = [](std::int64_t threads) { return dim3(static_cast<unsigned>((threads + kBlock - 1) / kBlock)); };
  if (args.planes > 0) {
    const dim3 grid(static_cast<unsigned>(groups * args.bands * args.planes));
    CU_LAUNCH((bin_rings<kBlock, T>), grid, dim3(kBlock), 0, stream, args, groups);
  }
  CU_LAUNCH((count_rings<kBlock, T>), blocks(args.bands * args.rings), dim3(kBlock), 0, stream, args);
  CU_LAUNCH((merge_bands<kBlock, T>), blocks((args.planes + 1) * args.rings), dim3(kBlock), 0, stream, args);
}

HYRA_INSTANTIATE(radial_moments, RadialMomentsArgs)

}  // namespace hyra::cuda
