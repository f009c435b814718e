// Updates of the same memory by many threads: atomics, and the fences of a reduction that its last block finishes.
#include "selftest.hpp"

namespace {

using namespace selftest;

template <int BLOCK, bool ATOMIC_SHARED, bool ATOMIC_GLOBAL>
__global__ void __launch_bounds__(BLOCK) histogram(const int* __restrict__ x, int* counts, int n) {
  CU_SHARED(int, local, [16]);
  if (threadIdx.x < 16) local[threadIdx.x] = 0;
  __syncthreads();
  const int step = BLOCK * static_cast<int>(gridDim.x);
  for (int i = static_cast<int>(blockIdx.x * BLOCK + threadIdx.x); i < n; i += step) {
    if constexpr (ATOMIC_SHARED) {
      atomicAdd(&local[x[i] % 16], 1);
    } else {
      local[x[i] % 16] += 1;
    }
  }
  __syncthreads();
  if (threadIdx.x < 16) {
    if constexpr (ATOMIC_GLOBAL) {
      atomicAdd(&counts[threadIdx.x], local[threadIdx.x]);
    } else {
      counts[threadIdx.x] += local[threadIdx.x];
    }
  }
}

template <bool ATOMIC_SHARED, bool ATOMIC_GLOBAL>
bool run_histogram() {
  constexpr int kPerBin = 100;
  const std::vector<int> x = count_up<int>(16 * kPerBin);
  std::vector<int> counts(16);
  CU_LAUNCH((histogram<kBlock, ATOMIC_SHARED, ATOMIC_GLOBAL>), 5, kBlock, 0, kStream, x.data(), counts.data(),
            static_cast<int>(x.size()));
  return counts == std::vector<int>(16, kPerBin);
}

SELFTEST(histogram, run_histogram<true, true>());
SELFTEST(plain_shared_update, run_histogram<false, true>());
SELFTEST(plain_add_across_blocks, run_histogram<true, false>());

enum class Bug { kNone, kNoFence, kFenceBeforeWrite, kNoFenceAfterTicket };

// The last block to take a ticket adds up what the others left.
template <int BLOCK, Bug BUG>
__global__ void __launch_bounds__(BLOCK)
    last_block_sum(const int* __restrict__ x, int* partials, unsigned* tickets, int* result) {
  CU_SHARED(bool, is_last, [1]);
  if (threadIdx.x == 0) {
    int sum = 0;
    if constexpr (BUG == Bug::kFenceBeforeWrite) __threadfence();
    for (int i = 0; i < 10; ++i) sum += x[blockIdx.x * 10 + i];
    partials[blockIdx.x] = sum;
    if constexpr (BUG == Bug::kNone || BUG == Bug::kNoFenceAfterTicket) __threadfence();
    is_last[0] = atomicAdd(tickets, 1u) == gridDim.x - 1;
    if constexpr (BUG != Bug::kNoFenceAfterTicket) __threadfence();
  }
  __syncthreads();
  if (is_last[0] && threadIdx.x == BLOCK - 1) {
    int sum = 0;
    for (unsigned b = 0; b < gridDim.x; ++b) sum += partials[b];
    *result = sum;
  }
}

template <Bug BUG>
bool run_last_block_sum() {
  constexpr int kBlocks = 9;
  const std::vector<int> x = count_up<int>(10 * kBlocks);
  std::vector<int> partials(kBlocks);
  unsigned tickets = 0;
  int result = 0;
  CU_LAUNCH((last_block_sum<kBlock, BUG>), kBlocks, kBlock, 0, kStream, x.data(), partials.data(), &tickets, &result);
  return result == 10 * kBlocks * (10 * kBlocks - 1) / 2;
}

SELFTEST(last_block_sum, run_last_block_sum<Bug::kNone>());
SELFTEST(no_fence, run_last_block_sum<Bug::kNoFence>());
SELFTEST(fence_before_write, run_last_block_sum<Bug::kFenceBeforeWrite>());
SELFTEST(no_fence_after_ticket, run_last_block_sum<Bug::kNoFenceAfterTicket>());

// Two launches are ordered: the second may read plainly what any block of the first wrote.
template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) shift_left(const int* __restrict__ x, int* y, int n) {
  const int i = static_cast<int>(blockIdx.x * BLOCK + threadIdx.x);
  if (i < n) y[i] = x[(i + 1) % n];
}

SELFTEST(launches_are_ordered, [] {
  const int n = 4 * kBlock + 3;
  std::vector<int> x = count_up<int>(n), y(n);
  for (int step = 0; step < 4; ++step) {
    CU_LAUNCH(shift_left<kBlock>, 5, kBlock, 0, kStream, x.data(), y.data(), n);
    x.swap(y);
  }
  return x[0] == 4 && x[n - 1] == 3;
}());

template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) atomics(float* f, double* d, int* i, unsigned* u, unsigned long long* l) {
  const int t = static_cast<int>(threadIdx.x);
  atomicAdd(f, 1.0f);
  atomicAdd(d, 0.5);
  atomicAdd(&i[0], -1);
  atomicMin(&i[1], -t);
  atomicMax(&i[2], t);
  atomicAdd(&u[0], 2u);
  atomicMax(&u[1], static_cast<unsigned>(t));
  atomicMin(&u[2], static_cast<unsigned>(t));
  atomicAdd(&l[0], 1ull << 40);
  if (atomicCAS(&i[3], 0, t + 1) == 0) atomicAdd(&i[4], 1);  // one thread alone succeeds
  if (atomicExch(&u[3], 1u) == 0) atomicAdd(&u[4], 1u);
}

SELFTEST(atomics, [] {
  float f = 0;
  double d = 0;
  std::vector<int> i(5);
  std::vector<unsigned> u = {0, 0, 99, 0, 0};
  unsigned long long l = 0;
  CU_LAUNCH(atomics<kBlock>, 3, kBlock, 0, kStream, &f, &d, i.data(), u.data(), &l);
  const int last = kBlock - 1;
  return f == 3 * kBlock && d == 1.5 * kBlock && i[0] == -3 * kBlock && i[1] == -last && i[2] == last &&
         u[0] == 6 * kBlock && u[1] == unsigned(last) && u[2] == 0 && l == (3ull * kBlock) << 40 && i[3] != 0 &&
         i[4] == 1 && u[3] == 1 && u[4] == 1;
}());

}  // namespace
