// Each chunk is read once: the sums of d and of d^2, with d the distance from its first pixel, so that a constant chunk
// has exactly its value and 0. Where that pixel lies so far out that the squares would cancel, the deviations from the
// mean are added up in a second pass, over the cache. Chunks are merged as Chan et al. do. Of integers, the sums of the
// pixels and of their squares are exact.
#include "core/mean_std.hpp"

#include "cpu/parallel.hpp"
#include "cpu/pixels.hpp"
#include "cpu/scratch.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr std::int64_t kTogether = 8;  // chunks: fetching one at a time takes as long as adding it up
constexpr double kCancelled = 1e-3;    // a smaller rest of the squares has lost three digits or more

struct Sums {
  double first, second;
};

// What `add` adds up for each d, a vector or a number.
template <typename T, typename F>
Sums sums_over(const T* pixels, std::int64_t size, const F& add) {
  const double pivot = static_cast<double>(pixels[0]);
  Vec8d first[4] = {}, second[4] = {};
  std::int64_t i = 0;
  for (; i + 32 <= size; i += 32) {
    for (int j = 0; j < 4; ++j) add(load8(pixels + i + 8 * j) - pivot, first[j], second[j]);
  }
  Sums rest{0, 0};
  for (; i < size; ++i) add(static_cast<double>(pixels[i]) - pivot, rest.first, rest.second);
  return {sum8((first[0] + first[1]) + (first[2] + first[3])) + rest.first,
          sum8((second[0] + second[1]) + (second[2] + second[3])) + rest.second};
}

template <typename T>
void measure(const T* pixels, std::int64_t count, double* out) {
  const double pivot = static_cast<double>(pixels[0]), size = static_cast<double>(count);
  const Sums sums = sums_over(pixels, count, [](auto d, auto& first, auto& second) {
    first += d;
    second += d * d;
  });
  const double offset = sums.first / size;
  double squares = sums.second - offset * sums.first;
  if (!(squares > kCancelled * sums.second)) {
    squares = sums_over(pixels, count, [offset](auto d, auto&, auto& second) {
                second += (d - offset) * (d - offset);
              }).second;
  }
  out[0] = pivot + offset;
  out[1] = squares;
}

// 32 bits hold the sums of a chunk, but for the squares of 16 bits: compilers find the instructions for it.
template <typename T>
void measure(const T* pixels, std::int64_t count, std::uint64_t* out) {
  using Square = std::conditional_t<sizeof(T) == 1, std::uint32_t, std::uint64_t>;
  std::uint32_t sum = 0;
  Square squares = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto pixel = static_cast<std::uint32_t>(pixels[i]);
    sum += pixel;
    squares += static_cast<Square>(pixel) * pixel;
  }
  out[0] = sum;
  out[1] = squares;
}

template <typename T>
void merge(const MeanStdArgs<T>& args, const std::uint64_t* partials, double* moments) {
  std::uint64_t sum = 0, squares = 0;
  for (std::int64_t i = 0; i < chunk_count(args); ++i) {
    sum += partials[2 * i];
    squares += partials[2 * i + 1];
  }
  write_moments(sum, squares, pixel_count(args.size), moments);
}

template <typename T>
void merge(const MeanStdArgs<T>& args, const double* partials, double* moments) {
  const std::int64_t chunks = chunk_count(args);
  const auto chunk_pixels = [&](std::int64_t i) { return static_cast<double>(chunk_size(args, i)); };
  const auto size = static_cast<double>(pixel_count(args.size));
  double offset = 0, squares = 0;
  for (std::int64_t i = 0; i < chunks; ++i) offset += chunk_pixels(i) * (partials[2 * i] - partials[0]);
  const double mean = partials[0] + offset / size;
  for (std::int64_t i = 0; i < chunks; ++i) {
    const double delta = partials[2 * i] - mean;
    squares += partials[2 * i + 1] + chunk_pixels(i) * delta * delta;
  }
  moments[0] = mean;
  moments[1] = std::sqrt(finite_or_nan(squares / (size - 1)));
}

}  // namespace

template <typename T>
void mean_std(const MeanStdArgs<T>& args, Context threads) {
  const std::int64_t chunks = chunk_count(args);
  const Context team = threads_for(args.images * pixel_count(args.size), threads);
  const std::int64_t count = args.images * chunks;
  parallel_for((count + kTogether - 1) / kTogether, team, [&](std::int64_t task) {
    const std::int64_t first = task * kTogether, end = first + kTogether < count ? first + kTogether : count;
    const bool dense =
        is_dense(args.pixels[0], args.size) && (args.first == args.images || is_dense(args.pixels[1], args.size));
    Scratch<T> scratch(dense ? 0 : args.chunk);
    for (std::int64_t i = first; i < end; ++i) {
      const std::int64_t image = i / chunks, chunk = i % chunks, size = chunk_size(args, chunk);
      const Pixels<T>& pixels = batch_of(args, image);
      const std::int64_t index = index_in_batch(args, image);
      measure(run_of(pixels, args.size, index, chunk * args.chunk, size, scratch.data()), size, args.partials + 2 * i);
    }
  });
  for (std::int64_t image = 0; image < args.images; ++image) {
    merge(args, args.partials + 2 * image * chunks, args.moments + 2 * image);
  }
}

HYRA_INSTANTIATE_PIXELS(mean_std, MeanStdArgs)

}  // namespace hyra::HYRA_TARGET
