// The rings of a few neighbouring rows of a half spectrum, without a square root.
#pragma once

#include "core/ring.hpp"

namespace hyra::HYRA_TARGET {

constexpr std::int64_t kWalkedRows = 8;  // walked together, one to a lane

// rings[k][j] is the ring of (ky + j, k). Only increments of the quadratic are formed: going one column outward crosses
// one ring edge at most.
inline void walk_rings(const RingRule& rule, std::int64_t ky, std::int64_t columns, std::int32_t* rings) {
  const std::int64_t h2 = rule.height * rule.height, m2 = rule.longest * rule.longest;
  std::int64_t ring[kWalkedRows], beyond[kWalkedRows], width[kWalkedRows];
  for (std::int64_t j = 0; j < kWalkedRows; ++j) {
    ring[j] = rule.ring_on_axis(ky + j);
    beyond[j] = rule.distance(ky + j, 0) - rule.inner_edge(ring[j] + 1);
    width[j] = 8 * (ring[j] + 1) * m2;
  }
  std::int64_t step = 4 * h2;
  for (std::int64_t k = 0; k < columns; ++k, step += 8 * h2) {
    for (std::int64_t j = 0; j < kWalkedRows; ++j) {
      rings[k * kWalkedRows + j] = static_cast<std::int32_t>(ring[j]);
      beyond[j] += step;
      const std::int64_t crossed = ~(beyond[j] >> 63);  // all ones where the next column lies in the next ring
      ring[j] -= crossed;
      beyond[j] -= width[j] & crossed;
      width[j] += 8 * m2 & crossed;
    }
  }
}

}  // namespace hyra::HYRA_TARGET
