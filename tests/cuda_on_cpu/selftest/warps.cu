// Warp operations: what they return, for whom they wait, and that only __syncwarp orders memory.
#include "selftest.hpp"

namespace {

using namespace selftest;

constexpr unsigned kAll = 0xffffffffu;

__global__ void __launch_bounds__(32) shuffles(int* y) {
  const int lane = static_cast<int>(threadIdx.x);
  bool right = __shfl_sync(kAll, lane, 5) == 5 && __shfl_sync(kAll, lane, 9, 8) == lane / 8 * 8 + 1;
  right &= __shfl_up_sync(kAll, lane, 3) == (lane < 3 ? lane : lane - 3);
  right &= __shfl_up_sync(kAll, lane, 1, 16) == (lane % 16 == 0 ? lane : lane - 1);
  right &= __shfl_down_sync(kAll, lane, 3) == (lane > 28 ? lane : lane + 3);
  right &= __shfl_down_sync(kAll, 0.5 * lane, 1, 4) == 0.5 * (lane % 4 == 3 ? lane : lane + 1);
  right &= __shfl_xor_sync(kAll, lane, 21) == (lane ^ 21);
  y[lane] = right;
}

__global__ void __launch_bounds__(32) votes(int* y) {
  const int lane = static_cast<int>(threadIdx.x);
  bool right = __ballot_sync(kAll, lane % 3 == 0) == 0x49249249u;
  right &= __any_sync(kAll, lane == 4) && !__any_sync(kAll, lane == 32);
  right &= __all_sync(kAll, lane < 32) && !__all_sync(kAll, lane != 4);
  right &= __match_any_sync(kAll, lane / 8) == 0xffu << (lane / 8 * 8);
  y[lane] = right;
}

// Both halves of each warp at once, each with a mask of its own.
__global__ void __launch_bounds__(64) halves(int* y) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int sum = lane;
  if (lane < 16) {
    for (int d = 8; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffu, sum, d);
    y[threadIdx.x] = sum == 120;
  } else {
    for (int d = 8; d > 0; d /= 2) sum += __shfl_xor_sync(0xffff0000u, sum, d);
    y[threadIdx.x] = sum == 376;
  }
}

template <bool SYNC>
__global__ void __launch_bounds__(32) exchange_in_warp(int* y) {
  CU_SHARED(int, slots, [32]);
  const unsigned lane = threadIdx.x;
  slots[lane] = static_cast<int>(lane);
  if constexpr (SYNC) __syncwarp();
  y[lane] = slots[31 - lane] == static_cast<int>(31 - lane);
}

// A shuffle does not order the writes before it.
__global__ void __launch_bounds__(32) shuffle_for_barrier(int* y) {
  CU_SHARED(int, slots, [32]);
  const unsigned lane = threadIdx.x;
  slots[lane] = static_cast<int>(lane);
  const unsigned other = __shfl_xor_sync(kAll, lane, 31);
  y[lane] = slots[other] == static_cast<int>(other);
}

__global__ void __launch_bounds__(32) lane_missing(int* y) {
  y[threadIdx.x] = 1;
  if (threadIdx.x != 7) y[threadIdx.x] = __shfl_down_sync(kAll, 1, 1);
}

__global__ void __launch_bounds__(32) lane_at_barrier(int* y) {
  y[threadIdx.x] = 1;
  if (threadIdx.x != 7) __syncwarp();
  __syncthreads();
}

__global__ void __launch_bounds__(32) lane_outside_mask(int* y) {
  y[threadIdx.x] = static_cast<int>(__ballot_sync(0x7fffffffu, 1));
}

__global__ void __launch_bounds__(32) source_outside_mask(int* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_down_sync(0xffffu, 1, 8);
}

template <int THREADS = 32>
bool run(void (*kernel)(int*)) {
  std::vector<int> y(THREADS);
  CU_LAUNCH(kernel, 1, THREADS, 0, kStream, y.data());
  return y == std::vector<int>(THREADS, 1);
}

SELFTEST(shuffles, run(shuffles));
SELFTEST(votes, run(votes));
SELFTEST(halves, run<64>(halves));
SELFTEST(exchange_in_warp, run(exchange_in_warp<true>));
SELFTEST(no_syncwarp, run(exchange_in_warp<false>));
SELFTEST(shuffle_for_barrier, run(shuffle_for_barrier));
SELFTEST(lane_missing, run(lane_missing));
SELFTEST(lane_at_barrier, run(lane_at_barrier));
SELFTEST(lane_outside_mask, run(lane_outside_mask));
SELFTEST(source_outside_mask, run(source_outside_mask));
SELFTEST(partial_warp, run<24>(lane_missing));

}  // namespace
