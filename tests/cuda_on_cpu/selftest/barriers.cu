// Barriers: a reversal through shared memory, a scan that carries from tile to tile, and barriers that not all reach.
#include "selftest.hpp"

namespace {

using namespace selftest;

enum class Bug { kNone, kNoBarrierBeforeRead, kNoBarrierAfterRead, kNoBarrierInCarryLoop };

// Reverses tiles of BLOCK values, one after another, through the same buffer.
template <int BLOCK, Bug BUG>
__global__ void __launch_bounds__(BLOCK) reverse_tiles(const float* __restrict__ x, float* y, int tiles) {
  CU_SHARED(float, tile, [BLOCK]);
  const int i = static_cast<int>(threadIdx.x);
  for (int t = 0; t < tiles; ++t) {
    tile[i] = x[t * BLOCK + i];
    if constexpr (BUG != Bug::kNoBarrierBeforeRead) __syncthreads();
    y[t * BLOCK + i] = tile[BLOCK - 1 - i];
    if constexpr (BUG != Bug::kNoBarrierAfterRead) __syncthreads();
  }
}

template <Bug BUG>
bool run_reverse() {
  constexpr int kTiles = 3;
  const std::vector<float> x = count_up<float>(kTiles * kBlock);
  std::vector<float> y(x.size());
  CU_LAUNCH((reverse_tiles<kBlock, BUG>), 1, kBlock, 0, kStream, x.data(), y.data(), kTiles);
  bool right = true;
  for (int t = 0; t < kTiles; ++t) {
    for (int i = 0; i < kBlock; ++i) right &= y[t * kBlock + i] == x[t * kBlock + kBlock - 1 - i];
  }
  return right;
}

SELFTEST(reverse_tiles, run_reverse<Bug::kNone>());
SELFTEST(no_barrier_before_read, run_reverse<Bug::kNoBarrierBeforeRead>());
SELFTEST(no_barrier_after_read, run_reverse<Bug::kNoBarrierAfterRead>());

// Inclusive prefix sums of any length by one block: warp scans, warp totals, and a carry from tile to tile.
template <int BLOCK, Bug BUG>
__global__ void __launch_bounds__(BLOCK) scan(const double* __restrict__ x, double* y, int n) {
  CU_SHARED(double, totals, [BLOCK / 32]);
  CU_SHARED(double, carry, [1]);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  if (threadIdx.x == 0) carry[0] = 0;
  for (int begin = 0; begin < n; begin += BLOCK) {
    const int i = begin + static_cast<int>(threadIdx.x);
    double sum = i < n ? x[i] : 0;
    for (int distance = 1; distance < 32; distance *= 2) {
      const double left = __shfl_up_sync(0xffffffffu, sum, distance);
      if (lane >= distance) sum += left;
    }
    if (lane == 31) totals[warp] = sum;
    __syncthreads();
    sum += carry[0];
    for (int w = 0; w < warp; ++w) sum += totals[w];
    if (i < n) y[i] = sum;
    if constexpr (BUG != Bug::kNoBarrierInCarryLoop) __syncthreads();
    if (threadIdx.x == BLOCK - 1) carry[0] = sum;
  }
}

template <Bug BUG>
bool run_scan() {
  bool right = true;
  for (const int n : {0, 1, 31, 33, kBlock - 1, kBlock, kBlock + 1, 5 * kBlock + 7}) {
    const std::vector<double> x = count_up<double>(n);
    std::vector<double> y(n);
    CU_LAUNCH((scan<kBlock, BUG>), 1, kBlock, 0, kStream, x.data(), y.data(), n);
    double sum = 0;
    for (int i = 0; i < n; ++i) right &= y[i] == (sum += x[i]);
  }
  return right;
}

SELFTEST(scan, run_scan<Bug::kNone>());
SELFTEST(no_barrier_in_carry_loop, run_scan<Bug::kNoBarrierInCarryLoop>());

template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) divergent_barrier(int* y) {
  if (threadIdx.x % 2 == 0) {
    y[threadIdx.x] = 0;
    __syncthreads();
  } else {
    y[threadIdx.x] = 1;
    __syncthreads();
  }
}

template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) return_before_barrier(int* y, int n) {
  if (static_cast<int>(threadIdx.x) >= n) return;
  y[threadIdx.x] = 0;
  __syncthreads();
}

template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) barrier_in_uneven_loop(int* y) {
  for (unsigned i = 0; i <= threadIdx.x / 32; ++i) {
    y[threadIdx.x] = 0;
    __syncthreads();
  }
}

template <typename... P, typename... A>
bool run_partial(void (*kernel)(int*, P...), A... more) {
  std::vector<int> y(kBlock);
  CU_LAUNCH(kernel, 1, kBlock, 0, kStream, y.data(), more...);
  return true;
}

SELFTEST(divergent_barrier, run_partial(divergent_barrier<kBlock>));
SELFTEST(return_before_barrier, run_partial(return_before_barrier<kBlock>, kBlock - 1));
SELFTEST(barrier_in_uneven_loop, run_partial(barrier_in_uneven_loop<kBlock>));

// The three barriers that vote.
template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) barrier_votes(int* y) {
  const int count = __syncthreads_count(threadIdx.x < 5);
  const int all = __syncthreads_and(threadIdx.x < BLOCK), not_all = __syncthreads_and(threadIdx.x != 3);
  const int any = __syncthreads_or(threadIdx.x == 7), none = __syncthreads_or(threadIdx.x == BLOCK);
  y[threadIdx.x] = count == 5 && all && !not_all && any && !none;
}

SELFTEST(barrier_votes, [] {
  std::vector<int> y(kBlock);
  CU_LAUNCH(barrier_votes<kBlock>, 1, kBlock, 0, kStream, y.data());
  return y == std::vector<int>(kBlock, 1);
}());

}  // namespace
