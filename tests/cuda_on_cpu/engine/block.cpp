#include "block.hpp"

#include <algorithm>
#include <stdexcept>

#include "describe.hpp"
#include "sanitizers.hpp"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace cuda_on_cpu {

Block* running_block = nullptr;

namespace {

constexpr unsigned kRaceContexts = 240;  // ThreadSanitizer keeps 256, of which the process needs some

uint3 index_of(unsigned number, dim3 extent) {
  return {number % extent.x, number / extent.x % extent.y, number / (extent.x * extent.y)};
}

}  // namespace

Block::Block(const Launch& launch, std::size_t shared_limit, void (*body)(const void*), const void* arguments,
             Schedule& schedule, Ordering& ordering, ThreadPool& pool)
    : launch_(launch),
      shared_limit_(shared_limit),
      body_(body),
      arguments_(arguments),
      schedule_(schedule),
      ordering_(ordering),
      pool_(pool),
      threads_(launch.block.x * launch.block.y * launch.block.z),
      teams_(kThreadSanitizer ? std::max(1u, kRaceContexts / threads_) : 1) {
  if (kThreadSanitizer && threads_ > kRaceContexts / 2) {
    throw std::runtime_error(std::string(launch.kernel) + ": a race run needs blocks of at most " +
                             std::to_string(kRaceContexts / 2) + " threads: give the size as HYRA_BLOCK(size)");
  }
  while (pool_.size() < static_cast<std::size_t>(teams_) * threads_) {
    pool_.push_back(std::make_unique<Thread>(&Block::thread_main));
  }
  for (unsigned i = 0; i < teams_ * threads_; ++i) {
    pool_[i]->number = i % threads_;
    pool_[i]->index = index_of(i % threads_, launch.block);
  }
  running_block = this;
  ::blockDim = launch.block;
  ::gridDim = launch.grid;
  ordering_.launch_begins();
}

Block::~Block() {
  ordering_.launch_ends();
  running_block = nullptr;
}

void Block::run(uint3 index) {
  ::blockIdx = index;
  first_ = static_cast<std::size_t>(team_) * threads_;
  team_ = (team_ + 1) % teams_;
  for (unsigned i = 0; i < threads_; ++i) thread(i).state = Thread::State::kReady;
  returned_ = 0;
  schedule_.begin_block(threads_);
  ordering_.block_begins();
  shared_.begin_block();

  running_ = &thread(schedule_.next(threads_ - 1));
  ::threadIdx = running_->index;
  switch_fiber(host_, running_->fiber);

  if (const SharedVariable* variable = shared_.damaged(); error_.empty() && variable != nullptr) {
    error_ = "a write outside the shared variable '" + std::string(variable->name()) + "' (" +
             std::to_string(variable->bytes()) + " bytes, " + describe(variable->where()) + ")";
  }
  if (error_.empty()) return;
  at_barrier_ = 0;
  leaders_.fill(0);
  ordering_.launch_ends();
  pool_.clear();  // its threads stopped in the middle of a kernel
  throw std::runtime_error(std::string(launch_.kernel) + " launched at " + describe(launch_.where) + ", block " +
                           describe(index) + ": " + error_);
}

void Block::thread_main(void* self) {
  Thread& thread = *static_cast<Thread*>(self);
  for (;;) {
    Block& block = *running_block;
    block.ordering_.thread_begins();
    block.body_(block.arguments_);
    block.ordering_.thread_ends();
    thread.state = Thread::State::kReturned;
    ++block.returned_;
    block.schedule_.suspend(thread.number);
    block.wait();
  }
}

void Block::wait() {
  Thread& self = *running_;
  if (returned_ == threads_) {
    switch_fiber(self.fiber, host_);
    return;
  }
  const unsigned next = schedule_.next(self.number);
  if (next == Schedule::kMaxThreads) fail(deadlock());
  if (next == self.number) return;
  running_ = &thread(next);
  ::threadIdx = running_->index;
  switch_fiber(self.fiber, running_->fiber);
}

void* Block::shared_variable(const void* identity, const char* name, std::size_t bytes, Location where) {
  if (void* const data = shared_.find(identity)) return data;
  void* const data = shared_.add(identity, name, bytes, where);
  if (shared_.bytes() > shared_limit_) {
    fail(std::to_string(shared_.bytes()) + " bytes of shared memory with '" + name + "' at " + describe(where) +
         ", more than " + std::to_string(shared_limit_) +
         " (cudaFuncSetAttribute allows a kernel more dynamic shared memory)");
  }
  return data;
}

void* Block::dynamic_shared_memory(Location where) {
  return shared_variable(&launch_, "dynamic shared memory", launch_.dynamic_shared_bytes, where);
}

void Block::fence() { ordering_.fence(running_->number); }

void Block::before_atomic(const void* address) {
  if (schedule_.preempts()) wait();
  ordering_.atomic(running_->number, address);
}

// --- The words of CUDA, passed on to the running block.

int block_barrier(Vote vote, bool predicate, Location where) { return running_block->barrier(vote, predicate, where); }

std::uint64_t warp_collective(WarpOp op, unsigned mask, std::uint64_t value, int source_lane, Location where) {
  return running_block->warp_collective(op, mask, value, source_lane, where);
}

unsigned lane() { return running_block->lane(); }

void* shared_variable(const void* identity, const char* name, std::size_t bytes, Location where) {
  return running_block->shared_variable(identity, name, bytes, where);
}

void* dynamic_shared_memory(Location where) { return running_block->dynamic_shared_memory(where); }

void thread_fence() { running_block->fence(); }

void before_atomic(const void* address) { running_block->before_atomic(address); }

}  // namespace cuda_on_cpu
