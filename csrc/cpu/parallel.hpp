// The one way to use several threads. Chunks depend on the shape of the work, never on the number of threads, and so
// neither do the bits of the result.
#pragma once

#include <cstdint>

#include "core/op.hpp"

namespace hyra {

void run_parallel(std::int64_t chunks, Context threads, void (*body)(const void* closure, std::int64_t chunk),
                  const void* closure);

}  // namespace hyra

namespace hyra::HYRA_TARGET {

// Waking other threads takes longer than going over so few elements alone.
inline Context threads_for(std::int64_t elements, Context threads) { return elements < (1 << 15) ? 1 : threads; }

template <typename F>
void parallel_for(std::int64_t chunks, Context threads, const F& f) {
  run_parallel(
      chunks, threads, [](const void* closure, std::int64_t chunk) { (*static_cast<const F*>(closure))(chunk); }, &f);
}

}  // namespace hyra::HYRA_TARGET
