// Power and cross power of two half spectra per ring; the definition is in python/hyra/ops/radial_moments.py.
#pragma once

#include "core/inline.hpp"
#include "core/op.hpp"

namespace hyra {

template <typename T>
struct RadialMomentsArgs {
  double *power_a, *power_b;     // [planes, rings]
  double* cross;                 // [planes, rings] complex
  std::int64_t* count;           // [rings]
  double* partials;              // [bands, planes, rings, 4] workspace: power a, power b, cross
  std::int64_t* partial_counts;  // [bands, rings] workspace
  const T *a, *b;                // [planes, height, width / 2 + 1] complex
  std::int64_t planes, height, width, rings, bands;
};

}  // namespace hyra

HYRA_DECLARE_OP(radial_moments, RadialMomentsArgs)

#ifdef HYRA_TARGET
#include "core/ring.hpp"

namespace hyra::HYRA_TARGET {

// The rows of frequencies ky and -ky share their rings: the unit of work is such a pair, and a band is a range of them.
struct Pairs {
  std::int64_t begin, end;
};

HYRA_INLINE Pairs pairs_of_band(std::int64_t height, std::int64_t bands, std::int64_t band) {
  const std::int64_t pairs = height / 2 + 1;
  return {pairs * band / bands, pairs * (band + 1) / bands};
}

}  // namespace hyra::HYRA_TARGET
#endif
