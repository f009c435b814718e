// The most multiply-adds that this machine can do: independent chains in registers, nothing loaded or stored.
#include <cstdint>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64, kChains = 24;
#elif defined(__AVX__)
constexpr int kBytes = 32, kChains = 12;
#else
constexpr int kBytes = 16, kChains = 12;
#endif

using Vector [[gnu::vector_size(kBytes)]] = float;

void run_chains(std::int64_t rounds) {
  Vector sums[kChains] = {}, factor = Vector{} + 0.5f, term = Vector{} + 1.0f;
  asm volatile("" : "+m"(factor), "+m"(term));
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 24
    for (Vector& sum : sums) sum = sum * factor + term;
  }
  for (Vector& sum : sums) asm volatile("" : : "m"(sum));
}

}  // namespace

// Returns the number of multiply-adds done.
extern "C" std::int64_t multiply_add_peak(std::int64_t rounds, std::int64_t threads) {
  std::vector<std::thread> others;
  for (std::int64_t i = 1; i < threads; ++i) others.emplace_back(run_chains, rounds);
  run_chains(rounds);
  for (std::thread& other : others) other.join();
  return rounds * threads * kChains * kBytes / static_cast<std::int64_t>(sizeof(float));
}
