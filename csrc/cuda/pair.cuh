// Arithmetic of about 48 bits in float32: a number is the unevaluated sum of two floats (Dekker 1971, Knuth). Most GPUs
// have 2 units of float64 for 128 of float32, and there a kernel that adds floats up in float64 waits for these alone.
// Kernels that take either are templates over `Real`, double or Pair, and write sums by the functions of this file.
//
// FP32 operations: 6 for a difference or a sum of floats, 11 of pairs, 8 or 12 to add a pair or a product of pairs to a
// sum. A product keeps its 48 bits where it lies between 1e-30 and 1e38: outside, it keeps 24, or is infinite.
// Products are never fused with sums but where it says so: a fused one is not the float whose error is looked for.
#pragma once

#include "core/op.hpp"
#include "cuda/platform.cuh"

namespace hyra::cuda {

struct Pair {
  float hi = 0, lo = 0;
};

// Exactly a + b.
__device__ __forceinline__ Pair sum_of(float a, float b) {
  const float sum = a + b, of_b = sum - a;
  return {sum, (a - (sum - of_b)) + (b - of_b)};
}

// Exactly a - b; of doubles, rounded.
__device__ __forceinline__ Pair difference_of(float a, float b) { return sum_of(a, -b); }
__device__ __forceinline__ double difference_of(double a, double b) { return a - b; }

// Exactly a * b.
__device__ __forceinline__ Pair product_of(float a, float b) {
  const float product = __fmul_rn(a, b);
  return {product, fmaf(a, b, -product)};
}

// The same sum, of which lo is what hi leaves.
__device__ __forceinline__ Pair normalized(float hi, float lo) {
  const float sum = hi + lo;
  return {sum, lo - (sum - hi)};
}

__device__ __forceinline__ Pair operator-(Pair a) { return {-a.hi, -a.lo}; }
__device__ __forceinline__ Pair operator+(Pair a, Pair b) {
  const Pair sum = sum_of(a.hi, b.hi);
  return normalized(sum.hi, sum.lo + (a.lo + b.lo));
}
__device__ __forceinline__ Pair operator-(Pair a, Pair b) { return a + -b; }
__device__ __forceinline__ Pair operator*(Pair a, Pair b) {
  const Pair product = product_of(a.hi, b.hi);
  return normalized(product.hi, fmaf(a.hi, b.lo, fmaf(a.lo, b.hi, product.lo)));
}

// sum += x
__device__ __forceinline__ void accumulate(Pair& sum, Pair x) {
  const Pair total = sum_of(sum.hi, x.hi);
  sum = {total.hi, sum.lo + (total.lo + x.lo)};
}
__device__ __forceinline__ void accumulate(double& sum, double x) { sum += x; }

// sum += a * b
__device__ __forceinline__ void accumulate_product(Pair& sum, Pair a, Pair b) {
  const Pair product = product_of(a.hi, b.hi);
  accumulate(sum, Pair{product.hi, fmaf(a.hi, b.lo, fmaf(a.lo, b.hi, product.lo))});
}
__device__ __forceinline__ void accumulate_product(double& sum, double a, double b) { sum += a * b; }

__device__ __forceinline__ double to_double(Pair x) { return static_cast<double>(x.hi) + static_cast<double>(x.lo); }
__device__ __forceinline__ double to_double(double x) { return x; }

// The number nearest to x.
template <typename Real>
__device__ __forceinline__ Real real_of(double x) {
  if constexpr (std::is_same_v<Real, Pair>) {
    const float hi = static_cast<float>(x);
    return {hi, static_cast<float>(x - static_cast<double>(hi))};
  } else {
    return x;
  }
}

// Of another lane, as __shfl_*_sync has them.
__device__ __forceinline__ double shuffle_xor(double x, int lanes) { return __shfl_xor_sync(0xffffffffu, x, lanes); }
__device__ __forceinline__ Pair shuffle_xor(Pair x, int lanes) {
  return {__shfl_xor_sync(0xffffffffu, x.hi, lanes), __shfl_xor_sync(0xffffffffu, x.lo, lanes)};
}
__device__ __forceinline__ double shuffle_up(double x, int lanes) { return __shfl_up_sync(0xffffffffu, x, lanes); }
__device__ __forceinline__ Pair shuffle_up(Pair x, int lanes) {
  return {__shfl_up_sync(0xffffffffu, x.hi, lanes), __shfl_up_sync(0xffffffffu, x.lo, lanes)};
}

// Whether float64 is so slow on this device that kernels take pairs: 32 or 64 times slower than float32, not twice.
inline bool prefers_pairs() {
  int device = 0, ratio = 0;
  CU_CHECK(cudaGetDevice(&device));
  CU_CHECK(cudaDeviceGetAttribute(&ratio, cudaDevAttrSingleToDoublePrecisionPerfRatio, device));
  return ratio > 8;
}

// Calls launch(Real()) with what sums of T are taken in on this device.
template <typename T, typename Launch>
void with_reals(const Launch& launch) {
  if constexpr (std::is_same_v<T, float>) {
    if (prefers_pairs()) return launch(Pair());
  }
  launch(double());
}

}  // namespace hyra::cuda
