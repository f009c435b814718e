// Mean and standard deviation of each image, about its first pixel as on the CPU.
//   chunk_moments: a block per chunk; its mean, then its squared deviations from it, reading each pixel again (L1, L2).
//   merge_chunks: a block per image merges the moments of its chunks in a fixed order (Chan et al.).
//   chunk_sums, merge_sums: of integers, the sums of the pixels and of their squares, exactly.
// Work per thread: chunk / BLOCK pixels, in groups of 16 bytes, twice, once of integers. Shared memory: 16 bytes per
// warp, and 16.
// Bytes, with S the size of the images: at least S. Moved: S, and 16 for each chunk, written once and read twice.
// Loads: 16 bytes wide, four of them in flight; single pixels, added in the same order, where an image starts at no
// multiple of 16 bytes, or is interleaved or cropped.
#include "core/mean_std.hpp"
#include "cuda/block.cuh"
#include "cuda/pixels.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kGroups = 4;  // in flight

// `block_sum` for every thread of the block; `scratch` has room for one number per warp and one more.
template <int BLOCK>
__device__ __forceinline__ double block_sum_to_all(double value, double* scratch) {
  const double sum = block_sum<BLOCK>(value, scratch);
  if (threadIdx.x == 0) scratch[BLOCK / 32] = sum;
  __syncthreads();
  return scratch[BLOCK / 32];
}

// The pixels of this block's chunk.
template <typename T>
struct Chunk {
  ImagePixels<T> pixels;
  std::int64_t begin, size;
  __device__ __forceinline__ Chunk(const MeanStdArgs<T>& args, std::int64_t chunks, std::int64_t index)
      : pixels(batch_of(args, index / chunks), args.size, index_in_batch(args, index / chunks)),
        begin(index % chunks * args.chunk),
        size(chunk_size(args, index % chunks)) {}
};

// Calls sink(pixel) for the pixels of a chunk that are this thread's: groups of neighbours, a block apart.
template <int BLOCK, typename T, typename Sink>
__device__ __forceinline__ void for_each_pixel(const Chunk<T>& chunk, Sink sink) {
  constexpr int kStride = BLOCK * kGroup<T>;
  for (std::int64_t first = threadIdx.x * kGroup<T>; first < chunk.size; first += kGroups * kStride) {
    Group<T> groups[kGroups];
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      groups[g] = chunk.pixels.load_group(chunk.begin + first + g * kStride, chunk.size - first - g * kStride);
    }
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
#pragma unroll
      for (int j = 0; j < kGroup<T>; ++j) {
        if (first + g * kStride + j < chunk.size) sink(static_cast<Sum<T>>(groups[g].values[j]));
      }
    }
  }
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) chunk_moments(MeanStdArgs<T> args) {
  CU_SHARED(double, scratch, [2][BLOCK / 32 + 1]);
  const Chunk<T> chunk(args, chunk_count(args), blockIdx.x);
  const double pivot = static_cast<double>(chunk.pixels.at(chunk.begin));
  double sum = 0, squares = 0;
  for_each_pixel<BLOCK>(chunk, [&](double pixel) { sum += pixel - pivot; });
  const double offset = block_sum_to_all<BLOCK>(sum, scratch[0]) / static_cast<double>(chunk.size);
  for_each_pixel<BLOCK>(chunk, [&](double pixel) {
    const double deviation = pixel - pivot - offset;
    squares += deviation * deviation;
  });
  squares = block_sum<BLOCK>(squares, scratch[1]);
  if (threadIdx.x != 0) return;
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x)] = pivot + offset;
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x) + 1] = squares;
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) merge_chunks(MeanStdArgs<T> args) {
  CU_SHARED(double, scratch, [2][BLOCK / 32 + 1]);
  const std::int64_t chunks = chunk_count(args);
  const double* partials = args.partials + 2 * blockIdx.x * chunks;
  double sum = 0, squares = 0;
  const auto size = static_cast<double>(pixel_count(args.size));
  for (std::int64_t i = threadIdx.x; i < chunks; i += BLOCK)
    sum += static_cast<double>(chunk_size(args, i)) * (partials[2 * i] - partials[0]);
  const double mean = partials[0] + block_sum_to_all<BLOCK>(sum, scratch[0]) / size;
  for (std::int64_t i = threadIdx.x; i < chunks; i += BLOCK) {
    const double delta = partials[2 * i] - mean;
    squares += partials[2 * i + 1] + static_cast<double>(chunk_size(args, i)) * delta * delta;
  }
  squares = block_sum<BLOCK>(squares, scratch[1]);
  if (threadIdx.x != 0) return;
  args.moments[2 * blockIdx.x] = mean;
  args.moments[2 * blockIdx.x + 1] = sqrt(finite_or_nan(squares / (size - 1)));
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) chunk_sums(MeanStdArgs<T> args) {
  CU_SHARED(std::uint64_t, scratch, [2][BLOCK / 32]);
  std::uint64_t sum = 0, squares = 0;
  for_each_pixel<BLOCK>(Chunk<T>(args, chunk_count(args), blockIdx.x), [&](std::uint64_t pixel) {
    sum += pixel;
    squares += pixel * pixel;
  });
  sum = block_sum<BLOCK>(sum, scratch[0]);
  squares = block_sum<BLOCK>(squares, scratch[1]);
  if (threadIdx.x != 0) return;
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x)] = sum;
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x) + 1] = squares;
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) merge_sums(MeanStdArgs<T> args) {
  CU_SHARED(std::uint64_t, scratch, [2][BLOCK / 32]);
  const std::int64_t chunks = chunk_count(args);
  const std::uint64_t* partials = args.partials + 2 * blockIdx.x * chunks;
  std::uint64_t sum = 0, squares = 0;
  for (std::int64_t i = threadIdx.x; i < chunks; i += BLOCK) {
    sum += partials[2 * i];
    squares += partials[2 * i + 1];
  }
  sum = block_sum<BLOCK>(sum, scratch[0]);
  squares = block_sum<BLOCK>(squares, scratch[1]);
  if (threadIdx.x == 0) write_moments(sum, squares, pixel_count(args.size), args.moments + 2 * blockIdx.x);
}

}  // namespace

template <typename T>
void mean_std(const MeanStdArgs<T>& args, Context context) {
  if (args.images == 0) return;
  const cudaStream_t stream = stream_of(context);
  const dim3 images(static_cast<unsigned>(args.images)), block(kBlock);
  const dim3 chunks(static_cast<unsigned>(args.images * chunk_count(args)));
  if constexpr (std::is_integral_v<T>) {
    CU_LAUNCH((chunk_sums<kBlock, T>), chunks, block, 0, stream, args);
    CU_LAUNCH((merge_sums<kBlock, T>), images, block, 0, stream, args);
  } else {
    CU_LAUNCH((chunk_moments<kBlock, T>), chunks, block, 0, stream, args);
    CU_LAUNCH((merge_chunks<kBlock, T>), images, block, 0, stream, args);
  }
}

HYRA_INSTANTIATE_PIXELS(mean_std, MeanStdArgs)

}  // namespace hyra::cuda
