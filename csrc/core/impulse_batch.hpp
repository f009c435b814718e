// Probe images: a background with impulses; the definition is in python/hyra/ops/impulse_batch.py.
#pragma once

#include "core/inline.hpp"
#include "core/op.hpp"

namespace hyra {

template <typename T>
struct ImpulseBatchArgs {
  T* images;                      // [count, channels, height, width]
  const T* background;            // [channels, height, width]
  const std::int64_t* positions;  // [count, impulses, 2]: row and column
  const T* amplitudes;            // [count, channels]
  std::int64_t count, channels, height, width, impulses;
};

}  // namespace hyra

HYRA_DECLARE_OP(impulse_batch, ImpulseBatchArgs)

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// Index in a plane of the pixel that a position names, -1 for a position outside.
HYRA_INLINE std::int64_t pixel_index(const std::int64_t* position, std::int64_t height, std::int64_t width) {
  const std::int64_t y = position[0], x = position[1];
  return y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1;
}

}  // namespace hyra::HYRA_TARGET
#endif
