// The difference of two standardised planes, and the standardised target where it is wanted.
// A thread takes ITEMS pixels of one pair of planes, a block apart, and writes zeros past the last pixel: the padding.
// Division, not a product: nothing that the compiler could fuse, so equal pixels give exactly 0.
// Work per thread: ITEMS pixels. Shared memory: none.
// Bytes, with S the size of all planes read or written: at least S. Moved: S, and a target of several predictions again
// for each of them, from L2 where it fits. Loads are one pixel wide, since a plane of an odd size starts at no multiple
// of 16 bytes, and 2 ITEMS of them in flight.
#include "core/standardized_difference.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kItems = 4;

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) standardize(StandardizedDifferenceArgs<T> args, std::int64_t blocks) {
  const std::int64_t plane = blockIdx.x / blocks, target_plane = plane % args.targets;
  const std::int64_t first = blockIdx.x % blocks * BLOCK * kItems + threadIdx.x, stride = args.size + args.padding;
  const bool with_preds = plane < args.planes, with_target = args.with_target && plane < args.targets;
  const double* target_moments = args.target_moments + 2 * target_plane;
  const double* preds_moments = args.preds_moments + 2 * plane;
  T target_pixels[kItems], preds_pixels[kItems];
#pragma unroll
  for (int j = 0; j < kItems; ++j) {  // all of them before the first store, which the compiler moves no load across
    const std::int64_t i = first + j * BLOCK;
    if (i < args.size) target_pixels[j] = args.target[target_plane * args.size + i];
    if (i < args.size && with_preds) preds_pixels[j] = args.preds[plane * args.size + i];
  }
#pragma unroll
  for (int j = 0; j < kItems; ++j) {
    const std::int64_t i = first + j * BLOCK;
    if (i >= stride) return;
    double target = 0, difference = 0;
    if (i < args.size) {
      target = (static_cast<double>(target_pixels[j]) - target_moments[0]) / target_moments[1];
      if (with_preds) {
        difference = (static_cast<double>(preds_pixels[j]) - preds_moments[0]) / preds_moments[1] - target;
      }
    }
    if (with_preds) args.out[plane * stride + i] = static_cast<T>(difference);
    if (with_target) args.out[(args.planes + plane) * stride + i] = static_cast<T>(target);
  }
}

}  // namespace

template <typename T>
void standardized_difference(const StandardizedDifferenceArgs<T>& args, Context context) {
  const std::int64_t pairs = args.planes > args.targets ? args.planes : args.targets;
  const std::int64_t pixels = kBlock * kItems, blocks = (args.size + args.padding + pixels - 1) / pixels;
  if (pairs * blocks == 0) return;
  const dim3 grid(static_cast<unsigned>(pairs * blocks));
  CU_LAUNCH((standardize<kBlock, T>), grid, dim3(kBlock), 0, stream_of(context), args, blocks);
}

HYRA_INSTANTIATE(standardized_difference, StandardizedDifferenceArgs)

}  // namespace hyra::cuda
