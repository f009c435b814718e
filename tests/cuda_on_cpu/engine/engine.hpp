// The engine behind the words of CUDA: what the other headers call, and what the tests may set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>

#include "language.hpp"

namespace cuda_on_cpu {

using Location = std::source_location;

// --- For the tests.

// In which order the blocks of a grid and the threads of a block run: "forward", "reverse" or "random:SEED". The
// environment variable HYRA_CUDA_SCHEDULE gives the first one. Throws std::invalid_argument.
void set_schedule(const std::string& schedule);

// How many times slower float64 is than float32, as cudaDeviceGetAttribute says.
void set_double_ratio(int ratio);

// Kernels launched so far.
std::int64_t launch_count();

// Memory that host code may not touch: AddressSanitizer reports it, except from kernels and cudaMemsetAsync.
void mark_device_memory(const void* begin, std::size_t bytes);
void unmark_device_memory(const void* begin);

// --- For the words of CUDA.

struct Launch {
  const char* kernel;
  const void* function;
  dim3 grid, block;
  std::size_t dynamic_shared_bytes;
  Location where;
};

// Runs body(arguments) once per CUDA thread. Throws std::runtime_error that names the kernel, the block and the line.
void run_kernel(const Launch& launch, void (*body)(const void* arguments), const void* arguments);

enum class Vote { kNone, kCount, kAnd, kOr };
int block_barrier(Vote vote, bool predicate, Location where);

enum class WarpOp { kSync, kShuffle, kBallot, kMatch };
// Waits for the lanes of `mask`, then gives each its result; `source_lane` is where a shuffle reads.
std::uint64_t warp_collective(WarpOp op, unsigned mask, std::uint64_t value, int source_lane, Location where);
unsigned lane();

// `identity` is the address of an object that the declaration owns, so that all threads of a block agree on it.
void* shared_variable(const void* identity, const char* name, std::size_t bytes, Location where);
void* dynamic_shared_memory(Location where);

void thread_fence();
// Called before every atomic: in a random schedule another thread may run first; after a fence it publishes.
void before_atomic(const void* address);

}  // namespace cuda_on_cpu
