// Launches: the indices that threads see, and the limits.
#include "selftest.hpp"

namespace {

using namespace selftest;

__global__ void mark(int* y) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  atomicAdd(&y[block * blockDim.x * blockDim.y * blockDim.z + thread], 1);
}

bool run_mark(dim3 grid, dim3 block, std::size_t dynamic_bytes = 0) {
  const std::uint64_t threads = std::uint64_t{grid.x} * grid.y * grid.z * block.x * block.y * block.z;
  std::vector<int> y(threads < 10000 ? threads : 0);
  CU_LAUNCH(mark, grid, block, dynamic_bytes, kStream, y.data());
  return y == std::vector<int>(y.size(), 1);
}

SELFTEST(indices, run_mark(1, 1) && run_mark({3, 2, 2}, {5, 4, 3}) && run_mark(7, 33));
SELFTEST(empty_grid, run_mark({3, 0, 1}, 32));
SELFTEST(tall_grid, run_mark({1, 65536, 1}, 32));
SELFTEST(empty_block, run_mark(1, 0));
SELFTEST(large_block, run_mark(1, {32, 33, 1}));
SELFTEST(deep_block, run_mark(1, {1, 1, 65}));
SELFTEST(much_dynamic_memory, run_mark(1, 32, (48 << 10) + 1));
SELFTEST(too_much_dynamic_memory, [] {
  CU_CHECK(cudaFuncSetAttribute(mark, cudaFuncAttributeMaxDynamicSharedMemorySize, (227 << 10) + 1));
  return true;
}());

template <int BYTES>
__global__ void static_memory(int* y) {
  CU_SHARED(char, bytes, [BYTES]);
  bytes[0] = 1;
  y[0] = bytes[0];
}

SELFTEST(static_and_dynamic_memory, [] {
  int y = 0;
  CU_LAUNCH(static_memory<1024>, 1, 1, 47 << 10, kStream, &y);
  return y == 1;
}());
SELFTEST(much_static_memory, [] {
  int y = 0;
  CU_LAUNCH(static_memory<(48 << 10) + 4>, 1, 1, 0, kStream, &y);
  return y == 1;
}());

}  // namespace
