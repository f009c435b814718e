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

inline double sum8(Vec8d v) { return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7])); }

}  // namespace hyra::HYRA_TARGET
