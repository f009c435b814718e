// Running mean and M2 of windows cut from network outputs; the definition is in python/hyra/ops/response_moments.py.
#pragma once

#include "core/inline.hpp"
#include "core/op.hpp"

namespace hyra {

template <typename T>
struct ResponseMomentsArgs {
  std::int64_t* count;  // [window_height, window_width]
  double *mean, *m2;    // [channels, window_height, window_width]
  double* deviations;   // [images * impulses, parts, 3]: squared deviation, squared reference, largest deviation
  const T* outputs;     // [images, channels, height, width]
  const T* reference;   // [channels, window_height, window_width]
  const std::int64_t* origins;       // [images, impulses, 2]: row and column
  const std::int64_t* count_before;  // the running state, shaped like its successor
  const double *mean_before, *m2_before;
  std::int64_t images, impulses, channels, height, width, window_height, window_width, origin_y, origin_x, parts;
};

}  // namespace hyra

HYRA_DECLARE_OP(response_moments, ResponseMomentsArgs)

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// Where a window lies in its image, and which of its samples [begin, end) are inside.
struct Window {
  std::int64_t top, left, begin_y, end_y, begin_x, end_x;

  template <typename T>
  HYRA_INLINE Window(const ResponseMomentsArgs<T>& args, std::int64_t position) {
    const std::int64_t y = args.origins[2 * position], x = args.origins[2 * position + 1];
    top = y - args.origin_y;
    left = x - args.origin_x;
    begin_y = top < 0 ? -top : 0;
    begin_x = left < 0 ? -left : 0;
    end_y = args.height - top < args.window_height ? args.height - top : args.window_height;
    end_x = args.width - left < args.window_width ? args.width - left : args.window_width;
    const bool probed = y >= 0 && y < args.height && x >= 0 && x < args.width;
    if (!probed || end_y < begin_y || end_x < begin_x) begin_y = end_y = begin_x = end_x = 0;
  }
};

}  // namespace hyra::HYRA_TARGET
#endif
