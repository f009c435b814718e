// Gradient of standardised images with respect to their pixels; see python/hyra/ops/standardize_backward.py.
#pragma once

#include "core/inline.hpp"
#include "core/op.hpp"

namespace hyra {

// The gradient is (g - line) / std, with a line in the deviation from the mean: what the moments take away.
struct Line {
  double level, slope;
};

template <typename T>
struct StandardizeBackwardArgs {
  T* out;                 // [images, size]
  double* partials;       // [images, chunks, 2] workspace: sums of g, and of g times the deviation from the mean
  Line* lines;            // [images] workspace
  const T* grad;          // [images, size]: the gradient g with respect to the standardised images
  const T* pixels;        // [images, size]
  const double* moments;  // [images, 2]: mean, standard deviation
  std::int64_t images, size, chunk;
};

}  // namespace hyra

HYRA_DECLARE_OP(standardize_backward, StandardizeBackwardArgs)

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

template <typename T>
HYRA_INLINE std::int64_t chunk_count(const StandardizeBackwardArgs<T>& args) {
  return (args.size + args.chunk - 1) / args.chunk;
}

// From the sums over an image.
template <typename T>
HYRA_INLINE Line line_of(const StandardizeBackwardArgs<T>& args, std::int64_t image, double sum, double inner) {
  const double std_dev = args.moments[2 * image + 1], size = static_cast<double>(args.size);
  return {sum / size, inner / ((size - 1) * std_dev * std_dev)};
}

}  // namespace hyra::HYRA_TARGET
#endif
