// Probe images. A block writes a tile of neighbouring pixels of one plane: first the background, then, past a barrier,
// the impulses that fall among them. It looks at every position of its image; positions that name one pixel twice write
// the same number twice, so no order matters.
// Work per thread: twice 16 bytes of pixels, a block apart, and impulses / BLOCK positions. Shared memory: none.
// Bytes, with S the size of the images: at least S. Moved: S + the background, which stays in L2, + 16 bytes per
// position and block, also from L2.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads and stores: 16 bytes wide, both loads of a thread in flight; single pixels where a plane starts at no multiple
// of 16 bytes.
#include "core/impulse_batch.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

template <int BLOCK, typename T>
constexpr std::int64_t kTile = 2 * BLOCK * kGroup<T>;  // pixels of a block

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) background_and_impulses(ImpulseBatchArgs<T> args, std::int64_t tiles) {
  const std::int64_t plane_index = blockIdx.x / tiles;
  const std::int64_t image = plane_index / args.channels, channel = plane_index % args.channels;
  const std::int64_t plane = args.height * args.width;
  const std::int64_t begin = blockIdx.x % tiles * kTile<BLOCK, T>;
  const std::int64_t end = begin + kTile<BLOCK, T> < plane ? begin + kTile<BLOCK, T> : plane;
  const T* background = args.background + channel * plane;
  T* out = args.images + plane_index * plane;
  const std::int64_t first = begin + threadIdx.x * kGroup<T>, second = first + BLOCK * kGroup<T>;
  // Both loads before the first store, which the compiler moves none across.
  const Group<T> first_group = load_group(background + first, end - first);
  const Group<T> second_group = load_group(background + second, end - second);
  store_group(out + first, end - first, first_group);
  store_group(out + second, end - second, second_group);
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
  const std::int64_t tile = kTile<kBlock, T>, tiles = (plane + tile - 1) / tile;
  const std::int64_t blocks = args.count * args.channels * tiles;
  if (blocks == 0) return;
  CU_LAUNCH((background_and_impulses<kBlock, T>), dim3(static_cast<unsigned>(blocks)), dim3(kBlock), 0,
            stream_of(context), args, tiles);
}

HYRA_INSTANTIATE(impulse_batch, ImpulseBatchArgs)

}  // namespace hyra::cuda
