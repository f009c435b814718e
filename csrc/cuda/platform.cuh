// The few words of CUDA that kernels may not write themselves, so that the same source also runs on a CPU in the tests
// (tests/cuda_on_cpu). Kernels and launchers include this file, never <cuda_runtime.h>.
//
//   CU_SHARED(T, name, [4][32]);    shared memory of fixed extents
//   CU_DYN_SHARED(T, name);         T* name: the launch's dynamic shared memory; once in a kernel
//   CU_LAUNCH((kernel<256, T>), grid, block, dynamic_shared_bytes, stream, arguments...);
//   CU_CHECK(cudaMemsetAsync(...));
//   store_relaxed(address, value);  a store that other threads may make too, of the same value: no data race
//   HYRA_BLOCK(256)                 the threads of a block, a constant; 64 at most where races are looked for
//
// CU_LAUNCH and CU_CHECK throw std::runtime_error.
#pragma once

#include <stdexcept>
#include <string>

#ifdef HYRA_CUDA_ON_CPU
#include "cuda_on_cpu.hpp"
#else

#include <cuda_runtime.h>

#define CU_SHARED(T, name, ...) __shared__ T name __VA_ARGS__
// The bytes have one name and type in all kernels: `extern` arrays of the same name must agree.
#define CU_DYN_SHARED(T, name)                                          \
  extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[]; \
  T* const name = reinterpret_cast<T*>(dynamic_shared_bytes)
#define CU_LAUNCH(kernel, grid, block, dynamic_shared_bytes, stream, ...)       \
  do {                                                                          \
    kernel<<<(grid), (block), (dynamic_shared_bytes), (stream)>>>(__VA_ARGS__); \
    ::hyra::cuda::throw_on_error(cudaGetLastError(), #kernel);                  \
  } while (false)
#define HYRA_BLOCK(size) (size)

template <typename T>
__device__ __forceinline__ void store_relaxed(T* address, T value) {
  *static_cast<volatile T*>(address) = value;  // a relaxed store in the memory model of PTX
}

#endif

#define CU_CHECK(call) ::hyra::cuda::throw_on_error(call, #call)

namespace hyra::cuda {

inline void throw_on_error(cudaError_t error, const char* what) {
  if (error != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

}  // namespace hyra::cuda
