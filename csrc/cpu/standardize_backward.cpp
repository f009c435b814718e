// Two passes over the pixels and the gradient: the sums over each image, then each pixel by itself. Sums are float64,
// over chunks that are added up in order.
#include "core/standardize_backward.hpp"

#include "cpu/parallel.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

template <typename T>
struct Chunk {
  std::int64_t image, size;
  const T *grad, *pixels;
  T* out;
  double mean, std_dev;
  Chunk(const StandardizeBackwardArgs<T>& args, std::int64_t chunks, std::int64_t index)
      : image(index / chunks), mean(args.moments[2 * image]), std_dev(args.moments[2 * image + 1]) {
    const std::int64_t first = index % chunks * args.chunk, rest = args.size - first;
    size = rest < args.chunk ? rest : args.chunk;
    grad = args.grad + image * args.size + first;
    pixels = args.pixels + image * args.size + first;
    out = args.out + image * args.size + first;
  }
};

template <typename T>
void add_up(const Chunk<T>& chunk, double* sums) {
  Vec8d sum[2] = {}, inner[2] = {};
  std::int64_t i = 0;
  for (; i + 16 <= chunk.size; i += 16) {
    for (int j = 0; j < 2; ++j) {
      const Vec8d grad = load8(chunk.grad + i + 8 * j);
      sum[j] += grad;
      inner[j] += grad * (load8(chunk.pixels + i + 8 * j) - chunk.mean);
    }
  }
  sums[0] = sum8(sum[0] + sum[1]);
  sums[1] = sum8(inner[0] + inner[1]);
  for (; i < chunk.size; ++i) {
    const double grad = static_cast<double>(chunk.grad[i]);
    sums[0] += grad;
    sums[1] += grad * (static_cast<double>(chunk.pixels[i]) - chunk.mean);
  }
}

template <typename T>
void subtract(const Chunk<T>& chunk, const Line& line) {
  const double scale = 1 / chunk.std_dev;
  const auto at = [&](auto grad, auto pixel) {
    return (grad - line.level - line.slope * (pixel - chunk.mean)) * scale;
  };
  std::int64_t i = 0;
  for (; i + 8 <= chunk.size; i += 8) store8(chunk.out + i, at(load8(chunk.grad + i), load8(chunk.pixels + i)));
  for (; i < chunk.size; ++i) {
    chunk.out[i] = static_cast<T>(at(static_cast<double>(chunk.grad[i]), static_cast<double>(chunk.pixels[i])));
  }
}

}  // namespace

template <typename T>
void standardize_backward(const StandardizeBackwardArgs<T>& args, Context threads) {
  const std::int64_t chunks = chunk_count(args);
  const Context team = threads_for(args.images * args.size, threads);
  parallel_for(args.images * chunks, team,
               [&](std::int64_t index) { add_up(Chunk<T>(args, chunks, index), args.partials + 2 * index); });
  for (std::int64_t image = 0; image < args.images; ++image) {
    const double* partials = args.partials + 2 * image * chunks;
    double sum = 0, inner = 0;
    for (std::int64_t i = 0; i < chunks; ++i) {
      sum += partials[2 * i];
      inner += partials[2 * i + 1];
    }
    args.lines[image] = line_of(args, image, sum, inner);
  }
  parallel_for(args.images * chunks, team, [&](std::int64_t index) {
    const Chunk<T> chunk(args, chunks, index);
    subtract(chunk, args.lines[chunk.image]);
  });
}

HYRA_INSTANTIATE(standardize_backward, StandardizeBackwardArgs)

}  // namespace hyra::HYRA_TARGET
