#include <atomic>
#include <cstdint>
#include <exception>

#include "core/op.hpp"

#ifndef _OPENMP
#include <thread>
#include <vector>
#endif

namespace hyra {

void run_parallel(std::int64_t chunks, Context threads, void (*body)(const void*, std::int64_t), const void* closure) {
  if (threads <= 1 || chunks <= 1) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) body(closure, chunk);
    return;
  }
  std::exception_ptr error;
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  auto guarded = [&](std::int64_t chunk) {
    try {
      body(closure, chunk);
    } catch (...) {
      if (!failed.test_and_set()) error = std::current_exception();
    }
  };
  const int team = static_cast<int>(static_cast<Context>(chunks) < threads ? static_cast<Context>(chunks) : threads);
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) guarded(chunk);
#else
  // Without OpenMP, and under ThreadSanitizer, which cannot see libgomp's barriers.
  std::atomic<std::int64_t> next{0};
  auto work = [&] {
    for (std::int64_t chunk = next++; chunk < chunks; chunk = next++) guarded(chunk);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < team; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
#endif
  if (error) std::rethrow_exception(error);
}

}  // namespace hyra
