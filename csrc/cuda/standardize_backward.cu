// Gradient of standardised images: the sums over each image, the line they give, then each pixel by itself.
//   chunk_sums: a block per chunk. image_lines: a block per image adds its chunks up in a fixed order. subtract_lines:
//   a thread per group of neighbouring pixels.
// Work per thread: chunk / BLOCK pixels in the first, 16 bytes of pixels in the last. Shared memory: 16 bytes per warp.
// Bytes, with S the size of the images: at least 3 S. Moved: 5 S, and 16 for each chunk, written and read once.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads and stores: 16 bytes wide, both loads of a thread in flight; single pixels where an image starts at no multiple
// of 16 bytes.
#include "core/standardize_backward.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) chunk_sums(StandardizeBackwardArgs<T> args) {
  CU_SHARED(double, scratch, [2][BLOCK / 32]);
  const std::int64_t chunks = chunk_count(args), image = blockIdx.x / chunks;
  const std::int64_t begin = blockIdx.x % chunks * args.chunk, rest = args.size - begin;
  const std::int64_t size = rest < args.chunk ? rest : args.chunk;
  const T* const grad = args.grad + image * args.size + begin;
  const T* const pixels = args.pixels + image * args.size + begin;
  const double mean = args.moments[2 * image];
  double sum = 0, inner = 0;
  for (std::int64_t first = threadIdx.x * kGroup<T>; first < size; first += BLOCK * kGroup<T>) {
    const Group<T> g = load_group(grad + first, size - first), x = load_group(pixels + first, size - first);
#pragma unroll
    for (int j = 0; j < kGroup<T>; ++j) {  // the gradient is 0 past the last pixel
      sum += static_cast<double>(g.values[j]);
      inner += static_cast<double>(g.values[j]) * (static_cast<double>(x.values[j]) - mean);
    }
  }
  sum = block_sum<BLOCK>(sum, scratch[0]);
  inner = block_sum<BLOCK>(inner, scratch[1]);
  if (threadIdx.x != 0) return;
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x)] = sum;
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x) + 1] = inner;
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) image_lines(StandardizeBackwardArgs<T> args) {
  CU_SHARED(double, scratch, [2][BLOCK / 32]);
  const std::int64_t chunks = chunk_count(args);
  const double* partials = args.partials + 2 * blockIdx.x * chunks;
  double sum = 0, inner = 0;
  for (std::int64_t i = threadIdx.x; i < chunks; i += BLOCK) {
    sum += partials[2 * i];
    inner += partials[2 * i + 1];
  }
  sum = block_sum<BLOCK>(sum, scratch[0]);
  inner = block_sum<BLOCK>(inner, scratch[1]);
  if (threadIdx.x == 0) args.lines[blockIdx.x] = line_of(args, blockIdx.x, sum, inner);
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) subtract_lines(StandardizeBackwardArgs<T> args, std::int64_t blocks) {
  const std::int64_t image = blockIdx.x / blocks;
  const std::int64_t first = (blockIdx.x % blocks * BLOCK + threadIdx.x) * kGroup<T>, left = args.size - first;
  const std::int64_t at = image * args.size + first;
  const double mean = args.moments[2 * image], std_dev = args.moments[2 * image + 1];
  const Line line = args.lines[image];
  const Group<T> g = load_group(args.grad + at, left), x = load_group(args.pixels + at, left);
  Group<T> out;
#pragma unroll
  for (int j = 0; j < kGroup<T>; ++j) {
    const double deviation = static_cast<double>(x.values[j]) - mean;
    out.values[j] = static_cast<T>((static_cast<double>(g.values[j]) - line.level - line.slope * deviation) / std_dev);
  }
  store_group(args.out + at, left, out);
}

}  // namespace

template <typename T>
void standardize_backward(const StandardizeBackwardArgs<T>& args, Context context) {
  const std::int64_t pixels = kBlock * kGroup<T>, blocks = (args.size + pixels - 1) / pixels;
  if (args.images * blocks == 0) return;
  const cudaStream_t stream = stream_of(context);
  const dim3 chunks(static_cast<unsigned>(args.images * chunk_count(args))), images(static_cast<unsigned>(args.images));
  const dim3 all(static_cast<unsigned>(args.images * blocks)), block(kBlock);
  CU_LAUNCH((chunk_sums<kBlock, T>), chunks, block, 0, stream, args);
  CU_LAUNCH((image_lines<kBlock, T>), images, block, 0, stream, args);
  CU_LAUNCH((subtract_lines<kBlock, T>), all, block, 0, stream, args, blocks);
}

HYRA_INSTANTIATE(standardize_backward, StandardizeBackwardArgs)

}  // namespace hyra::cuda
