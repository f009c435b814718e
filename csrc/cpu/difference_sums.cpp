// Both images are read once. Integers are subtracted and added up in as few bits as hold the sums of a chunk, for
// compilers to find the instructions; floats in float64.
#include "core/difference_sums.hpp"

#include <cstdlib>
#include <limits>

#include "cpu/parallel.hpp"
#include "cpu/pixels.hpp"
#include "cpu/scratch.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

template <typename S>
struct Sums {
  S absolute = 0, squares = 0;
};

// A chunk has less than 2^16 pixels: 32 bits hold its sums, of squares of 16 bits those of either half of their bits.
template <typename T>
Sums<std::uint64_t> sums_over(const T* __restrict preds, const T* __restrict target, std::int64_t count) {
  std::uint32_t absolute = 0, lower = 0, upper = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto d = static_cast<std::uint32_t>(std::abs(preds[i] - target[i]));
    absolute += d;
    lower += sizeof(T) == 1 ? d * d : d * d & 0xffff;
    upper += sizeof(T) == 1 ? 0 : d * d >> 16;
  }
  return {absolute, (static_cast<std::uint64_t>(upper) << 16) + lower};
}

inline Vec<double> magnitude(Vec<double> v) {
  const Vec<std::int64_t> all_but_sign = Vec<std::int64_t>{} + std::numeric_limits<std::int64_t>::max();
  return reinterpret_cast<Vec<double>>(reinterpret_cast<Vec<std::int64_t>>(v) & all_but_sign);
}

template <typename T>
Sums<double> float_sums_over(const T* preds, const T* target, std::int64_t count) {
  constexpr int kVectors = 4, kEach = kLanes<double>;
  Vec<double> absolute[kVectors] = {}, squares[kVectors] = {};
  std::int64_t i = 0;
  for (; i + kVectors * kEach <= count; i += kVectors * kEach) {
    for (int j = 0; j < kVectors; ++j) {
      const Vec<double> d = load_wide(preds + i + j * kEach) - load_wide(target + i + j * kEach);
      absolute[j] += magnitude(d);
      squares[j] += d * d;
    }
  }
  Sums<double> rest;
  for (; i < count; ++i) {
    const double d = static_cast<double>(preds[i]) - static_cast<double>(target[i]);
    rest.absolute += d < 0 ? -d : d;
    rest.squares += d * d;
  }
  return {sum_lanes((absolute[0] + absolute[1]) + (absolute[2] + absolute[3])) + rest.absolute,
          sum_lanes((squares[0] + squares[1]) + (squares[2] + squares[3])) + rest.squares};
}

inline Sums<double> sums_over(const float* preds, const float* target, std::int64_t count) {
  return float_sums_over(preds, target, count);
}

inline Sums<double> sums_over(const double* preds, const double* target, std::int64_t count) {
  return float_sums_over(preds, target, count);
}

}  // namespace

template <typename T>
void difference_sums(const DifferenceSumsArgs<T>& args, Context threads) {
  const std::int64_t chunks = DifferenceChunk<T>::per_image(args);
  const Context team = threads_for(args.images * pixel_count(args.size), threads);
  parallel_for(args.images * chunks, team, [&](std::int64_t index) {
    const DifferenceChunk<T> chunk(args, index);
    Scratch<T> preds(is_dense(args.preds, args.size) ? 0 : chunk.count);
    Scratch<T> target(is_dense(args.target, args.size) ? 0 : chunk.count);
    const Sums<Sum<T>> sums =
        sums_over(run_of(args.preds, args.size, chunk.image, chunk.first, chunk.count, preds.data()),
                  run_of(args.target, args.size, chunk.image, chunk.first, chunk.count, target.data()), chunk.count);
    DifferenceChunk<T>::store(args, index, sums.absolute, sums.squares);
  });
  if (args.partials == nullptr) return;
  for (std::int64_t image = 0; image < args.images; ++image) {
    Sum<T> absolute = 0, squares = 0;
    for (std::int64_t i = image * chunks; i < (image + 1) * chunks; ++i) {
      absolute += args.partials[2 * i];
      squares += args.partials[2 * i + 1];
    }
    args.sums[2 * image] = static_cast<double>(absolute);
    args.sums[2 * image + 1] = static_cast<double>(squares);
  }
}

HYRA_INSTANTIATE_PIXELS(difference_sums, DifferenceSumsArgs)

}  // namespace hyra::HYRA_TARGET
