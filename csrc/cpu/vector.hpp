// Fixed-width vectors (GCC and Clang vector extensions): one source for every instruction set, lowered to whatever
// registers it has. Four complex numbers are the unit of work.
#pragma once

#include <cstdint>
#include <cstring>

namespace hyra::HYRA_TARGET {

using Vec4f [[gnu::vector_size(16)]] = float;
using Vec8f [[gnu::vector_size(32)]] = float;
using Vec8d [[gnu::vector_size(64)]] = double;

inline Vec8d load8(const double* p) {
  Vec8d v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline Vec8d load8(const float* p) {
  Vec8f v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, Vec8d);
}

inline void store8(double* p, Vec8d v) { std::memcpy(p, &v, sizeof v); }

inline void store8(float* p, Vec8d v) {
  const Vec8f narrow = __builtin_convertvector(v, Vec8f);
  std::memcpy(p, &narrow, sizeof narrow);
}

// Inclusive sums over four complex numbers (re, im, re, im, ...), from the first on and from the last back.
inline Vec8d prefix4(Vec8d v) {
  const Vec8d zero = {};
  v += __builtin_shufflevector(zero, v, 0, 1, 8, 9, 10, 11, 12, 13);
  v += __builtin_shufflevector(zero, v, 0, 1, 2, 3, 8, 9, 10, 11);
  return v;
}

inline Vec8d suffix4(Vec8d v) {
  const Vec8d zero = {};
  v += __builtin_shufflevector(v, zero, 2, 3, 4, 5, 6, 7, 8, 9);
  v += __builtin_shufflevector(v, zero, 4, 5, 6, 7, 8, 9, 10, 11);
  return v;
}

inline Vec8d first4(Vec8d v) { return __builtin_shufflevector(v, v, 0, 1, 0, 1, 0, 1, 0, 1); }
inline Vec8d last4(Vec8d v) { return __builtin_shufflevector(v, v, 6, 7, 6, 7, 6, 7, 6, 7); }

inline double sum8(Vec8d v) { return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7])); }

// The widest vector of the instruction set, and how many the register file holds: for kernels that count registers.
#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kRegisters = 32;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32, kRegisters = 16;
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16, kRegisters = 32;
#else
constexpr int kVectorBytes = 16, kRegisters = 16;
#endif

template <typename T>
struct Widest {
  using Type [[gnu::vector_size(kVectorBytes)]] = T;
};
template <typename T>
using Vec = typename Widest<T>::Type;
template <typename T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <typename T>
inline Vec<T> load(const T* p) {
  Vec<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// Keeps a loaded vector in a register. Compilers repeat the load in every instruction that uses it, which is no cheaper
// where it crosses a cache line: twice the time of the multiply-add.
template <typename V>
inline V in_register(V v) {
#if defined(__x86_64__)
  asm("" : "+v"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#endif
  return v;
}

template <typename T>
inline void store(T* p, Vec<T> v) {
  std::memcpy(p, &v, sizeof v);
}

}  // namespace hyra::HYRA_TARGET
