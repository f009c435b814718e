// Probe images. A block writes BLOCK * ITEMS neighbouring pixels of one plane: first the background, then, past a
// barrier, the impulses that fall among them. It looks at every position of its image; positions that name one pixel
// twice write the same number twice, so no order matters.
// Work per thread: ITEMS pixels and impulses / BLOCK positions. Shared memory: none.
// Bytes, with S the size of the images: at least S. Moved: S + the background, which stays in L2, + 16 bytes per
// position and block, also from L2. Loads are one pixel wide, up to six of them in flight: a plane behind one of odd
// size starts at no multiple of 16 bytes.
#include "core/impulse_batch.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kItems = 8;

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) background_and_impulses(ImpulseBatchArgs<T> args, std::int64_t tiles) {
  const std::int64_t plane_index = blockIdx.x / tiles;
  const std::int64_t image = plane_index / args.channels, channel = plane_index % args.channels;
  const std::int64_t plane = args.height * args.width;
  const std::int64_t begin = blockIdx.x % tiles * (BLOCK * kItems);
  const std::int64_t end = begin + BLOCK * kItems < plane ? begin + BLOCK * kItems : plane;
  // Restricted, since nothing here writes it: the compiler may then read ahead of its own stores.
  const T* __restrict__ background = args.background + channel * plane;
  T* out = args.images + plane_index * plane;
#pragma unroll
  for (int j = 0; j < kItems; ++j) {
    const std::int64_t pixel = begin + j * BLOCK + threadIdx.x;
    if (pixel < end) out[pixel] = background[pixel];
  }
  __syncthreads();
  for (std::int64_t m = threadIdx.x; m < args.impulses; m += BLOCK) {
    const std::int64_t pixel = pixel_index(args.positions + (image * args.impulses + m) * 2, args.height, args.width);
    if (pixel >= begin && pixel < end) store_relaxed(&out[pixel], background[pixel] + args.amplitudes[plane_index]);
  }
}

}  // namespace

template <typename T>
void impulse_batch(const ImpulseBatchArgs<T>& args, Context context) {
  const std::int64_t plane = args.height * args.width;
  const std::int64_t tiles = (plane + kBlock * kItems - 1) / (kBlock * kItems);
  const std::int64_t blocks = args.count * args.channels * tiles;
  if (blocks == 0) return;
  CU_LAUNCH((background_and_impulses<kBlock, T>), dim3(static_cast<unsigned>(blocks)), dim3(kBlock), 0,
            stream_of(context), args, tiles);
}

HYRA_INSTANTIATE(impulse_batch, ImpulseBatchArgs)

}  // namespace hyra::cuda
