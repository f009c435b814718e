// Where the quadrants of a half spectrum lie.
#pragma once

#include <cstdint>

#include "core/inline.hpp"

namespace hyra {

enum class Weighting { kIntegral, kShiftInvariant };

}  // namespace hyra

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// Quadrant 0 holds the frequencies 0, 1, ... of the rows; quadrant 1 holds -1, -2, ...: the rows from the last upward.
struct Quadrant {
  std::int64_t rows, index, height;
  HYRA_INLINE Quadrant(std::int64_t image_rows, std::int64_t quadrant)
      : rows(image_rows), index(quadrant), height(quadrant == 0 ? (image_rows + 1) / 2 : image_rows / 2) {}
  HYRA_INLINE std::int64_t row(std::int64_t i) const { return index == 0 ? i : rows - 1 - i; }
};

struct Range {
  std::int64_t begin, end;
};

HYRA_INLINE Range band_range(std::int64_t height, std::int64_t bands, std::int64_t band) {
  return {height * band / bands, height * (band + 1) / bands};
}

}  // namespace hyra::HYRA_TARGET
#endif
