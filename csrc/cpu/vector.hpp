// Vectors (GCC and Clang vector extensions), of a fixed width, lowered to whatever registers an instruction set has, or
// of its widest register.
#pragma once

#include <cstdint>
#include <cstring>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace hyra::HYRA_TARGET {

using Vec2f [[gnu::vector_size(8)]] = float;
using Vec4f [[gnu::vector_size(16)]] = float;
using Vec8f [[gnu::vector_size(32)]] = float;
using Vec2d [[gnu::vector_size(16)]] = double;
using Vec4d [[gnu::vector_size(32)]] = double;
using Vec8d [[gnu::vector_size(64)]] = double;

// GCC 12 lowers __builtin_convertvector to two halves, one of them through the memory, and a merge where AVX2 and
// AVX-512 have one instruction. (The forms of AVX-512 without a mask make it warn of a variable of its own headers.)
#ifdef __AVX512F__
inline Vec8d widen(Vec8f v) { return _mm512_maskz_cvtps_pd(0xff, v); }
inline Vec8f narrow(Vec8d v) { return _mm512_maskz_cvtpd_ps(0xff, v); }
#else
inline Vec8d widen(Vec8f v) { return __builtin_convertvector(v, Vec8d); }
inline Vec8f narrow(Vec8d v) { return __builtin_convertvector(v, Vec8f); }
#endif
inline Vec8d widen(Vec8d v) { return v; }
#ifdef __AVX2__
inline Vec4d widen(Vec4f v) { return _mm256_cvtps_pd(v); }
inline Vec4f narrow(Vec4d v) { return _mm256_cvtpd_ps(v); }
#else
inline Vec4d widen(Vec4f v) { return __builtin_convertvector(v, Vec4d); }
inline Vec4f narrow(Vec4d v) { return __builtin_convertvector(v, Vec4f); }
#endif
inline Vec2d widen(Vec2f v) { return __builtin_convertvector(v, Vec2d); }
inline Vec2f narrow(Vec2d v) { return __builtin_convertvector(v, Vec2f); }

inline Vec8d load8(const double* p) {
  Vec8d v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline Vec8d load8(const float* p) {
  Vec8f v;
  std::memcpy(&v, p, sizeof v);
  return widen(v);
}

// Compilers widen the integers of a vector one by one where AVX2 has an instruction.
template <typename V, typename T>
inline V load_integers(const T* p) {
  V v;
  for (int i = 0; i < static_cast<int>(sizeof(V) / sizeof(double)); ++i) v[i] = static_cast<double>(p[i]);
  return v;
}

#ifdef __AVX2__
inline __m128i load_int4(const std::uint8_t* p) {
  std::int32_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return _mm_cvtepu8_epi32(_mm_cvtsi32_si128(bits));
}
inline __m128i load_int4(const std::uint16_t* p) {
  return _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
template <>
inline Vec4d load_integers<Vec4d>(const std::uint8_t* p) {
  return _mm256_cvtepi32_pd(load_int4(p));
}
template <>
inline Vec4d load_integers<Vec4d>(const std::uint16_t* p) {
  return _mm256_cvtepi32_pd(load_int4(p));
}
#endif
#ifdef __AVX512F__
template <>
inline Vec8d load_integers<Vec8d>(const std::uint8_t* p) {
  return _mm512_maskz_cvtepi32_pd(0xff, _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
template <>
inline Vec8d load_integers<Vec8d>(const std::uint16_t* p) {
  return _mm512_maskz_cvtepi32_pd(0xff, _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
#endif

inline void store8(double* p, Vec8d v) { std::memcpy(p, &v, sizeof v); }

inline void store8(float* p, Vec8d v) {
  const Vec8f rounded = narrow(v);
  std::memcpy(p, &rounded, sizeof rounded);
}

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

// Pixels of any type in the widest vector of floats or doubles.
inline Vec<float> load_pixels(const float* p) { return load(p); }
inline Vec<double> load_pixels(const double* p) { return load(p); }
#if defined(__AVX512F__)
inline Vec<float> load_pixels(const std::uint8_t* p) {
  return _mm512_maskz_cvtepi32_ps(
      0xffff, _mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline Vec<float> load_pixels(const std::uint16_t* p) {
  return _mm512_maskz_cvtepi32_ps(
      0xffff, _mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
}
#elif defined(__AVX2__)
inline Vec<float> load_pixels(const std::uint8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
inline Vec<float> load_pixels(const std::uint16_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
#else
template <typename T>
inline Vec<float> load_pixels(const T* p) {
  Vec<float> v;
  for (int lane = 0; lane < kLanes<float>; ++lane) v[lane] = static_cast<float>(p[lane]);
  return v;
}
#endif

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

// Complex numbers (re, im, re, im, ...) in the widest vector of doubles: a fixed width would lower to shuffles across
// registers, which cost AVX2 three times the additions.
using Complexes = Vec<double>;
constexpr std::int64_t kComplexes = kLanes<double> / 2;

inline Complexes load_wide(const double* p) { return load(p); }

inline Complexes load_wide(const float* p) {
  decltype(narrow(Complexes{})) v;
  std::memcpy(&v, p, sizeof v);
  return widen(v);
}

inline Complexes load_wide(const std::uint8_t* p) { return load_integers<Complexes>(p); }
inline Complexes load_wide(const std::uint16_t* p) { return load_integers<Complexes>(p); }

inline void store_narrow(double* p, Complexes v) { store(p, v); }

inline void store_narrow(float* p, Complexes v) {
  const auto rounded = narrow(v);
  std::memcpy(p, &rounded, sizeof rounded);
}

// Inclusive sums over the complex numbers of a vector, from the first on.
inline Vec2d prefix(Vec2d v) { return v; }
inline Vec4d prefix(Vec4d v) { return v + __builtin_shufflevector(Vec4d{}, v, 0, 1, 4, 5); }
inline Vec8d prefix(Vec8d v) {
  v += __builtin_shufflevector(Vec8d{}, v, 0, 1, 8, 9, 10, 11, 12, 13);
  return v + __builtin_shufflevector(Vec8d{}, v, 0, 1, 2, 3, 8, 9, 10, 11);
}

// From the last back.
inline Vec2d suffix(Vec2d v) { return v; }
inline Vec4d suffix(Vec4d v) { return v + __builtin_shufflevector(v, Vec4d{}, 2, 3, 4, 5); }
inline Vec8d suffix(Vec8d v) {
  v += __builtin_shufflevector(v, Vec8d{}, 2, 3, 4, 5, 6, 7, 8, 9);
  return v + __builtin_shufflevector(v, Vec8d{}, 4, 5, 6, 7, 8, 9, 10, 11);
}

// One complex number in every place.
inline Vec2d first(Vec2d v) { return v; }
inline Vec4d first(Vec4d v) { return __builtin_shufflevector(v, v, 0, 1, 0, 1); }
inline Vec8d first(Vec8d v) { return __builtin_shufflevector(v, v, 0, 1, 0, 1, 0, 1, 0, 1); }
inline Vec2d last(Vec2d v) { return v; }
inline Vec4d last(Vec4d v) { return __builtin_shufflevector(v, v, 2, 3, 2, 3); }
inline Vec8d last(Vec8d v) { return __builtin_shufflevector(v, v, 6, 7, 6, 7, 6, 7, 6, 7); }

inline double sum_lanes(Complexes v) {
  double sum = 0;
  for (int i = 0; i < kLanes<double>; ++i) sum += v[i];
  return sum;
}

}  // namespace hyra::HYRA_TARGET
