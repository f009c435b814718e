// Convolution of a zero-inserted image with an impulse response; the definition is in
// python/hyra/ops/polyphase_filter.py.
#pragma once

#include "core/boundary.hpp"
#include "core/op.hpp"

namespace hyra {

// With u running over the taps, out[s q + p] = sum over u of image[q + first + u] * taps[p, u] on each axis.
template <typename T>
struct PolyphaseFilterArgs {
  T* out;          // [batch, out_channels, scale * height, scale * width]
  const T* image;  // [batch, in_channels, height, width]
  const T* taps;   // [out_channels, in_channels or 1, taps_y, taps_x, scale * scale], phase scale * py + px
  std::int64_t batch, out_channels, in_channels, height, width;
  std::int64_t scale, taps_y, taps_x, first_y, first_x;
  bool matrix;  // each output channel sums over all input channels, else it has its own
  Boundary boundary;
};

}  // namespace hyra

HYRA_DECLARE_OP(polyphase_filter, PolyphaseFilterArgs)
