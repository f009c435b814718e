// Mean and unbiased standard deviation of each image; see python/hyra/ops/mean_std.py.
#pragma once

#include "core/inline.hpp"
#include "core/op.hpp"

namespace hyra {

template <typename T>
struct MeanStdArgs {
  double* moments;   // [images, 2]: mean, standard deviation
  double* partials;  // [images, chunks, 2] workspace: mean and summed squared deviation of each chunk
  const T* pixels;   // [images, size]
  std::int64_t images, size, chunk;
};

}  // namespace hyra

HYRA_DECLARE_OP(mean_std, MeanStdArgs)

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// The pixels of one chunk of one image.
template <typename T>
struct Chunk {
  const T* pixels;
  std::int64_t size;
  HYRA_INLINE Chunk(const MeanStdArgs<T>& args, std::int64_t chunks, std::int64_t index) {
    const std::int64_t first = index % chunks * args.chunk, rest = args.size - first;
    pixels = args.pixels + index / chunks * args.size + first;
    size = rest < args.chunk ? rest : args.chunk;
  }
};

template <typename T>
HYRA_INLINE std::int64_t chunk_count(const MeanStdArgs<T>& args) {
  return (args.size + args.chunk - 1) / args.chunk;
}

template <typename T>
HYRA_INLINE double chunk_size(const MeanStdArgs<T>& args, std::int64_t index) {
  const std::int64_t rest = args.size - index * args.chunk;
  return static_cast<double>(rest < args.chunk ? rest : args.chunk);
}

// An infinite deviation would standardise to a plausible 0: NaN instead.
HYRA_INLINE double finite_or_nan(double x) { return x + 0 * x; }

}  // namespace hyra::HYRA_TARGET
#endif
