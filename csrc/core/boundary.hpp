// How an image goes on beyond its border: an index on its own grid, at any distance, so that nothing is ever padded.
#pragma once

#include <cstdint>

#include "core/inline.hpp"

namespace hyra {

enum class Boundary { kZeros, kReplicate, kReflect, kCircular };

}  // namespace hyra

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// The remainder in [0, n).
HYRA_INLINE std::int64_t wrapped(std::int64_t i, std::int64_t n) {
  const std::int64_t remainder = i % n;
  return remainder < 0 ? remainder + n : remainder;
}

// Reflects about the first and the last pixel without repeating them: -1 -> 1, n -> n - 2, with period 2 (n - 1).
HYRA_INLINE std::int64_t reflected(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  const std::int64_t j = wrapped(i, 2 * (n - 1));
  return j < n ? j : 2 * (n - 1) - j;
}

// Which of n pixels stands at place i; -1 for a zero.
HYRA_INLINE std::int64_t source_index(Boundary boundary, std::int64_t i, std::int64_t n) {
  if (i >= 0 && i < n) return i;
  switch (boundary) {
    case Boundary::kReplicate:
      return i < 0 ? 0 : n - 1;
    case Boundary::kReflect:
      return reflected(i, n);
    case Boundary::kCircular:
      return wrapped(i, n);
    default:
      return -1;
  }
}

}  // namespace hyra::HYRA_TARGET
#endif
