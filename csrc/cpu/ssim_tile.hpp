// The moments of all windows of one tile of two planes, with everything in the cache. Sum and difference of the pixels
// are gathered once. Then, strip by strip of as many rows as a vector has lanes: moments down the columns, with columns
// in the lanes; their transposition; moments of these along the rows, with rows in the lanes. So both ways the windows
// of four neighbours share every number that is loaded, and none is loaded across a cache line.
#pragma once

#include <cstring>
#include <type_traits>

#include "core/ssim.hpp"
#include "cpu/scratch.hpp"
#include "cpu/shuffle.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {

// A part of a plane's windows; its pixels reach taps - 1 farther down and to the right.
struct SsimRegion {
  std::int64_t row, column, rows, columns;
};

// Part `index` of a side of `length`, cut into as many equal parts as `largest` needs, each a multiple of `step`.
struct SsimPart {
  std::int64_t begin, size;
  SsimPart(std::int64_t length, std::int64_t largest, std::int64_t step, std::int64_t index) {
    const std::int64_t parts = (length + largest - 1) / largest;
    const std::int64_t each = ((length + parts - 1) / parts + step - 1) / step * step;
    begin = index * each;
    size = begin >= length ? 0 : length - begin < each ? length - begin : each;
  }
};

inline std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

// The pixel of some rows that is closest to 0, where all have one sign; else 0. Less it, bright pixels keep their
// digits, and no window becomes brighter: each holds such a row near its middle.
template <typename T>
T pivot_of(const T* pixels, std::int64_t stride, std::int64_t rows, std::int64_t columns) {
  Vec<T> lowest = Vec<T>{} + pixels[0], highest = lowest;
  T low = pixels[0], high = low;
  for (std::int64_t y = 0; y < rows; ++y, pixels += stride) {
    std::int64_t x = 0;
    for (; x + kLanes<T> <= columns; x += kLanes<T>) {
      const Vec<T> v = load(pixels + x);
      lowest = v < lowest ? v : lowest;
      highest = v > highest ? v : highest;
    }
    for (; x < columns; ++x) {
      low = pixels[x] < low ? pixels[x] : low;
      high = pixels[x] > high ? pixels[x] : high;
    }
  }
  for (int lane = 0; lane < kLanes<T>; ++lane) {
    low = lowest[lane] < low ? lowest[lane] : low;
    high = highest[lane] > high ? highest[lane] : high;
  }
  return low > 0 ? low : high < 0 ? high : 0;
}

// Calls f with the number of taps as a constant, where it is a usual one; 0 stands for all others.
template <typename F>
void with_taps(std::int64_t count, const F& f) {
  count == 11 ? f(std::integral_constant<int, 11>()) : f(std::integral_constant<int, 0>());
}

template <typename T>
class SsimTile {
 public:
  using V = Vec<T>;
  static constexpr int kStrip = kLanes<T>;                         // rows
  static constexpr int kTogether = kLanes<T> < 4 ? kLanes<T> : 4;  // windows that share what is loaded
  using Group = SsimMoments<V>[kTogether];

  SsimTile(const SsimPair<T>& pair, std::int64_t plane, const SsimRegion& region)
      : unit(pair.constants),
        preds_(pair.preds + (plane * pair.rows + region.row) * pair.columns + region.column),
        target_(pair.target + (preds_ - pair.preds)),
        pitch_(pair.columns),
        region_(region),
        count_(static_cast<int>(pair.taps_count)),
        reach_(region.columns + count_ - 1),
        stride_(round_up(reach_ + kTogether - 1, kLanes<T>)),
        taps_(count_),
        pixels_((kStrip + count_ - 1) * 2 * stride_, Fill::kNone),
        columns_(stride_ * 4 * kStrip, Fill::kNone) {
    for (int i = 0; i < count_; ++i) taps_[i] = static_cast<T>(pair.taps[i]);
    const std::int64_t step = count_ < 8 ? (count_ + 1) / 2 : 4;
    const std::int64_t rows = (region.rows + count_ - 2) / step + 1;
    pivot_preds_ = pivot_of(preds_, step * pitch_, rows, reach_);
    pivot_target_ = pivot_of(target_, step * pitch_, rows, reach_);
    origin_s = pivot_preds_ * unit.scale + pivot_target_ * unit.scale;
    origin_d = (pivot_preds_ - pivot_target_) * unit.scale;
  }

  // Calls sink(column, moments) for each group of neighbouring windows of the strip that begins at `row`, with rows in
  // the lanes; rows and columns of the region, of which the last may lie beyond it.
  template <int TAPS, typename Sink>
  void strip(std::int64_t row, const Sink& sink) {
    gather(row);
    std::int64_t ready = 0;  // columns whose moments are there
    for (std::int64_t column = 0; column < region_.columns; column += kTogether) {
      for (; ready < column + kTogether + count_ - 1; ready += kLanes<T>) {
        down<TAPS>(pixels_.data() + 2 * ready, columns_.data() + ready * 4 * kStrip);
        down<TAPS>(pixels_.data() + 2 * ready + kLanes<T>, columns_.data() + (ready * 4 + 2) * kStrip);
      }
      const T* x = columns_.data() + column * 4 * kStrip;
      V means_s[kTogether], variances_s[kTogether], means_d[kTogether], variances_d[kTogether];
      along<TAPS>(x, means_s, variances_s);
      along<TAPS>(x + 2 * kStrip, means_d, variances_d);
      Group moments;
      for (int w = 0; w < kTogether; ++w) moments[w] = {means_s[w], variances_s[w], means_d[w], variances_d[w]};
      sink(column, moments);
    }
  }

  // The gradient at neighbouring pixels, from what their windows give.
  V gradient(V preds, V target, V constant, V of_s, V of_d) const {
    const V u = (preds - pivot_preds_) * unit.scale, v = (target - pivot_target_) * unit.scale;
    return (constant + (u + v) * of_s + (u - v) * of_d) * unit.scale;
  }

  const SsimUnit<T> unit;
  T origin_s = 0, origin_d = 0;  // what the means lack: sum and difference of the pivots

 private:
  // The rows that a strip reaches; all but its first rows but the last are there from the strip before.
  [[gnu::noinline]] void gather(std::int64_t row) {
    const std::int64_t kept = row == 0 ? 0 : count_ - 1, left = region_.rows + count_ - 1 - row;
    std::memmove(pixels_.data(), pixels_.data() + kStrip * 2 * stride_,
                 static_cast<std::size_t>(kept * 2 * stride_) * sizeof(T));
    for (std::int64_t y = kept; y < kStrip + count_ - 1; ++y) {
      T* out = pixels_.data() + y * 2 * stride_;
      std::int64_t x = 0;
      if (y < left) {
        const T *a = preds_ + (row + y) * pitch_, *b = target_ + (row + y) * pitch_;
        if (y + kStrip < left) prefetch(a + kStrip * pitch_), prefetch(b + kStrip * pitch_);
        for (; x + kLanes<T> <= reach_; x += kLanes<T>) put(out + 2 * x, load(a + x), load(b + x));
        V last_a = {}, last_b = {};
        for (int lane = 0; x + lane < reach_; ++lane) {
          last_a[lane] = a[x + lane];
          last_b[lane] = b[x + lane];
        }
        if (x < reach_) put(out + 2 * x, last_a, last_b), x += kLanes<T>;
      }
      for (; x < stride_; x += kLanes<T>) put(out + 2 * x, V{}, V{});  // what vectors read beyond the pixels
    }
  }

  void put(T* out, V a, V b) const {
    const V u = (a - pivot_preds_) * unit.scale, v = (b - pivot_target_) * unit.scale;
    store(out, u + v);
    store(out + kLanes<T>, u - v);
  }

  void prefetch(const T* pixels) const {
    constexpr std::int64_t kLine = kCacheLine / sizeof(T);
    for (std::int64_t x = 0; x < reach_; x += kLine) __builtin_prefetch(pixels + x, 0, 2);
  }

  template <int TAPS>
  [[gnu::noinline]] void down(const T* x, T* out) {
    V means[kStrip], variances[kStrip];
    for (int row = 0; row < kStrip; row += kTogether) {
      const T* const top = x + row * 2 * stride_;
      V m[kTogether], v[kTogether];
      window_moments<TAPS>([&](int i) { return load(top + i * 2 * stride_); }, [](int, V t) { return t * t; },
                           taps_.data(), count_, m, v);
      for (int w = 0; w < kTogether; ++w) {
        means[row + w] = m[w];
        variances[row + w] = v[w];
      }
    }
    transpose(means);
    transpose(variances);
    for (int i = 0; i < kLanes<T>; ++i, out += 4 * kStrip) {
      store(out, means[i]);
      store(out + kStrip, variances[i]);
    }
  }

  template <int TAPS>
  [[gnu::noinline]] void along(const T* x, V (&means)[kTogether], V (&variances)[kTogether]) {
    window_moments<TAPS>([&](int i) { return load(x + i * 4 * kStrip); },
                         [&](int i, V t) { return t * t + load(x + i * 4 * kStrip + kStrip); }, taps_.data(), count_,
                         means, variances);
  }

  const T *preds_, *target_;  // the region's first pixels
  std::int64_t pitch_;
  T pivot_preds_, pivot_target_;
  SsimRegion region_;
  int count_;
  std::int64_t reach_, stride_;
  Scratch<T> taps_;
  Scratch<T> pixels_;   // [rows, stride / lanes, 2, lanes]: their sum and difference, less the pivots, in units
  Scratch<T> columns_;  // [stride, 4, strip]: a strip's moments down the columns: mean, variance of s, of d
};

}  // namespace hyra::HYRA_TARGET
