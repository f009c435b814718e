// Atomics: relaxed, as on the device; only `__threadfence` lets them order other memory. The overloads are CUDA's.
#pragma once

#include <cstring>

#include "engine.hpp"

namespace cuda_on_cpu {

// Replaces *address by f(*address) and returns what was there. Bits is an integer type of T's size.
template <typename Bits, typename T, typename F>
T update(T* address, F f) {
  static_assert(sizeof(Bits) == sizeof(T));
  before_atomic(address);
  Bits* const target = reinterpret_cast<Bits*>(address);
  Bits seen = __atomic_load_n(target, __ATOMIC_RELAXED);
  for (;;) {
    T old;
    std::memcpy(&old, &seen, sizeof old);
    const T next = f(old);
    Bits wanted;
    std::memcpy(&wanted, &next, sizeof next);
    if (__atomic_compare_exchange_n(target, &seen, wanted, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return old;
  }
}

}  // namespace cuda_on_cpu

// A store that other threads may make too, of the same value (declared in platform.cuh for the device).
template <typename T>
void store_relaxed(T* address, T value) {
  __atomic_store(address, &value, __ATOMIC_RELAXED);
}

#define CUDA_ON_CPU_ADD_EXCHANGE(T, Bits)                                              \
  inline T atomicAdd(T* address, T value) {                                            \
    return cuda_on_cpu::update<Bits>(address, [value](T old) { return old + value; }); \
  }                                                                                    \
  inline T atomicExch(T* address, T value) {                                           \
    return cuda_on_cpu::update<Bits>(address, [value](T) { return value; });           \
  }
#define CUDA_ON_CPU_COMPARE(T)                                                                    \
  inline T atomicMin(T* address, T value) {                                                       \
    return cuda_on_cpu::update<T>(address, [value](T old) { return value < old ? value : old; }); \
  }                                                                                               \
  inline T atomicMax(T* address, T value) {                                                       \
    return cuda_on_cpu::update<T>(address, [value](T old) { return old < value ? value : old; }); \
  }                                                                                               \
  inline T atomicCAS(T* address, T compare, T value) {                                            \
    return cuda_on_cpu::update<T>(address, [=](T old) { return old == compare ? value : old; });  \
  }
CUDA_ON_CPU_ADD_EXCHANGE(int, int)
CUDA_ON_CPU_ADD_EXCHANGE(unsigned, unsigned)
CUDA_ON_CPU_ADD_EXCHANGE(unsigned long long, unsigned long long)
CUDA_ON_CPU_ADD_EXCHANGE(float, unsigned)
inline double atomicAdd(double* address, double value) {
  return cuda_on_cpu::update<unsigned long long>(address, [value](double old) { return old + value; });
}
CUDA_ON_CPU_COMPARE(int)
CUDA_ON_CPU_COMPARE(unsigned)
CUDA_ON_CPU_COMPARE(unsigned long long)
#undef CUDA_ON_CPU_ADD_EXCHANGE
#undef CUDA_ON_CPU_COMPARE
