// Pixels of an image (core/pixels.hpp) by their place in it, in order of channels, rows and columns.
#pragma once

#include "core/pixels.hpp"
#include "cuda/block.cuh"

namespace hyra::cuda {

template <typename T>
struct ImagePixels {
  Pixels<T> pixels;  // those of the first image are this one's
  ImageSize size;
  bool dense;

  __device__ __forceinline__ ImagePixels(const Pixels<T>& images, const ImageSize& image_size, std::int64_t image)
      : pixels(images), size(image_size), dense(is_dense(images, image_size)) {
    pixels.data += image * images.image;
  }

  __device__ __forceinline__ T at(std::int64_t i) const {
    if (dense) return pixels.data[i];
    const std::int64_t row = i / size.columns;
    return row_of(pixels, 0, row / size.rows, row % size.rows)[i % size.columns * pixels.column];
  }

  // `count` of them from `first` on, or the first kGroup; zeros for the rest.
  __device__ __forceinline__ Group<T> load_group(std::int64_t first, std::int64_t count) const {
    if (dense) return cuda::load_group(pixels.data + first, count);
    Group<T> group;
#pragma unroll
    for (int j = 0; j < kGroup<T>; ++j) {
      if (j < count) group.values[j] = at(first + j);
    }
    return group;
  }
};

}  // namespace hyra::cuda
