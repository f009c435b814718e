// What errors say.
#include <bit>
#include <sstream>
#include <utility>

#include "block.hpp"
#include "describe.hpp"

namespace cuda_on_cpu {

std::string describe(const Thread& thread) { return "thread " + describe(thread.index); }

std::string hexadecimal(unsigned mask) {
  std::ostringstream out;
  out << "0x" << std::hex << mask;
  return out.str();
}

const char* name_of(WarpOp op) {
  switch (op) {
    case WarpOp::kSync:
      return "__syncwarp";
    case WarpOp::kShuffle:
      return "a shuffle";
    case WarpOp::kBallot:
      return "a vote";
    default:
      return "__match_any_sync";
  }
}

void Block::fail(std::string message) {
  error_ = std::move(message);
  ordering_.thread_ends();
  switch_fiber(running_->fiber, host_);
  __builtin_unreachable();
}

std::string Block::whereabouts(unsigned number) {
  if (number >= threads_) return "does not exist";
  const Thread& t = thread(number);
  switch (t.state) {
    case Thread::State::kAtBarrier:
      return "waits in __syncthreads at " + describe(t.where);
    case Thread::State::kInWarp:
      return "waits in a warp operation at " + describe(t.where);
    case Thread::State::kReturned:
      return "has returned";
    default:
      return "runs";
  }
}

// Called when every thread that has not returned waits for others. A barrier cannot be reached by threads that a warp
// operation holds up, so that is named first.
std::string Block::deadlock() {
  for (unsigned warp = 0; warp < leaders_.size(); ++warp) {
    if (leaders_[warp] == 0) continue;
    const Meeting& meeting = thread(warp * 32 + static_cast<unsigned>(std::countr_zero(leaders_[warp]))).meeting;
    const unsigned missing = static_cast<unsigned>(std::countr_zero(meeting.mask & ~meeting.arrived));
    return "missing lanes: " + std::string(name_of(meeting.op)) + " at " + describe(meeting.where) + " with mask " +
           hexadecimal(meeting.mask) + " was reached by the lanes " + hexadecimal(meeting.arrived) + " of warp " +
           std::to_string(warp) + "; lane " + std::to_string(missing) + " " + whereabouts(warp * 32 + missing);
  }
  unsigned missing = 0;
  while (thread(missing).state == Thread::State::kAtBarrier) ++missing;
  return "partial barrier: __syncthreads at " + describe(barrier_where_) + " was reached by " +
         std::to_string(at_barrier_) + " of " + std::to_string(threads_) + " threads; " + describe(thread(missing)) +
         " " + whereabouts(missing);
}

}  // namespace cuda_on_cpu
