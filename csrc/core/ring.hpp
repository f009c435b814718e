// The one ring rule. Bin (ky, kx) of an H x W transform lies at rho = min(H, W) sqrt((ky / H)^2 + (kx / W)^2) and
// belongs to ring floor(rho + 1/2): rings are isotropic in cycles per pixel and one bin of the shorter side wide.
// Decided in integers, so that no rounding moves a bin: with a the frequency along the shorter side S and b that along
// the longer side L, (2 rho)^2 = 4 a^2 + (2 b S / L)^2 reaches the inner edge (2 ring - 1)^2 of a ring exactly where
// 4 a^2 + floor((2 b S / L)^2) does. No number is larger than (S L)^2: int64 holds all of them up to 2^31 pixels.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/inline.hpp"

namespace hyra::HYRA_TARGET {

struct RingRule {
  std::int64_t height, width, shortest, longest;
  HYRA_INLINE RingRule(std::int64_t h, std::int64_t w)
      : height(h), width(w), shortest(h < w ? h : w), longest(h > w ? h : w) {}

  // What a row and a column add to (2 rho)^2, rounded down.
  HYRA_INLINE std::int64_t of_row(std::int64_t ky) const { return square(ky, height); }
  HYRA_INLINE std::int64_t of_column(std::int64_t kx) const { return square(kx, width); }
  // The least (2 rho)^2 that belongs to a ring.
  HYRA_INLINE std::int64_t inner_edge(std::int64_t ring) const {
    return ring == 0 ? 0 : (2 * ring - 1) * (2 * ring - 1);
  }
  // Whether a bin lies at an edge or beyond it: as the sum of `of_row` and `of_column` does, without a division.
  HYRA_INLINE bool reaches(std::int64_t ky, std::int64_t kx, std::int64_t edge) const {
    const std::int64_t a = height > width ? kx : ky, b = height > width ? ky : kx;
    const std::int64_t rest = edge - 4 * a * a;  // for b, of which there is at most the square of the shorter side
    if (rest <= 0) return true;
    return rest <= shortest * shortest && 4 * b * b * shortest * shortest >= rest * longest * longest;
  }
  HYRA_INLINE std::int64_t ring_of(std::int64_t ky, std::int64_t kx) const {
    const auto y = static_cast<double>(ky * width), x = static_cast<double>(kx * height);
    // Rounding may move it across an edge, to the ring beside its own.
    const auto ring = static_cast<std::int64_t>(std::sqrt(y * y + x * x) / static_cast<double>(longest) + 0.5);
    if (!reaches(ky, kx, inner_edge(ring))) return ring - 1;
    return reaches(ky, kx, inner_edge(ring + 1)) ? ring + 1 : ring;
  }
  // The ring of column zero, where the rule has no square root.
  HYRA_INLINE std::int64_t ring_on_axis(std::int64_t ky) const { return (2 * ky * width / longest + 1) / 2; }
  // Whether row ky lies in a ring above zero or beyond it, and all of its columns with it: without a division.
  HYRA_INLINE bool lies_beyond(std::int64_t ky, std::int64_t ring) const {
    return 2 * ky * width >= (2 * ring - 1) * longest;
  }
  // Column zero and, for an even width, the last one of a half spectrum stand for themselves alone, all others also for
  // their mirror image.
  HYRA_INLINE std::int64_t hermitian_weight(std::int64_t kx) const { return kx == 0 || 2 * kx == width ? 1 : 2; }
  // Whether row -ky, which has the same rings, is another one than row ky.
  HYRA_INLINE bool has_mirror(std::int64_t ky) const { return ky != 0 && 2 * ky != height; }

 private:
  HYRA_INLINE std::int64_t square(std::int64_t k, std::int64_t side) const {
    if (side == shortest) return 4 * k * k;
    const std::int64_t stretched = 2 * k * shortest;
    return stretched * stretched / (longest * longest);
  }
};

}  // namespace hyra::HYRA_TARGET
