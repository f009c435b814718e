// The difference of two standardised planes, and the standardised target where it is wanted.
// A thread takes groups of neighbouring pixels of one pair of planes.
// Both pixels are standardised by the same operations and then subtracted, so equal ones give exactly 0, as on a CPU.
// Work per thread: four times 16 bytes of pixels. Shared memory: none.
// Bytes, with S the size of all planes read or written: at least S. Moved: S, and a target of several predictions again
// for each of them, from L2 where it fits.
// Operations per pair of float32 pixels: 8 FP64 and, per thread, two reciprocals; 1 more where the target is wanted.
// Bound: memory; FP64 on an RTX 4090 and a T4, where it takes 1.1 and 1.6 times as long.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads and stores: 16 bytes wide, all loads of a thread in flight; single pixels where a plane starts at no multiple
// of 16 bytes.
#include "core/standardized_difference.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kGroups = 4;  // of 16 bytes of a plane, a block apart

// The product is never fused with the subtraction that follows, which would round one of the two and not the other.
struct Standardization {
  double mean, slope;
  __device__ __forceinline__ explicit Standardization(const double* moments)
      : mean(moments[0]), slope(1 / moments[1]) {}
  template <typename T>
  __device__ __forceinline__ double operator()(T pixel) const {
    return __dmul_rn(static_cast<double>(pixel) - mean, slope);
  }
};

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) standardize(StandardizedDifferenceArgs<T> args, std::int64_t blocks) {
  const std::int64_t plane = blockIdx.x / blocks, target_plane = plane % args.targets;
  const std::int64_t first = (blockIdx.x % blocks * BLOCK * kGroups + threadIdx.x) * kGroup<T>;
  const bool with_preds = plane < args.planes, with_target = args.with_target && plane < args.targets;
  const Standardization of_target(args.target_moments + 2 * target_plane);
  const Standardization of_preds(with_preds ? args.preds_moments + 2 * plane : args.target_moments);
  Group<T> target[kGroups], preds[kGroups];
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {  // all of them before the first store, which the compiler moves none across
    const std::int64_t at = first + g * BLOCK * kGroup<T>, left = args.size - at;
    target[g] = load_group(args.target + target_plane * args.size + at, left);
    if (with_preds) preds[g] = load_group(args.preds + plane * args.size + at, left);
  }
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    const std::int64_t at = first + g * BLOCK * kGroup<T>, left = args.size - at;
#pragma unroll
    for (int j = 0; j < kGroup<T>; ++j) {
      const double t = of_target(target[g].values[j]), p = of_preds(preds[g].values[j]);
      target[g].values[j] = static_cast<T>(t);
      preds[g].values[j] = static_cast<T>(p - t);
    }
    if (with_preds) store_group(args.out + plane * args.size + at, left, preds[g]);
    if (with_target) store_group(args.out + (args.planes + plane) * args.size + at, left, target[g]);
  }
}

}  // namespace

template <typename T>
void standardized_difference(const StandardizedDifferenceArgs<T>& args, Context context) {
  const std::int64_t pairs = args.planes > args.targets ? args.planes : args.targets;
  const std::int64_t pixels = kBlock * kGroups * kGroup<T>, blocks = (args.size + pixels - 1) / pixels;
  if (pairs * blocks == 0) return;
  const dim3 grid(static_cast<unsigned>(pairs * blocks));
  CU_LAUNCH((standardize<kBlock, T>), grid, dim3(kBlock), 0, stream_of(context), args, blocks);
}

HYRA_INSTANTIATE(standardized_difference, StandardizedDifferenceArgs)

}  // namespace hyra::cuda
