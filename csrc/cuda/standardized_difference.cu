// The difference of two standardised planes, and the standardised target where it is wanted.
// A thread takes a group of neighbouring pixels of one pair of planes.
// Division, not a product: nothing that the compiler could fuse, so equal pixels give exactly 0.
// Work per thread: 16 bytes of pixels. Shared memory: none.
// Bytes, with S the size of all planes read or written: at least S. Moved: S, and a target of several predictions again
// for each of them, from L2 where it fits.
// Loads and stores: 16 bytes wide, both loads of a thread in flight; single pixels where a plane starts at no multiple
// of 16 bytes.
#include "core/standardized_difference.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) standardize(StandardizedDifferenceArgs<T> args, std::int64_t blocks) {
  const std::int64_t plane = blockIdx.x / blocks, target_plane = plane % args.targets;
  const std::int64_t first = (blockIdx.x % blocks * BLOCK + threadIdx.x) * kGroup<T>;
  const bool with_preds = plane < args.planes, with_target = args.with_target && plane < args.targets;
  const double* target_moments = args.target_moments + 2 * target_plane;
  const double* preds_moments = args.preds_moments + 2 * plane;
  const std::int64_t left = args.size - first;
  const Group<T> target_pixels = load_group(args.target + target_plane * args.size + first, left);
  const Group<T> preds_pixels = with_preds ? load_group(args.preds + plane * args.size + first, left) : Group<T>();
  Group<T> target, difference;
#pragma unroll
  for (int j = 0; j < kGroup<T>; ++j) {
    const double t = (static_cast<double>(target_pixels.values[j]) - target_moments[0]) / target_moments[1];
    const double p =
        with_preds ? (static_cast<double>(preds_pixels.values[j]) - preds_moments[0]) / preds_moments[1] : 0;
    target.values[j] = static_cast<T>(t);
    difference.values[j] = static_cast<T>(p - t);
  }
  if (with_preds) store_group(args.out + plane * args.size + first, left, difference);
  if (with_target) store_group(args.out + (args.planes + plane) * args.size + first, left, target);
}

}  // namespace

template <typename T>
void standardized_difference(const StandardizedDifferenceArgs<T>& args, Context context) {
  const std::int64_t pairs = args.planes > args.targets ? args.planes : args.targets;
  const std::int64_t pixels = kBlock * kGroup<T>, blocks = (args.size + pixels - 1) / pixels;
  if (pairs * blocks == 0) return;
  const dim3 grid(static_cast<unsigned>(pairs * blocks));
  CU_LAUNCH((standardize<kBlock, T>), grid, dim3(kBlock), 0, stream_of(context), args, blocks);
}

HYRA_INSTANTIATE(standardized_difference, StandardizedDifferenceArgs)

}  // namespace hyra::cuda
