// Loads and stores of 16 bytes; scans and sums over the threads of a warp and of a block, in a fixed order.
#pragma once

#include "core/op.hpp"
#include "cuda/pair.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {

// With parts of type Real: double, or another that has + and -.
template <typename Real>
struct ComplexOf {
  Real re = Real(), im = Real();
};

using Complex = ComplexOf<double>;

template <typename Real>
__device__ __forceinline__ ComplexOf<Real> operator+(ComplexOf<Real> a, ComplexOf<Real> b) {
  return {a.re + b.re, a.im + b.im};
}
template <typename Real>
__device__ __forceinline__ ComplexOf<Real> operator-(ComplexOf<Real> a, ComplexOf<Real> b) {
  return {a.re - b.re, a.im - b.im};
}
__device__ __forceinline__ Complex operator*(double w, Complex a) { return {w * a.re, w * a.im}; }

__device__ __forceinline__ Complex load_complex(const float* x) {
  const float2 v = *reinterpret_cast<const float2*>(x);
  return {static_cast<double>(v.x), static_cast<double>(v.y)};
}

__device__ __forceinline__ Complex load_complex(const double* x) {
  const double2 v = *reinterpret_cast<const double2*>(x);
  return {v.x, v.y};
}

// Stores of the whole number at once; the compiler may split an assignment in two.
__device__ __forceinline__ void store_complex(float* x, Complex value) {
  __stwb(reinterpret_cast<float2*>(x), make_float2(static_cast<float>(value.re), static_cast<float>(value.im)));
}

__device__ __forceinline__ void store_complex(double* x, Complex value) {
  __stwb(reinterpret_cast<double2*>(x), make_double2(value.re, value.im));
}

// Whether 16 bytes at x can be loaded or stored at once.
template <typename T>
__device__ __forceinline__ bool is_aligned(const T* x) {
  return reinterpret_cast<std::uintptr_t>(x) % 16 == 0;
}

// Neighbouring elements of a plane, 16 bytes together: what a thread loads or stores at once.
template <typename T>
inline constexpr int kGroup = 16 / sizeof(T);

template <typename T>
struct alignas(16) Group {
  T values[kGroup<T>] = {};
};

// The `count` elements at x, or the first kGroup of them; zeros for the rest. The groups of a plane lie 16 bytes apart:
// either none of them is aligned, as behind a plane of odd size, or all are, and only the last may take several loads.
template <typename T>
__device__ __forceinline__ Group<T> load_group(const T* x, std::int64_t count) {
  if (count >= kGroup<T> && is_aligned(x)) return *reinterpret_cast<const Group<T>*>(x);
  Group<T> group;
#pragma unroll
  for (int j = 0; j < kGroup<T>; ++j) {
    if (j < count) group.values[j] = x[j];
  }
  return group;
}

// A store of 16 bytes.
__device__ __forceinline__ void store_aligned(float* x, const Group<float>& group) {
  const float (&v)[4] = group.values;
  __stwb(reinterpret_cast<float4*>(x), make_float4(v[0], v[1], v[2], v[3]));
}

__device__ __forceinline__ void store_aligned(double* x, const Group<double>& group) {
  __stwb(reinterpret_cast<double2*>(x), make_double2(group.values[0], group.values[1]));
}

// Stores what `load_group` loads.
template <typename T>
__device__ __forceinline__ void store_group(T* x, std::int64_t count, const Group<T>& group) {
  if (count >= kGroup<T> && is_aligned(x)) return store_aligned(x, group);
#pragma unroll
  for (int j = 0; j < kGroup<T>; ++j) {
    if (j < count) x[j] = group.values[j];
  }
}

inline cudaStream_t stream_of(Context context) { return reinterpret_cast<cudaStream_t>(context); }

// Inclusive prefix sum over the 32 lanes; every lane must take part.
template <typename Real>
__device__ __forceinline__ ComplexOf<Real> warp_inclusive_scan(ComplexOf<Real> value) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const ComplexOf<Real> before = {shuffle_up(value.re, distance), shuffle_up(value.im, distance)};
    if (lane >= distance) value = value + before;
  }
  return value;
}

// Sum over the block, the same for every launch; `partials` has room for one number per warp. Thread 0 has the result.
template <int BLOCK, typename V>
__device__ __forceinline__ V block_sum(V value, V* partials) {
#pragma unroll
  for (int distance = 16; distance >= 1; distance /= 2) value += __shfl_down_sync(0xffffffffu, value, distance);
  if (threadIdx.x % 32 == 0) partials[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < BLOCK / 32; ++warp) value += partials[warp];
  }
  return value;
}

}  // namespace hyra::cuda
