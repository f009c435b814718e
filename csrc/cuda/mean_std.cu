// Mean and standard deviation of each image.
//   chunk_moments: a block per chunk; the mean of some pixels, then the deviations of all from it, and their squares.
//   merge_chunks: a block per image merges the moments of its chunks in a fixed order (Chan et al.).
//   chunk_sums, merge_sums: of integers, the sums of the pixels and of their squares, exactly.
// Work per thread: chunk / BLOCK pixels, in groups of 16 bytes. Shared memory: 20 or 24 bytes per warp, and 8.
// Bytes, with S the size of the images: at least S. Moved: S, a quarter of it again from L1, and 16 for each chunk,
// written once and read twice.
// Operations per float32 pixel: 2 FP64 (its deviation made a double, and squared), 17 FP32. Per float64 pixel: 3 FP64.
// Bound: memory where float64 runs at half the rate of float32 (A100, H100, B200) or at 1/64 beside 1 TB/s (RTX 4090,
// L4); FP64, at 1.3 times the time of the bytes, on a T4.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads: 16 bytes wide, four of them in flight; single pixels, added in the same order, where an image starts at no
// multiple of 16 bytes, or is interleaved or cropped.
#include "core/mean_std.hpp"
#include "cuda/block.cuh"
#include "cuda/pair.cuh"
#include "cuda/pixels.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kGroups = 4;  // in flight

// `block_sum` for every thread of the block; `scratch` has room for one number per warp and one more.
template <int BLOCK, typename V>
__device__ __forceinline__ V block_sum_to_all(V value, V* scratch) {
  const V sum = block_sum<BLOCK>(value, scratch);
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
        if (first + g * kStride + j < chunk.size) sink(groups[g].values[j]);
      }
    }
  }
}

// Sums of the deviations of pixels from a pivot and of their squares.
template <typename T>
struct Deviations {
  T pivot;
  double sum = 0, squares = 0;
  __device__ __forceinline__ void add(T pixel) {
    const double deviation = pixel - pivot;
    sum += deviation;
    squares += deviation * deviation;
  }
  __device__ __forceinline__ double total() const { return sum; }
  __device__ __forceinline__ double total_squares() const { return squares; }
};

// A deviation is hi + lo exactly: hi * hi is a double, lo * lo lies below its last bit, and their product in float32 is
// as good as the rest.
template <>
struct Deviations<float> {
  float pivot;
  Pair sum = {};
  double squares = 0;
  float products = 0;
  __device__ __forceinline__ void add(float pixel) {
    const Pair deviation = difference_of(pixel, pivot);
    accumulate(sum, deviation);
    squares += static_cast<double>(deviation.hi) * static_cast<double>(deviation.hi);
    products = fmaf(deviation.hi, deviation.lo, products);
  }
  __device__ __forceinline__ double total() const { return to_double(sum); }
  __device__ __forceinline__ double total_squares() const { return squares + 2 * static_cast<double>(products); }
};

// About the mean of the first pixel of each thread's share and its neighbours, one in four or eight of a chunk. A mean
// of a k-th of the numbers lies at most sqrt(k) of their deviations off theirs, so that of the squares about it at
// least a k-th is left when the mean's own is taken away: three bits of 53.
template <int BLOCK, typename T>
__device__ __forceinline__ T pivot_of(const Chunk<T>& chunk, T* scratch) {
  const std::int64_t first = threadIdx.x * kGroup<T>, share = BLOCK * kGroup<T>;
  const T origin = chunk.pixels.at(chunk.begin);
  const Group<T> group =
      first < chunk.size ? chunk.pixels.load_group(chunk.begin + first, chunk.size - first) : Group<T>();
  T sum = 0;
#pragma unroll
  for (int j = 0; j < kGroup<T>; ++j) {
    if (first + j < chunk.size) sum += group.values[j] - origin;
  }
  const T pivot =
      origin + block_sum_to_all<BLOCK>(sum, scratch) / static_cast<T>(chunk.size < share ? chunk.size : share);
  return pivot - pivot == 0 ? pivot : origin;  // where a difference of finite pixels is infinite
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK, 3) chunk_moments(MeanStdArgs<T> args) {
  CU_SHARED(T, pivot_scratch, [BLOCK / 32 + 1]);
  CU_SHARED(double, scratch, [2][BLOCK / 32]);
  const Chunk<T> chunk(args, chunk_count(args), blockIdx.x);
  Deviations<T> deviations{pivot_of<BLOCK>(chunk, pivot_scratch)};
  for_each_pixel<BLOCK>(chunk, [&](T pixel) { deviations.add(pixel); });
  const double sum = block_sum<BLOCK>(deviations.total(), scratch[0]);
  const double squares = block_sum<BLOCK>(deviations.total_squares(), scratch[1]);
  if (threadIdx.x != 0) return;
  const double offset = sum / static_cast<double>(chunk.size);
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x)] = static_cast<double>(deviations.pivot) + offset;
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x) + 1] = squares - sum * offset;
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
