// Gradient of the radial moments; see python/hyra/ops/radial_moments.py.
#pragma once

#include "core/op.hpp"

namespace hyra {

template <typename T>
struct RadialMomentsBackwardArgs {
  T* gradient;           // [planes, height, width / 2 + 1] complex
  const T *a, *b;        // likewise
  const double* gain_a;  // [planes, rings]
  const double* gain_b;  // [planes, rings] complex
  std::int64_t planes, height, width, rings;
};

}  // namespace hyra

HYRA_DECLARE_OP(radial_moments_backward, RadialMomentsBackwardArgs)
