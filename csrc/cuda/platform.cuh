// The few words of CUDA that kernels may not write themselves, so that the same source also runs on a CPU in the tests.
#pragma once

#ifdef HYRA_CUDA_ON_CPU
#include "cuda_on_cpu.hpp"
#else

#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#define CU_SHARED(T, name, extents) __shared__ T name extents
#define CU_DYN_SHARED(T, name)                                  \
  extern __shared__ __align__(16) unsigned char name##_bytes[]; \
  T* const name = reinterpret_cast<T*>(name##_bytes)
#define CU_LAUNCH(kernel, grid, block, shared, stream, ...)                                                      \
  do {                                                                                                           \
    CU_STRIP kernel<<<grid, block, shared, stream>>>(__VA_ARGS__);                                               \
    const cudaError_t error = cudaGetLastError();                                                                \
    if (error != cudaSuccess) throw std::runtime_error(std::string(#kernel) + ": " + cudaGetErrorString(error)); \
  } while (false)
#define CU_STRIP(...) __VA_ARGS__
#define HYRA_BLOCK(size) size

#endif
