// Which accesses of different CUDA threads are ordered, as ThreadSanitizer is told; without it, all of this is empty.
//
// The host orders a launch after everything before it, and itself after the launch. Inside a launch only barriers and
// fences order anything. A fence and an atomic after it publish what the thread has done so far; an atomic on the same
// address and a fence after it observe that: both sides need their __threadfence, as in the memory model of PTX.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "schedule.hpp"

namespace cuda_on_cpu {

class Ordering {
 public:
  void launch_begins();
  void launch_ends();
  void block_begins();
  void thread_begins();
  void thread_ends();

  // One token for each time that threads meet: all release it on arrival and acquire it on departure.
  void* new_meeting();

  void fence(unsigned thread);
  void atomic(unsigned thread, const void* address);

 private:
  struct Token {
    std::uint64_t address_only;
  };
  struct Fences {
    Token* published = nullptr;                                 // by the last fence of this thread
    std::vector<std::pair<const void*, std::size_t>> observed;  // atomics since then: address, publications there
  };
  struct Publication {
    Token* token;
  };
  static constexpr std::size_t kMeetings = 256;

  Token launch_{}, done_{};
  std::unique_ptr<Token[]> meetings_;
  std::size_t next_meeting_ = 0;
  std::vector<std::unique_ptr<Token>> fence_tokens_;
  std::vector<Fences> fences_;
  std::unordered_map<const void*, std::vector<Publication>> publications_;
};

}  // namespace cuda_on_cpu
