// Sums of the absolute and the squared differences of pairs of images; see python/hyra/ops/difference_sums.py.
#pragma once

#include "core/op.hpp"
#include "core/pixels.hpp"

namespace hyra {

template <typename T>
struct DifferenceSumsArgs {
  double* sums;      // [images, 2]: of |p - t|, of (p - t)^2
  Sum<T>* partials;  // [images, chunks, 2] workspace: the same of each chunk; none where an image is one
  Pixels<T> preds, target;
  ImageSize size;
  std::int64_t images, chunk;  // pixels of a chunk
};

}  // namespace hyra

HYRA_DECLARE_OP(difference_sums, DifferenceSumsArgs)

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// The pixels of one chunk of one image, and how many chunks an image has.
template <typename T>
struct DifferenceChunk {
  std::int64_t image, first, count;
  HYRA_INLINE static std::int64_t per_image(const DifferenceSumsArgs<T>& args) {
    return (pixel_count(args.size) + args.chunk - 1) / args.chunk;
  }
  HYRA_INLINE DifferenceChunk(const DifferenceSumsArgs<T>& args, std::int64_t index) {
    const std::int64_t chunks = per_image(args);
    image = index / chunks;
    first = index % chunks * args.chunk;
    const std::int64_t rest = pixel_count(args.size) - first;
    count = rest < args.chunk ? rest : args.chunk;
  }

  // Where its sums go: to the workspace, or to the result if it is all of an image.
  HYRA_INLINE static void store(const DifferenceSumsArgs<T>& args, std::int64_t index, Sum<T> absolute,
                                Sum<T> squares) {
    if (args.partials == nullptr) {
      args.sums[2 * index] = static_cast<double>(absolute);
      args.sums[2 * index + 1] = static_cast<double>(squares);
    } else {
      args.partials[2 * index] = absolute;
      args.partials[2 * index + 1] = squares;
    }
  }
};

}  // namespace hyra::HYRA_TARGET
#endif
