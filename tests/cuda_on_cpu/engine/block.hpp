// Runs the blocks of one launch: a fiber for each CUDA thread, which leaves it where it has to wait for others.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine.hpp"
#include "fiber.hpp"
#include "ordering.hpp"
#include "schedule.hpp"
#include "shared_memory.hpp"

namespace cuda_on_cpu {

// The threads of one warp that wait for each other at one place.
struct Meeting {
  WarpOp op;
  unsigned mask;
  Location where;
  unsigned arrived;  // bit set of lanes
  void* token;
};

struct Thread {
  enum class State { kReady, kAtBarrier, kInWarp, kReturned };

  explicit Thread(void (*entry)(void*)) : fiber(entry, this) {}

  Fiber fiber;
  unsigned number = 0;  // in the block; threads 32 w to 32 w + 31 are warp w
  uint3 index{};        // the same as threadIdx
  State state = State::kReady;
  Location where;           // the line at which it waits
  Meeting meeting{};        // of this warp, if this thread was the first to arrive there
  std::uint64_t value = 0;  // given to a warp operation
  int source_lane = 0;
  std::uint64_t result = 0;  // of what it waited for
};

// Threads live on from launch to launch: a new one costs a stack and, under ThreadSanitizer, a context.
using ThreadPool = std::vector<std::unique_ptr<Thread>>;

class Block {
 public:
  Block(const Launch& launch, std::size_t shared_limit, void (*body)(const void*), const void* arguments,
        Schedule& schedule, Ordering& ordering, ThreadPool& pool);
  ~Block();

  void run(uint3 index);  // throws std::runtime_error

  // Called by the running thread.
  int barrier(Vote vote, bool predicate, Location where);
  std::uint64_t warp_collective(WarpOp op, unsigned mask, std::uint64_t value, int source_lane, Location where);
  void* shared_variable(const void* identity, const char* name, std::size_t bytes, Location where);
  void* dynamic_shared_memory(Location where);
  void fence();
  void before_atomic(const void* address);
  unsigned lane() const { return running_->number % 32; }

 private:
  static void thread_main(void* self);
  Thread& thread(unsigned number) { return *pool_[first_ + number]; }
  void wait();  // lets the next thread run, and comes back when it is this one's turn
  void meet(Thread& leader);
  [[noreturn]] void fail(std::string message);
  std::string whereabouts(unsigned number);
  std::string deadlock();

  const Launch& launch_;
  const std::size_t shared_limit_;
  void (*const body_)(const void*);
  const void* const arguments_;
  Schedule& schedule_;
  Ordering& ordering_;
  ThreadPool& pool_;
  const unsigned threads_;
  unsigned teams_;  // blocks in a row run on different threads of the pool, so that a race between them shows
  unsigned team_ = 0;
  std::size_t first_ = 0;  // of the pool's threads, for this block
  SharedMemory shared_;
  Fiber host_;
  Thread* running_ = nullptr;
  unsigned returned_ = 0;
  std::string error_;

  unsigned at_barrier_ = 0, votes_ = 0;
  Location barrier_where_;
  void* barrier_token_ = nullptr;
  std::array<unsigned, Schedule::kMaxThreads / 32> leaders_{};  // of each warp: the lanes that opened a meeting
};

// The block that is running; one at a time in the process.
extern Block* running_block;

std::string describe(const Thread& thread);
std::string hexadecimal(unsigned mask);
const char* name_of(WarpOp op);

}  // namespace cuda_on_cpu
