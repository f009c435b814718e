// Images [N, C, H, W] where they lie in memory, planar, interleaved or a part of larger ones. T is uint8, uint16, float
// or double.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/inline.hpp"

namespace hyra {

// Strides are counted in elements and never negative. Neighbours along a row lie 1 apart, or as many as an interleaved
// image has channels: 4 at most, where a row has more than one pixel.
template <typename T>
struct Pixels {
  const T* data;
  std::int64_t image, channel, row, column;  // strides
};

// Of one image.
struct ImageSize {
  std::int64_t channels, rows, columns;
};

// What differences and sums of pixels are exact in, or nearly so: integers up to 2^32 squares of 16 bits.
template <typename T>
using Sum = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;

}  // namespace hyra

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

template <typename T>
HYRA_INLINE const T* row_of(const Pixels<T>& pixels, std::int64_t image, std::int64_t channel, std::int64_t row) {
  return pixels.data + image * pixels.image + channel * pixels.channel + row * pixels.row;
}

HYRA_INLINE std::int64_t pixel_count(const ImageSize& size) { return size.channels * size.rows * size.columns; }

// Whether the pixels of an image lie side by side, in order of channels, rows and columns.
template <typename T>
HYRA_INLINE bool is_dense(const Pixels<T>& pixels, const ImageSize& size) {
  return (size.columns == 1 || pixels.column == 1) && (size.rows == 1 || pixels.row == size.columns) &&
         (size.channels == 1 || pixels.channel == size.rows * size.columns);
}

}  // namespace hyra::HYRA_TARGET
#endif
