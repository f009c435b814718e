// Barriers and warp-wide exchanges.
#pragma once

#include <cstring>

#include "engine.hpp"

inline void __syncthreads(cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  cuda_on_cpu::block_barrier(cuda_on_cpu::Vote::kNone, false, where);
}
inline int __syncthreads_count(int predicate, cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  return cuda_on_cpu::block_barrier(cuda_on_cpu::Vote::kCount, predicate != 0, where);
}
inline int __syncthreads_and(int predicate, cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  return cuda_on_cpu::block_barrier(cuda_on_cpu::Vote::kAnd, predicate != 0, where);
}
inline int __syncthreads_or(int predicate, cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  return cuda_on_cpu::block_barrier(cuda_on_cpu::Vote::kOr, predicate != 0, where);
}

inline void __syncwarp(unsigned mask = 0xffffffffu, cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  cuda_on_cpu::warp_collective(cuda_on_cpu::WarpOp::kSync, mask, 0, 0, where);
}

namespace cuda_on_cpu {

template <typename T>
std::uint64_t to_bits(T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "warps exchange values of 4 or 8 bytes");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <typename T>
T shuffle(unsigned mask, T value, int source_lane, Location where) {
  const std::uint64_t bits = warp_collective(WarpOp::kShuffle, mask, to_bits(value), source_lane, where);
  T result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

}  // namespace cuda_on_cpu

// A lane reads from within its segment of `width` lanes, or from itself where the source would lie outside.
template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  const int lane = static_cast<int>(cuda_on_cpu::lane()), segment = lane & ~(width - 1);
  return cuda_on_cpu::shuffle(mask, value, segment + (source & (width - 1)), where);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32,
                 cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  const int lane = static_cast<int>(cuda_on_cpu::lane()), segment = lane & ~(width - 1);
  const int source = lane - static_cast<int>(distance);
  return cuda_on_cpu::shuffle(mask, value, source < segment ? lane : source, where);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32,
                   cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  const int lane = static_cast<int>(cuda_on_cpu::lane()), segment = lane & ~(width - 1);
  const int source = lane + static_cast<int>(distance);
  return cuda_on_cpu::shuffle(mask, value, source >= segment + width ? lane : source, where);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                  cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  const int lane = static_cast<int>(cuda_on_cpu::lane()), segment = lane & ~(width - 1);
  const int source = lane ^ lane_mask;
  return cuda_on_cpu::shuffle(mask, value, source >= segment + width ? lane : source, where);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  return static_cast<unsigned>(
      cuda_on_cpu::warp_collective(cuda_on_cpu::WarpOp::kBallot, mask, predicate != 0, 0, where));
}
inline int __any_sync(unsigned mask, int predicate, cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  return __ballot_sync(mask, predicate, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate, cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  return __ballot_sync(mask, predicate, where) == mask;
}
template <typename T>
unsigned __match_any_sync(unsigned mask, T value, cuda_on_cpu::Location where = cuda_on_cpu::Location::current()) {
  return static_cast<unsigned>(
      cuda_on_cpu::warp_collective(cuda_on_cpu::WarpOp::kMatch, mask, cuda_on_cpu::to_bits(value), 0, where));
}

inline void __threadfence() { cuda_on_cpu::thread_fence(); }
