// CUDA's additions to C++: qualifiers, vector types, and the indices of the running thread.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "stores.hpp"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
// __shared__ is left undefined on purpose: kernels write CU_SHARED.

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

// Set whenever another CUDA thread starts to run.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

#define CUDA_ON_CPU_VECTORS(scalar, name)                                                           \
  struct alignas(2 * sizeof(scalar)) name##2 { scalar x, y; };                                      \
  struct name##3 { scalar x, y, z; };                                                               \
  struct alignas(4 * sizeof(scalar) < 16 ? 4 * sizeof(scalar) : 16) name##4 { scalar x, y, z, w; }; \
  inline name##2 make_##name##2(scalar x, scalar y) { return {x, y}; }                              \
  inline name##3 make_##name##3(scalar x, scalar y, scalar z) { return {x, y, z}; }                 \
  inline name##4 make_##name##4(scalar x, scalar y, scalar z, scalar w) { return {x, y, z, w}; }
CUDA_ON_CPU_VECTORS(float, float)
CUDA_ON_CPU_VECTORS(double, double)
CUDA_ON_CPU_VECTORS(int, int)
#undef CUDA_ON_CPU_VECTORS

template <typename T>
inline T __ldg(const T* address) {
  return *address;
}

template <typename T>
inline void __stwb(T* address, T value) {
  cuda_on_cpu::on_store(address, sizeof(T));
  *address = value;
}

// Never fused with a sum: nothing is, in the engine's builds.
inline double __dmul_rn(double a, double b) { return a * b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __frcp_rn(float a) { return 1 / a; }

inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

#define CUDA_ON_CPU_MIN_MAX(T)                        \
  constexpr T min(T a, T b) { return a < b ? a : b; } \
  constexpr T max(T a, T b) { return a < b ? b : a; }
CUDA_ON_CPU_MIN_MAX(int)
CUDA_ON_CPU_MIN_MAX(unsigned)
CUDA_ON_CPU_MIN_MAX(long)
CUDA_ON_CPU_MIN_MAX(unsigned long)
CUDA_ON_CPU_MIN_MAX(long long)
CUDA_ON_CPU_MIN_MAX(unsigned long long)
#undef CUDA_ON_CPU_MIN_MAX
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }

// Exact at 0 and 1/2; here for no others than those between.
inline double sinpi(double x) { return std::sin(3.14159265358979323846 * x); }
inline double cospi(double x) { return std::sin(3.14159265358979323846 * (0.5 - x)); }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
