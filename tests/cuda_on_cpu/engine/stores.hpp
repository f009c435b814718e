// Where kernels store by __stwb, kept while a test asks for it: how the stores of a warp lie in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cuda_on_cpu {

struct Store {
  std::uint64_t block;
  unsigned thread, threads;  // which of its block's
  std::uintptr_t address;
  std::size_t bytes;
};

// From now on, none yet.
void record_stores();
// Those since, each thread's in the order in which it made them; no more are kept.
std::vector<Store> recorded_stores();

void on_store(const void* address, std::size_t bytes);

}  // namespace cuda_on_cpu
