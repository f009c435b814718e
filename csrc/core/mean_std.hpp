// Mean and unbiased standard deviation of each image; see python/hyra/ops/mean_std.py.
#pragma once

#include <cmath>

#include "core/op.hpp"
#include "core/pixels.hpp"

namespace hyra {

template <typename T>
struct MeanStdArgs {
  double* moments;   // [images, 2]: mean, standard deviation
  Sum<T>* partials;  // [images, chunks, 2] workspace, of each chunk: mean and summed squared deviation; of integers the
                     // sums of the pixels and of their squares
  Pixels<T> pixels[2];  // of the first images, and of the others if there are any
  ImageSize size;
  std::int64_t images, first, chunk;
};

}  // namespace hyra

HYRA_DECLARE_OP(mean_std, MeanStdArgs)

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// The batch that an image is in, and which it is there.
template <typename T>
HYRA_INLINE const Pixels<T>& batch_of(const MeanStdArgs<T>& args, std::int64_t image) {
  return args.pixels[image < args.first ? 0 : 1];
}
template <typename T>
HYRA_INLINE std::int64_t index_in_batch(const MeanStdArgs<T>& args, std::int64_t image) {
  return image < args.first ? image : image - args.first;
}

template <typename T>
HYRA_INLINE std::int64_t chunk_count(const MeanStdArgs<T>& args) {
  return (pixel_count(args.size) + args.chunk - 1) / args.chunk;
}

template <typename T>
HYRA_INLINE std::int64_t chunk_size(const MeanStdArgs<T>& args, std::int64_t index) {
  const std::int64_t rest = pixel_count(args.size) - index * args.chunk;
  return rest < args.chunk ? rest : args.chunk;
}

// An infinite deviation would standardise to a plausible 0: NaN instead.
HYRA_INLINE double finite_or_nan(double x) { return x + 0 * x; }

// Writes the moments of an image of integers. About the integer nearest to the mean, the squares are still exact, and
// what is left to subtract from them is at most half of them.
HYRA_INLINE void write_moments(std::uint64_t sum, std::uint64_t squares, std::int64_t size, double* moments) {
  const auto count = static_cast<std::uint64_t>(size);
  const std::uint64_t nearest = (sum + count / 2) / count;
  const auto rest = static_cast<std::int64_t>(sum - nearest * count);
  const auto about_nearest = static_cast<double>(squares - 2 * nearest * sum + count * nearest * nearest);
  const double offset = static_cast<double>(rest) / static_cast<double>(size);
  moments[0] = static_cast<double>(nearest) + offset;
  moments[1] = std::sqrt((about_nearest - offset * static_cast<double>(rest)) / static_cast<double>(size - 1));
}

}  // namespace hyra::HYRA_TARGET
#endif
