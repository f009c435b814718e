// The rings of a few neighbouring rows of a half spectrum, without a square root.
#pragma once

#include "core/ring.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {

constexpr std::int64_t kWalkedRows = 8;  // walked together, one to a lane

// steps[k] is what column k + 1 adds to (2 rho)^2 more than column k does, the same in all rows.
inline void ring_steps(const RingRule& rule, std::int64_t columns, std::int64_t* steps) {
  std::int64_t before = 0;
  for (std::int64_t k = 0; k < columns; ++k) {
    const std::int64_t after = rule.of_column(k + 1);
    steps[k] = after - before;
    before = after;
  }
}

// rings[k][j] is the ring of (ky + j, k). Going one column outward crosses one ring edge at most.
inline void walk_rings(const RingRule& rule, std::int64_t ky, std::int64_t columns, const std::int64_t* steps,
                       std::int32_t* rings) {
  using Lanes = Vec<std::int64_t>;
  using Narrow [[gnu::vector_size(kVectorBytes / 2)]] = std::int32_t;
  constexpr int kVectors = kWalkedRows / kLanes<std::int64_t>;
  std::int64_t start[3][kWalkedRows];
  for (std::int64_t j = 0; j < kWalkedRows; ++j) {
    const std::int64_t r = rule.ring_on_axis(ky + j);
    start[0][j] = r;
    start[1][j] = rule.of_row(ky + j) - rule.inner_edge(r + 1);
    start[2][j] = 8 * (r + 1);
  }
  Lanes ring[kVectors], beyond[kVectors], width[kVectors];
  std::memcpy(ring, start[0], sizeof ring);
  std::memcpy(beyond, start[1], sizeof beyond);
  std::memcpy(width, start[2], sizeof width);
  for (std::int64_t k = 0; k < columns; ++k) {
    for (int i = 0; i < kVectors; ++i) {
      const Narrow narrow = __builtin_convertvector(ring[i], Narrow);
      std::memcpy(rings + k * kWalkedRows + i * kLanes<std::int64_t>, &narrow, sizeof narrow);
      beyond[i] += steps[k];
      const Lanes crossed = ~(beyond[i] >> 63);  // all ones where the next column lies in the next ring
      ring[i] -= crossed;
      beyond[i] -= width[i] & crossed;
      width[i] += 8 & crossed;
    }
  }
}

}  // namespace hyra::HYRA_TARGET
