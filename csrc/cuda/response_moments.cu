// Mean, M2 and deviations of windows.
//   running_moments: a thread per sample of the window keeps its count, mean and M2 in registers while all positions
//     pass by in order (Welford). Neighbouring threads read neighbouring columns.
//   deviations: a block per position adds up its deviation from the reference, in a fixed order.
// Work per thread: one sample of every window, four in flight; then channels * window / BLOCK samples of one window.
// Shared memory: 24 bytes per thread (where the windows of the next BLOCK positions lie); 24 bytes per warp.
// Bytes, with S the size of all windows: at least S. Moved: 2 S, the second reading from L2 where a batch fits, the
// reference for each window, from L2, and once the state.
// Operations per float32 sample: 5 FP64 (made a double; two sums and two products of Welford's chain) and 34 FP32.
// Per float64 sample 10 FP64. Bound: the chain, of 3 dependent FP64 operations a position; FP64 at 1/64 takes 2 times
// as long as the bytes on an RTX 4090.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads are one sample wide: a window starts at any column, so at no multiple of 16 bytes.
#include "core/response_moments.hpp"
#include "cuda/block.cuh"
#include "cuda/pair.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kAhead = 4;  // samples that are loaded before the first of them is needed

// 1 / n to 47 bits, for n from 1 on, by no operation of float64: a float, and what it lacks as units of the last place
// of the double. Exactly 1 for 1.
__device__ __forceinline__ double reciprocal(unsigned n) {
  const float nearest = static_cast<float>(n),
              rest = static_cast<float>(static_cast<int>(n - static_cast<unsigned>(nearest)));
  const float approximate = __frcp_rn(nearest);
  const float error = fmaf(-rest, approximate, fmaf(-nearest, approximate, 1.0f)) * approximate;
  const int bits = __float_as_int(approximate);  // positive, and far from the smallest floats
  const float units = __int_as_float((2 * 127 + 52 - (bits >> 23)) << 23);  // in a number of this exponent
  const long long widened = (static_cast<long long>(bits) << 29) + (static_cast<long long>(1023 - 127) << 52);
  return __longlong_as_double(widened + static_cast<int>(error * units));
}

// Where the samples of a window lie: those from (begin_y, begin_x) to (end_y, end_x), which is outside.
struct Place {
  std::int64_t origin;  // of its sample (0, 0) in the first channel
  int begin_y, end_y, begin_x, end_x;

  Place() = default;
  template <typename T>
  __device__ __forceinline__ Place(const ResponseMomentsArgs<T>& args, std::int64_t position) {
    const Window window(args, position);
    const std::int64_t plane = position / args.impulses * args.channels;
    // Modulo 2^64: an empty window may lie anywhere.
    const auto number = [](std::int64_t n) { return static_cast<std::uint64_t>(n); };
    origin = static_cast<std::int64_t>((number(plane * args.height) + number(window.top)) * number(args.width) +
                                       number(window.left));
    begin_y = static_cast<int>(window.begin_y);
    end_y = static_cast<int>(window.end_y);
    begin_x = static_cast<int>(window.begin_x);
    end_x = static_cast<int>(window.end_x);
  }
  __device__ __forceinline__ bool contains(int y, int x) const {
    return y >= begin_y && y < end_y && x >= begin_x && x < end_x;
  }
};

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) running_moments(ResponseMomentsArgs<T> args) {
  CU_SHARED(Place, places, [BLOCK]);
  const std::int64_t window_size = args.window_height * args.window_width, samples = args.channels * window_size;
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * BLOCK + threadIdx.x;
  const std::int64_t i = index < samples ? index : samples - 1;  // all threads of a block meet
  const std::int64_t channel = i / window_size, of_window = i % window_size;
  const int y = static_cast<int>(of_window / args.window_width), x = static_cast<int>(of_window % args.window_width);
  const T* const outputs = args.outputs + (channel * args.height + y) * args.width + x;
  const std::int64_t count_before = args.count_before[of_window], positions = args.images * args.impulses;
  auto count = static_cast<unsigned>(count_before);
  double mean = args.mean_before[i], m2 = args.m2_before[i];
  for (std::int64_t tile = 0; tile < positions; tile += BLOCK) {
    const int here = static_cast<int>(positions - tile < BLOCK ? positions - tile : BLOCK);
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < here) places[threadIdx.x] = Place(args, tile + threadIdx.x);
    __syncthreads();
    for (int first = 0; first < here; first += kAhead) {
      bool inside[kAhead];
      T values[kAhead];
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        const Place& place = places[first + k < here ? first + k : first];
        inside[k] = first + k < here && place.contains(y, x);
        values[k] = inside[k] ? outputs[place.origin] : T(0);
      }
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        if (!inside[k]) continue;
        const double value = static_cast<double>(values[k]), delta = value - mean;
        mean += delta * reciprocal(++count);
        m2 += delta * (value - mean);
      }
    }
  }
  if (index >= samples) return;
  args.mean[i] = mean;
  args.m2[i] = m2;
  if (channel == 0) args.count[i] = count_before + static_cast<unsigned>(count - static_cast<unsigned>(count_before));
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

// Sums over some samples: squared deviations from the reference, its squares, and the largest deviation.
template <typename T>
struct Deviations {
  double squared = 0, energy = 0, largest = 0;
  __device__ __forceinline__ void add(T value, T expected) {
    const double off = value - expected;
    squared += off * off;
    energy += expected * expected;
    largest = fmax(largest, fabs(off));
  }
};

template <>
struct Deviations<float> {
  Pair squared, energy, largest;
  __device__ __forceinline__ void add(float value, float expected) {
    const Pair off = difference_of(value, expected);
    accumulate_product(squared, off, off);
    accumulate(energy, product_of(expected, expected));
    const Pair size = off.hi < 0 ? -off : off;
    if (size.hi > largest.hi || (size.hi == largest.hi && size.lo > largest.lo)) largest = size;
  }
};

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) deviations(ResponseMomentsArgs<T> args) {
  CU_SHARED(double, warp_partials, [3][BLOCK / 32]);
  const Place place(args, blockIdx.x);
  const int rows = place.end_y - place.begin_y, columns = place.end_x - place.begin_x;
  Deviations<T> sums;
  if (rows > 0 && columns > 0) {
    // The place of this thread's sample, and how far the next one lies: one division each, none for a sample.
    const int step_x = BLOCK % columns, step_rows = BLOCK / columns, thread = static_cast<int>(threadIdx.x);
    const int step_y = step_rows % rows, step_channel = step_rows / rows;
    int x = thread % columns, y = thread / columns % rows, channel = thread / columns / rows;
    const std::int64_t plane = args.height * args.width, window_size = args.window_height * args.window_width;
#pragma unroll 4
    while (channel < args.channels) {
      const int row = place.begin_y + y, column = place.begin_x + x;
      sums.add(args.outputs[place.origin + channel * plane + row * args.width + column],
               args.reference[channel * window_size + row * args.window_width + column]);
      x += step_x;
      y += step_y;
      channel += step_channel;
      if (x >= columns) x -= columns, ++y;
      if (y >= rows) y -= rows, ++channel;
    }
  }
  const double squared = block_sum<BLOCK>(to_double(sums.squared), warp_partials[0]);
  const double energy = block_sum<BLOCK>(to_double(sums.energy), warp_partials[1]);
  const double largest = block_max<BLOCK>(to_double(sums.largest), warp_partials[2]);
  if (threadIdx.x != 0) return;
  const std::int64_t position = blockIdx.x;
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
