// The order in which the blocks of a grid and the threads of a block run.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace cuda_on_cpu {

class Schedule {
 public:
  static constexpr unsigned kMaxThreads = 1024;

  explicit Schedule(const std::string& name);  // throws std::invalid_argument

  // Every launch draws the same random numbers.
  std::vector<std::int64_t> begin_launch(std::int64_t blocks);
  void begin_block(unsigned threads);

  // The threads of the block that can run; kMaxThreads if there is none.
  void resume(unsigned thread);
  void suspend(unsigned thread);
  unsigned next(unsigned after);

  // Whether to let another thread run first, at a place where any might.
  bool preempts();

 private:
  std::uint64_t random(std::uint64_t bound);
  unsigned rank(unsigned thread) const { return kind_ == Kind::kReverse ? threads_ - 1 - thread : thread; }

  enum class Kind { kForward, kReverse, kRandom } kind_;
  std::uint64_t seed_ = 0, state_ = 0;
  unsigned threads_ = 0;
  std::array<std::uint64_t, kMaxThreads / 64> ready_{};  // a bit for each rank
};

}  // namespace cuda_on_cpu
