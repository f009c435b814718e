// The one ring rule. Bin (ky, kx) of an H x W transform lies at rho = min(H, W) sqrt((ky / H)^2 + (kx / W)^2) and
// belongs to ring floor(rho + 1/2): rings are isotropic in cycles per pixel and one bin of the shorter side wide.
// Decided in int64, as 4 (ky^2 W^2 + kx^2 H^2) >= (2 ring - 1)^2 max(H, W)^2, so that no rounding moves a bin: exact up
// to 2^31 pixels.
#pragma once

#include <cstdint>

#include "core/inline.hpp"

namespace hyra::HYRA_TARGET {

struct RingRule {
  std::int64_t height, width, longest;
  HYRA_INLINE RingRule(std::int64_t h, std::int64_t w) : height(h), width(w), longest(h > w ? h : w) {}

  HYRA_INLINE std::int64_t distance(std::int64_t ky, std::int64_t kx) const {
    return 4 * (ky * ky * width * width + kx * kx * height * height);
  }
  // The least distance that belongs to a ring.
  HYRA_INLINE std::int64_t inner_edge(std::int64_t ring) const {
    return ring == 0 ? 0 : (2 * ring - 1) * (2 * ring - 1) * longest * longest;
  }
  // The ring of column zero, where the rule has no square root.
  HYRA_INLINE std::int64_t ring_on_axis(std::int64_t ky) const { return (2 * ky * width / longest + 1) / 2; }
  // Column zero and, for an even width, the last one of a half spectrum stand for themselves alone, all others also for
  // their mirror image.
  HYRA_INLINE std::int64_t hermitian_weight(std::int64_t kx) const { return kx == 0 || 2 * kx == width ? 1 : 2; }
  // Whether row -ky, which has the same rings, is another one than row ky.
  HYRA_INLINE bool has_mirror(std::int64_t ky) const { return ky != 0 && 2 * ky != height; }
};

}  // namespace hyra::HYRA_TARGET
