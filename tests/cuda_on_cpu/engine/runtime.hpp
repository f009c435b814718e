// The host's side: launches, and the few functions of the CUDA runtime that launchers call.
#pragma once

#include <tuple>
#include <type_traits>

#include "engine.hpp"

using cudaStream_t = struct CUstream_st*;  // work is done before a call returns: streams are all alike

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrSingleToDoublePrecisionPerfRatio = 87,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};

const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value);
template <typename... P>
cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}

namespace cuda_on_cpu {

template <typename... P, typename... A>
void launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, std::size_t dynamic_shared_bytes,
            cudaStream_t, Location where, A&&... arguments) {
  static_assert((std::is_trivially_copyable_v<P> && ...), "kernel parameters are copied to the device as bytes");
  struct Call {
    void (*kernel)(P...);
    std::tuple<P...> parameters;
  };
  const Call call{kernel, std::tuple<P...>(static_cast<P>(arguments)...)};
  run_kernel(
      {name, reinterpret_cast<const void*>(kernel), grid, block, dynamic_shared_bytes, where},
      [](const void* c) { std::apply(static_cast<const Call*>(c)->kernel, static_cast<const Call*>(c)->parameters); },
      &call);
}

template <typename T>
T& shared(const void* identity, const char* name, Location where = Location::current()) {
  return *static_cast<T*>(shared_variable(identity, name, sizeof(T), where));
}

#ifndef CUDA_ON_CPU_MAX_BLOCK
#define CUDA_ON_CPU_MAX_BLOCK 1024
#endif
constexpr int block_size(int wanted) { return wanted < CUDA_ON_CPU_MAX_BLOCK ? wanted : CUDA_ON_CPU_MAX_BLOCK; }

}  // namespace cuda_on_cpu

#define CU_SHARED(T, name, ...) \
  static char name##_identity;  \
  auto& name = ::cuda_on_cpu::shared<T __VA_ARGS__>(&name##_identity, #name)
#define CU_DYN_SHARED(T, name) \
  T* const name = static_cast<T*>(::cuda_on_cpu::dynamic_shared_memory(::cuda_on_cpu::Location::current()))
#define CU_LAUNCH(kernel, grid, block, dynamic_shared_bytes, stream, ...)           \
  ::cuda_on_cpu::launch(#kernel, kernel, grid, block, dynamic_shared_bytes, stream, \
                        ::cuda_on_cpu::Location::current(), __VA_ARGS__)
#define HYRA_BLOCK(size) ::cuda_on_cpu::block_size(size)
