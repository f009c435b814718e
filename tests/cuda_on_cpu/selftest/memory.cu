// Memory: what lies past the end, what was never set, and what the host may not touch.
#include "selftest.hpp"

namespace {

using namespace selftest;

enum class Bug { kNone, kSharedPastEnd, kSharedBeforeBegin, kGlobalPastEnd, kUnset };

// Transposes a square matrix in tiles; the buffer is padded so that its columns lie in different banks.
template <int ROWS, Bug BUG>
__global__ void __launch_bounds__(32 * ROWS) transpose(const float* __restrict__ x, float* y, int n) {
  CU_SHARED(float, tile, [32][33]);
  const int left = static_cast<int>(blockIdx.x) * 32, top = static_cast<int>(blockIdx.y) * 32;
  const int tx = static_cast<int>(threadIdx.x), ty = static_cast<int>(threadIdx.y);
  for (int r = ty; r < 32; r += ROWS) {
    if (top + r < n && left + tx < n) tile[r][tx] = x[(top + r) * n + left + tx];
  }
  __syncthreads();
  if constexpr (BUG == Bug::kSharedPastEnd) tile[32][tx] = 0;
  if constexpr (BUG == Bug::kSharedBeforeBegin) tile[0][-1 - tx] = 0;
  for (int r = ty; r < 32; r += ROWS) {
    const int row = left + r, column = top + tx;
    const bool inside = BUG == Bug::kGlobalPastEnd ? row <= n && column < n : row < n && column < n;
    if (inside) y[row * n + column] = BUG == Bug::kUnset ? tile[tx][r + 1] : tile[tx][r];
  }
}

template <Bug BUG>
bool run_transpose() {
  bool right = true;
  for (const int n : {1, 31, 33, 70}) {
    const std::vector<float> x = count_up<float>(n * n);
    std::vector<float> y(n * n);
    const unsigned tiles = (n + 31) / 32;
    CU_LAUNCH((transpose<kBlock / 32, BUG>), dim3(tiles, tiles), dim3(32, kBlock / 32), 0, kStream, x.data(), y.data(),
              n);
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) right &= y[j * n + i] == x[i * n + j];
    }
  }
  return right;
}

SELFTEST(transpose, run_transpose<Bug::kNone>());
SELFTEST(shared_past_end, run_transpose<Bug::kSharedPastEnd>());
SELFTEST(shared_before_begin, run_transpose<Bug::kSharedBeforeBegin>());
SELFTEST(global_past_end, run_transpose<Bug::kGlobalPastEnd>());
SELFTEST(unset_shared_memory, run_transpose<Bug::kUnset>());

// Dynamic shared memory beside a static array; `past` values too many are set.
template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) rotate(const double* __restrict__ x, double* y, int n, int past) {
  CU_SHARED(int, first, [1]);
  CU_DYN_SHARED(double, row);
  if (threadIdx.x == 0) first[0] = 1;
  for (int i = static_cast<int>(threadIdx.x); i < n + past; i += BLOCK) row[i] = i < n ? x[i] : 0;
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < n; i += BLOCK) y[blockIdx.x * n + i] = row[(i + first[0]) % n];
}

bool run_rotate(int n, int past) {
  const std::vector<double> x = count_up<double>(n);
  std::vector<double> y(2 * n);
  const std::size_t bytes = n * sizeof(double);
  if (bytes > (48 << 10) - sizeof(int)) {
    CU_CHECK(
        cudaFuncSetAttribute(rotate<kBlock>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
  }
  CU_LAUNCH(rotate<kBlock>, 2, kBlock, bytes, kStream, x.data(), y.data(), n, past);
  bool right = true;
  for (int i = 0; i < 2 * n; ++i) right &= y[i] == (i + 1) % n;
  return right;
}

SELFTEST(dynamic_shared_memory, run_rotate(1, 0) && run_rotate(1000, 0) && run_rotate(20000, 0));
SELFTEST(dynamic_past_end, run_rotate(1000, 1));

// Every block starts from unset memory, not from what the last one left.
template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) count_from_last_block(int* y) {
  CU_SHARED(int, count, [1]);
  if (blockIdx.x == 0 && threadIdx.x == 0) count[0] = 0;
  __syncthreads();
  if (threadIdx.x == 0) y[blockIdx.x] = ++count[0];
}

SELFTEST(unset_in_second_block, [] {
  std::vector<int> y(2);
  CU_LAUNCH(count_from_last_block<kBlock>, 2, kBlock, 0, kStream, y.data());
  return y == std::vector<int>{1, 2};
}());

// Vector loads and stores at their alignment.
template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) swap_pairs(const float* __restrict__ x, float2* y, int pairs) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < pairs) {
    const float2 pair = __ldg(reinterpret_cast<const float2*>(x) + i);
    __stwb(y + i, make_float2(pair.y, pair.x));
  }
}

bool run_swap_pairs(int offset) {
  std::vector<float4> storage(16);
  float* const x = reinterpret_cast<float*>(storage.data());
  for (int i = 0; i < 64; ++i) x[i] = static_cast<float>(i);
  std::vector<float2> y(20);
  CU_LAUNCH(swap_pairs<kBlock>, 1, kBlock, 0, kStream, x + offset, y.data(), 20);
  bool right = true;
  for (int i = 0; i < 20; ++i) right &= y[i].x == x[offset + 2 * i + 1] && y[i].y == x[offset + 2 * i];
  return right;
}

SELFTEST(swap_pairs, run_swap_pairs(2));
SELFTEST(misaligned_pairs, run_swap_pairs(1));

SELFTEST(device_memory, [] {
  std::vector<int> y(100);
  cuda_on_cpu::mark_device_memory(y.data(), y.size() * sizeof(int));
  CU_CHECK(cudaMemsetAsync(y.data(), 0, y.size() * sizeof(int), kStream));
  CU_LAUNCH(count_from_last_block<kBlock>, 1, kBlock, 0, kStream, y.data());
  cuda_on_cpu::unmark_device_memory(y.data());
  return y[0] == 1 && y[1] == 0;
}());

SELFTEST(host_reads_device_memory, [] {
  std::vector<int> y(100);
  cuda_on_cpu::mark_device_memory(y.data(), y.size() * sizeof(int));
  const bool right = y[50] == 0;
  cuda_on_cpu::unmark_device_memory(y.data());
  return right;
}());

}  // namespace
