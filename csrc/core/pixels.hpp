// Images [N, C, H, W] where they lie in memory, planar, interleaved or a part of larger ones. T is uint8, uint16, float
// or double.
#pragma once

#include <cstdint>

#include "core/inline.hpp"

namespace hyra {

// Strides are counted in elements and never negative. Neighbours along a row lie 1 apart, or as many as an interleaved
// image has channels: 4 at most, where a row has more than one pixel.
template <typename T>
struct Pixels {
  const T* data;
  std::int64_t image, channel, row, column;  // strides
};

}  // namespace hyra

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

template <typename T>
HYRA_INLINE const T* row_of(const Pixels<T>& pixels, std::int64_t image, std::int64_t channel, std::int64_t row) {
  return pixels.data + image * pixels.image + channel * pixels.channel + row * pixels.row;
}

}  // namespace hyra::HYRA_TARGET
#endif
