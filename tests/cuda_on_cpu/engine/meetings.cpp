// Where threads wait for each other: barriers and warp operations.
#include <bit>
#include <cstring>

#include "block.hpp"
#include "describe.hpp"
#include "sanitizers.hpp"

namespace cuda_on_cpu {
namespace {

bool same(Location a, Location b) {
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

}  // namespace

int Block::barrier(Vote vote, bool predicate, Location where) {
  Thread& self = *running_;
  if (at_barrier_ == 0) {
    barrier_where_ = where;
    barrier_token_ = ordering_.new_meeting();
    votes_ = 0;
  } else if (!same(where, barrier_where_)) {
    fail("divergent barrier: " + describe(self) + " is in __syncthreads at " + describe(where) + " while " +
         std::to_string(at_barrier_) + " of " + std::to_string(threads_) + " threads wait in __syncthreads at " +
         describe(barrier_where_));
  }
  void* const token = barrier_token_;
  release(token);
  votes_ += predicate;
  self.state = Thread::State::kAtBarrier;
  self.where = where;
  if (++at_barrier_ == threads_) {
    at_barrier_ = 0;
    const bool all = votes_ == threads_, any = votes_ > 0;
    const unsigned result = vote == Vote::kCount ? votes_ : vote == Vote::kAnd ? all : any;
    for (unsigned i = 0; i < threads_; ++i) {
      thread(i).state = Thread::State::kReady;
      thread(i).result = result;
      schedule_.resume(i);
    }
  } else {
    schedule_.suspend(self.number);
  }
  wait();
  acquire(token);
  return static_cast<int>(self.result);
}

std::uint64_t Block::warp_collective(WarpOp op, unsigned mask, std::uint64_t value, int source_lane, Location where) {
  Thread& self = *running_;
  const unsigned warp = self.number / 32, lane = self.number % 32;
  if ((mask >> lane & 1) == 0) {
    fail(describe(self) + " (lane " + std::to_string(lane) + ") is in " + name_of(op) + " at " + describe(where) +
         " whose mask " + hexadecimal(mask) + " leaves it out");
  }
  self.state = Thread::State::kInWarp;
  self.where = where;
  self.value = value;
  self.source_lane = source_lane;

  Thread* leader = nullptr;
  for (unsigned rest = leaders_[warp]; rest != 0 && leader == nullptr; rest &= rest - 1) {
    Thread& candidate = thread(warp * 32 + static_cast<unsigned>(std::countr_zero(rest)));
    const Meeting& meeting = candidate.meeting;
    if (meeting.op == op && meeting.mask == mask && same(meeting.where, where)) leader = &candidate;
  }
  if (leader == nullptr) {
    leader = &self;
    leaders_[warp] |= 1u << lane;
    self.meeting = {op, mask, where, 0, op == WarpOp::kSync ? ordering_.new_meeting() : nullptr};
  }
  leader->meeting.arrived |= 1u << lane;
  void* const token = leader->meeting.token;
  if (op == WarpOp::kSync) release(token);  // the other operations exchange values and order no memory

  if (leader->meeting.arrived == mask) {
    meet(*leader);
  } else {
    schedule_.suspend(self.number);
  }
  wait();
  if (op == WarpOp::kSync) acquire(token);
  return self.result;
}

void Block::meet(Thread& leader) {
  const Meeting& meeting = leader.meeting;
  const unsigned warp = leader.number / 32;
  leaders_[warp] &= ~(1u << leader.number % 32);
  std::uint64_t ballot = 0;
  const auto for_each_lane = [&](auto visit) {
    for (unsigned rest = meeting.mask; rest != 0; rest &= rest - 1) {
      const unsigned lane = static_cast<unsigned>(std::countr_zero(rest));
      visit(lane, thread(warp * 32 + lane));
    }
  };
  for_each_lane([&](unsigned lane, Thread& t) { ballot |= t.value << lane; });
  for_each_lane([&](unsigned lane, Thread& t) {
    if (meeting.op == WarpOp::kShuffle) {
      if ((meeting.mask >> t.source_lane & 1) == 0) {
        fail(describe(t) + " (lane " + std::to_string(lane) + ") reads lane " + std::to_string(t.source_lane) +
             " in a shuffle at " + describe(meeting.where) + " whose mask " + hexadecimal(meeting.mask) +
             " leaves that lane out");
      }
      t.result = thread(warp * 32 + static_cast<unsigned>(t.source_lane)).value;
    } else if (meeting.op == WarpOp::kBallot) {
      t.result = ballot;
    } else if (meeting.op == WarpOp::kMatch) {
      t.result = 0;
      for_each_lane([&](unsigned other, Thread& o) { t.result |= std::uint64_t{o.value == t.value} << other; });
    }
    t.state = Thread::State::kReady;
    schedule_.resume(t.number);
  });
}

}  // namespace cuda_on_cpu
