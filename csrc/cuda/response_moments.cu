// Mean, M2 and deviations of windows.
//   running_moments: a thread per sample of the window keeps its count, mean and M2 in registers while all positions
//     pass by in order (Welford). Neighbouring threads read neighbouring columns.
//   deviations: a block per position adds up its deviation from the reference, in a fixed order.
// Work per thread: one sample of every window; then channels * window / BLOCK samples of one window. Shared memory: 24
// bytes per warp.
// Bytes, with S the size of all windows: at least S. Moved: 2 S, the second reading from L2 where a batch fits, the
// reference for each window, from L2, and once the state.
// Loads are one sample wide: a window starts at any column, so at no multiple of 16 bytes.
#include "core/response_moments.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) running_moments(ResponseMomentsArgs<T> args) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * BLOCK + threadIdx.x;
  const std::int64_t window_size = args.window_height * args.window_width;
  if (i >= args.channels * window_size) return;
  const std::int64_t channel = i / window_size;
  const std::int64_t y = i % window_size / args.window_width, x = i % args.window_width;
  std::int64_t count = args.count_before[i % window_size];
  double mean = args.mean_before[i], m2 = args.m2_before[i];
  for (std::int64_t position = 0; position < args.images * args.impulses; ++position) {
    const Window window(args, position);
    if (y < window.begin_y || y >= window.end_y || x < window.begin_x || x >= window.end_x) continue;
    const std::int64_t plane = position / args.impulses * args.channels + channel;
    const T sample = args.outputs[(plane * args.height + window.top + y) * args.width + window.left + x];
    const double value = static_cast<double>(sample), delta = value - mean;
    mean += delta / static_cast<double>(++count);
    m2 += delta * (value - mean);
  }
  args.mean[i] = mean;
  args.m2[i] = m2;
  if (channel == 0) args.count[i] = count;
}

// Largest value over the block, for thread 0; `partials` has room for one number per warp.
template <int BLOCK>
__device__ __forceinline__ double block_max(double value, double* partials) {
#pragma unroll
  for (int distance = 16; distance >= 1; distance /= 2) {
    value = fmax(value, __shfl_down_sync(0xffffffffu, value, distance));
  }
  if (threadIdx.x % 32 == 0) partials[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < BLOCK / 32; ++warp) value = fmax(value, partials[warp]);
  }
  return value;
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) deviations(ResponseMomentsArgs<T> args) {
  CU_SHARED(double, warp_partials, [3][BLOCK / 32]);
  const std::int64_t position = blockIdx.x;
  const Window window(args, position);
  const std::int64_t rows = window.end_y - window.begin_y, columns = window.end_x - window.begin_x;
  double squared = 0, energy = 0, largest = 0;
  for (std::int64_t i = threadIdx.x; i < args.channels * rows * columns; i += BLOCK) {
    const std::int64_t channel = i / (rows * columns);
    const std::int64_t y = window.begin_y + i / columns % rows, x = window.begin_x + i % columns;
    const std::int64_t plane = position / args.impulses * args.channels + channel;
    const T value = args.outputs[(plane * args.height + window.top + y) * args.width + window.left + x];
    const T expected = args.reference[(channel * args.window_height + y) * args.window_width + x];
    const double off = static_cast<double>(value) - static_cast<double>(expected);
    squared += off * off;
    energy += static_cast<double>(expected) * static_cast<double>(expected);
    largest = fmax(largest, fabs(off));
  }
  squared = block_sum<BLOCK>(squared, warp_partials[0]);
  energy = block_sum<BLOCK>(energy, warp_partials[1]);
  largest = block_max<BLOCK>(largest, warp_partials[2]);
  if (threadIdx.x != 0) return;
  args.deviations[3 * position] = squared;
  args.deviations[3 * position + 1] = energy;
  args.deviations[3 * position + 2] = largest;
}

}  // namespace

template <typename T>
void response_moments(const ResponseMomentsArgs<T>& args, Context context) {
  const cudaStream_t stream = stream_of(context);
  const std::int64_t samples = args.channels * args.window_height * args.window_width;
  const std::int64_t positions = args.images * args.impulses;
  const dim3 grid(static_cast<unsigned>((samples + kBlock - 1) / kBlock));
  CU_LAUNCH((running_moments<kBlock, T>), grid, dim3(kBlock), 0, stream, args);
  if (positions > 0) {
    CU_LAUNCH((deviations<kBlock, T>), dim3(static_cast<unsigned>(positions)), dim3(kBlock), 0, stream, args);
  }
}

HYRA_INSTANTIATE(response_moments, ResponseMomentsArgs)

}  // namespace hyra::cuda
