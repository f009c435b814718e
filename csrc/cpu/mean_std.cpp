// Each chunk is read once from memory and twice from the cache: its mean, then its squared deviations from it. Both are
// taken about its first pixel, so that a constant chunk has exactly its value and 0. Chunks are merged as Chan et al.
// do.
#include "core/mean_std.hpp"

#include <cmath>

#include "cpu/parallel.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

// Sum of f(pixel - pivot) over a chunk; f takes a vector or a number.
template <typename T, typename F>
double sum_over(const Chunk<T>& chunk, double pivot, const F& f) {
  Vec8d sums[4] = {};
  std::int64_t i = 0;
  for (; i + 32 <= chunk.size; i += 32) {
    for (int j = 0; j < 4; ++j) sums[j] += f(load8(chunk.pixels + i + 8 * j) - pivot);
  }
  double rest = 0;
  for (; i < chunk.size; ++i) rest += f(static_cast<double>(chunk.pixels[i]) - pivot);
  return sum8((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest;
}

template <typename T>
void chunk_moments(const Chunk<T>& chunk, double* out) {
  const double pivot = static_cast<double>(chunk.pixels[0]);
  const double offset = sum_over(chunk, pivot, [](auto d) { return d; }) / static_cast<double>(chunk.size);
  out[0] = pivot + offset;
  out[1] = sum_over(chunk, pivot, [offset](auto d) { return (d - offset) * (d - offset); });
}

template <typename T>
void merge(const MeanStdArgs<T>& args, const double* partials, double* moments) {
  const std::int64_t chunks = chunk_count(args);
  double offset = 0, squares = 0;
  for (std::int64_t i = 0; i < chunks; ++i) offset += chunk_size(args, i) * (partials[2 * i] - partials[0]);
  const double mean = partials[0] + offset / static_cast<double>(args.size);
  for (std::int64_t i = 0; i < chunks; ++i) {
    const double delta = partials[2 * i] - mean;
    squares += partials[2 * i + 1] + chunk_size(args, i) * delta * delta;
  }
  moments[0] = mean;
  moments[1] = std::sqrt(finite_or_nan(squares / static_cast<double>(args.size - 1)));
}

}  // namespace

template <typename T>
void mean_std(const MeanStdArgs<T>& args, Context threads) {
  const std::int64_t chunks = chunk_count(args);
  const Context team = threads_for(args.images * args.size, threads);
  parallel_for(args.images * chunks, team,
               [&](std::int64_t index) { chunk_moments(Chunk<T>(args, chunks, index), args.partials + 2 * index); });
  for (std::int64_t image = 0; image < args.images; ++image) {
    merge(args, args.partials + 2 * image * chunks, args.moments + 2 * image);
  }
}

HYRA_INSTANTIATE(mean_std, MeanStdArgs)

}  // namespace hyra::HYRA_TARGET
