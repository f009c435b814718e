// Sums of the absolute and the squared differences of pairs of images, integers as integers.
//   chunk_sums: a block per chunk of an image; merge_sums: a block per image adds its chunks up, in a fixed order,
//   where it has several.
// Work per thread: chunk / BLOCK pixels of each image, in groups of 16 bytes. Shared memory: 16 bytes per warp.
// Bytes, with S the size of all images: at least S. Moved: S, and 16 for each chunk, written once and read once.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads: 16 bytes wide, both of a thread in flight; single pixels, added in the same order, where an image starts at no
// multiple of 16 bytes, or is interleaved or cropped.
#include "core/difference_sums.hpp"
#include "cuda/block.cuh"
#include "cuda/pixels.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

__device__ __forceinline__ std::uint64_t magnitude(std::uint64_t p, std::uint64_t t) { return p > t ? p - t : t - p; }
__device__ __forceinline__ double magnitude(double p, double t) { return fabs(p - t); }

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) chunk_sums(DifferenceSumsArgs<T> args) {
  CU_SHARED(Sum<T>, scratch, [2][BLOCK / 32]);
  const DifferenceChunk<T> chunk(args, blockIdx.x);
  const ImagePixels<T> preds(args.preds, args.size, chunk.image), target(args.target, args.size, chunk.image);
  Sum<T> absolute = 0, squares = 0;
  for (std::int64_t i = threadIdx.x * kGroup<T>; i < chunk.count; i += BLOCK * kGroup<T>) {
    const Group<T> p = preds.load_group(chunk.first + i, chunk.count - i);
    const Group<T> t = target.load_group(chunk.first + i, chunk.count - i);
#pragma unroll
    for (int j = 0; j < kGroup<T>; ++j) {  // past the count both are 0
      const Sum<T> d = magnitude(static_cast<Sum<T>>(p.values[j]), static_cast<Sum<T>>(t.values[j]));
      absolute += d;
      squares += d * d;
    }
  }
  absolute = block_sum<BLOCK>(absolute, scratch[0]);
  squares = block_sum<BLOCK>(squares, scratch[1]);
  if (threadIdx.x != 0) return;
  DifferenceChunk<T>::store(args, blockIdx.x, absolute, squares);
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) merge_sums(DifferenceSumsArgs<T> args) {
  CU_SHARED(Sum<T>, scratch, [2][BLOCK / 32]);
  const std::int64_t chunks = DifferenceChunk<T>::per_image(args);
  const Sum<T>* partials = args.partials + 2 * blockIdx.x * chunks;
  Sum<T> absolute = 0, squares = 0;
  for (std::int64_t i = threadIdx.x; i < chunks; i += BLOCK) {
    absolute += partials[2 * i];
    squares += partials[2 * i + 1];
  }
  absolute = block_sum<BLOCK>(absolute, scratch[0]);
  squares = block_sum<BLOCK>(squares, scratch[1]);
  if (threadIdx.x != 0) return;
  args.sums[2 * blockIdx.x] = static_cast<double>(absolute);
  args.sums[2 * blockIdx.x + 1] = static_cast<double>(squares);
}

}  // namespace

template <typename T>
void difference_sums(const DifferenceSumsArgs<T>& args, Context context) {
  if (args.images == 0) return;
  const cudaStream_t stream = stream_of(context);
  const dim3 images(static_cast<unsigned>(args.images)), block(kBlock);
  const dim3 chunks(static_cast<unsigned>(args.images * DifferenceChunk<T>::per_image(args)));
  CU_LAUNCH((chunk_sums<kBlock, T>), chunks, block, 0, stream, args);
  if (args.partials == nullptr) return;
  CU_LAUNCH((merge_sums<kBlock, T>), images, block, 0, stream, args);
}

HYRA_INSTANTIATE_PIXELS(difference_sums, DifferenceSumsArgs)

}  // namespace hyra::cuda
