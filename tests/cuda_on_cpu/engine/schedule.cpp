#include "schedule.hpp"

#include <bit>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace cuda_on_cpu {

Schedule::Schedule(const std::string& name) {
  const std::string random = "random:";
  if (name == "forward") {
    kind_ = Kind::kForward;
  } else if (name == "reverse") {
    kind_ = Kind::kReverse;
  } else if (name.starts_with(random) && name.size() > random.size() && name.size() < random.size() + 19 &&
             name.find_first_not_of("0123456789", random.size()) == std::string::npos) {
    kind_ = Kind::kRandom;
    seed_ = std::stoull(name.substr(random.size()));
  } else {
    throw std::invalid_argument("a CUDA schedule is forward, reverse or random:SEED, got '" + name + "'");
  }
}

std::vector<std::int64_t> Schedule::begin_launch(std::int64_t blocks) {
  state_ = seed_;
  std::vector<std::int64_t> order(static_cast<std::size_t>(blocks));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (kind_ == Kind::kReverse) {
    for (std::int64_t& block : order) block = blocks - 1 - block;
  } else if (kind_ == Kind::kRandom) {
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random(i)]);
  }
  return order;
}

void Schedule::begin_block(unsigned threads) {
  threads_ = threads;
  for (unsigned i = 0; i < ready_.size(); ++i) {
    const unsigned count = threads <= i * 64 ? 0 : threads - i * 64;
    ready_[i] = count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  }
}

void Schedule::resume(unsigned thread) { ready_[rank(thread) / 64] |= std::uint64_t{1} << (rank(thread) % 64); }

void Schedule::suspend(unsigned thread) { ready_[rank(thread) / 64] &= ~(std::uint64_t{1} << (rank(thread) % 64)); }

unsigned Schedule::next(unsigned after) {
  const unsigned from = kind_ == Kind::kRandom ? static_cast<unsigned>(random(threads_)) : (rank(after) + 1) % threads_;
  const unsigned words = (threads_ + 63) / 64, first = from / 64;
  std::uint64_t word = ready_[first] & (~std::uint64_t{0} << (from % 64));
  for (unsigned step = 0; step <= words; ++step) {  // the first word twice: from its middle, and then all of it
    if (word != 0) return rank((first + step) % words * 64 + static_cast<unsigned>(std::countr_zero(word)));
    word = ready_[(first + step + 1) % words];
  }
  return kMaxThreads;
}

bool Schedule::preempts() { return kind_ == Kind::kRandom && random(4) == 0; }

std::uint64_t Schedule::random(std::uint64_t bound) {  // splitmix64
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (z ^ (z >> 31)) % bound;
}

}  // namespace cuda_on_cpu
