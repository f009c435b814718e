// Scans and sums over the threads of a warp and of a block, in a fixed order.
#pragma once

#include "core/op.hpp"
#include "cuda/platform.cuh"

namespace hyra::cuda {

struct Complex {
  double re, im;
};

__device__ __forceinline__ Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
__device__ __forceinline__ Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }

__device__ __forceinline__ Complex load_complex(const float* x) {
  const float2 v = *reinterpret_cast<const float2*>(x);
  return {static_cast<double>(v.x), static_cast<double>(v.y)};
}

__device__ __forceinline__ Complex load_complex(const double* x) {
  const double2 v = *reinterpret_cast<const double2*>(x);
  return {v.x, v.y};
}

// Two neighbouring complex numbers in loads of 16 bytes, for a pair of floats where the address allows it.
__device__ __forceinline__ void load_complex_pair(const float* x, Complex* out) {
  if (reinterpret_cast<std::uintptr_t>(x) % 16 == 0) {
    const float4 v = *reinterpret_cast<const float4*>(x);
    out[0] = {static_cast<double>(v.x), static_cast<double>(v.y)};
    out[1] = {static_cast<double>(v.z), static_cast<double>(v.w)};
  } else {
    out[0] = load_complex(x);
    out[1] = load_complex(x + 2);
  }
}

__device__ __forceinline__ void load_complex_pair(const double* x, Complex* out) {
  out[0] = load_complex(x);
  out[1] = load_complex(x + 2);
}

inline cudaStream_t stream_of(Context context) { return reinterpret_cast<cudaStream_t>(context); }

// Inclusive prefix sum over the 32 lanes; every lane must take part.
__device__ __forceinline__ Complex warp_inclusive_scan(Complex value) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const double re = __shfl_up_sync(0xffffffffu, value.re, distance);
    const double im = __shfl_up_sync(0xffffffffu, value.im, distance);
    if (lane >= distance) value = value + Complex{re, im};
  }
  return value;
}

// Sum over the block, the same for every launch; `partials` has room for one number per warp. Thread 0 has the result.
template <int BLOCK>
__device__ __forceinline__ double block_sum(double value, double* partials) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_down_sync(0xffffffffu, value, distance);
  if (threadIdx.x % 32 == 0) partials[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < BLOCK / 32; ++warp) value += partials[warp];
  }
  return value;
}

}  // namespace hyra::cuda
