// Rows of pixels (core/pixels.hpp) side by side, for loads of whole vectors: cpu/vector.hpp widens them in registers.
#pragma once

#include <cstring>

#include "core/pixels.hpp"

namespace hyra::HYRA_TARGET {

// Every STRIDE-th pixel; compilers make shuffles of a stride that they know.
template <int STRIDE, typename T>
void pick(const T* __restrict in, std::int64_t count, T* __restrict out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = in[STRIDE * i];
}

// Copies `count` pixels, `stride` apart, to `out`, where they lie side by side.
template <typename T>
void gather(const T* in, std::int64_t stride, std::int64_t count, T* out) {
  if (stride == 1) {
    std::memcpy(out, in, static_cast<std::size_t>(count) * sizeof(T));
  } else if (stride == 2) {
    pick<2>(in, count, out);
  } else if (stride == 3) {
    pick<3>(in, count, out);
  } else if (stride == 4) {
    pick<4>(in, count, out);
  } else {  // a single pixel
    for (std::int64_t i = 0; i < count; ++i) out[i] = in[stride * i];
  }
}

// `count` pixels, `stride` apart, side by side: where they lie, or in `scratch`, which has room for them.
template <typename T>
const T* side_by_side(const T* pixels, std::int64_t stride, std::int64_t count, T* scratch) {
  if (stride == 1) return pixels;
  gather(pixels, stride, count, scratch);
  return scratch;
}

// The pixels `first` to `first + count` of an image, in order of channels, rows and columns, side by side likewise.
template <typename T>
const T* run_of(const Pixels<T>& pixels, const ImageSize& size, std::int64_t image, std::int64_t first,
                std::int64_t count, T* scratch) {
  if (is_dense(pixels, size)) return pixels.data + image * pixels.image + first;
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t row = (first + done) / size.columns, column = (first + done) % size.columns;
    const std::int64_t rest = size.columns - column, part = rest < count - done ? rest : count - done;
    gather(row_of(pixels, image, row / size.rows, row % size.rows) + column * pixels.column, pixels.column, part,
           scratch + done);
    done += part;
  }
  return scratch;
}

}  // namespace hyra::HYRA_TARGET
