// The moments of all windows of one tile of two planes, with everything in the cache. Sum and difference of the pixels
// are gathered once. Then, strip by strip of as many rows as a vector has lanes: moments down the columns, with columns
// in the lanes; their transposition; moments of these along the rows, with rows in the lanes. So both ways the windows
// of four neighbours share every number that is loaded, and none is loaded across a cache line.
#pragma once

#include <cstring>
#include <limits>
#include <type_traits>

#include "core/ssim.hpp"
#include "cpu/pixels.hpp"
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

// Finds the pixel of some rows that is closest to 0, where all have one sign. Less it, bright pixels keep their digits,
// and no window becomes brighter: each holds such a row near its middle.
template <typename T>
class Pivot {
 public:
  void add(const T* pixels, std::int64_t count) {
    std::int64_t x = 0;
    for (; x + kLanes<T> <= count; x += kLanes<T>) {
      const Vec<T> v = load(pixels + x);
      lowest_ = v < lowest_ ? v : lowest_;
      highest_ = v > highest_ ? v : highest_;
    }
    for (; x < count; ++x) {
      lowest_[0] = pixels[x] < lowest_[0] ? pixels[x] : lowest_[0];
      highest_[0] = pixels[x] > highest_[0] ? pixels[x] : highest_[0];
    }
  }

  T value() const {
    T low = lowest_[0], high = highest_[0];
    for (int lane = 1; lane < kLanes<T>; ++lane) {
      low = lowest_[lane] < low ? lowest_[lane] : low;
      high = highest_[lane] > high ? highest_[lane] : high;
    }
    return low > 0 && low <= high ? low : high < 0 && low <= high ? high : 0;
  }

 private:
  Vec<T> lowest_ = Vec<T>{} + std::numeric_limits<T>::infinity(), highest_ = -lowest_;
};

// Calls f with the number of taps as a constant, where it is a usual one; 0 stands for all others.
template <typename F>
void with_taps(std::int64_t count, const F& f) {
  count == 11 ? f(std::integral_constant<int, 11>()) : f(std::integral_constant<int, 0>());
}

// T is the type of the pixels, R what is computed with them.
template <typename T>
class SsimTile {
 public:
  using R = SsimReal<T>;
  using V = Vec<R>;
  static constexpr int kStrip = kLanes<R>;                         // rows
  static constexpr int kTogether = kLanes<R> < 4 ? kLanes<R> : 4;  // windows that share what is loaded
  using Group = SsimMoments<V>[kTogether];

  SsimTile(const SsimPair<T>& pair, std::int64_t plane, const SsimRegion& region)
      : unit(pair.constants),
        pair_(pair),
        plane_(plane),
        region_(region),
        count_(static_cast<int>(pair.taps_count)),
        reach_(region.columns + count_ - 1),
        stride_(round_up(reach_ + kTogether - 1, kStrip)),
        taps_(count_),
        beside_(2 * stride_, Fill::kNone),
        pixels_((kStrip + count_ - 1) * 2 * stride_, Fill::kNone),
        columns_(stride_ * 4 * kStrip, Fill::kNone) {
    for (int i = 0; i < count_; ++i) taps_[i] = static_cast<R>(pair.taps[i]);
    find_pivots();
    origin_s = pivot_preds_ * unit.scale + pivot_target_ * unit.scale;
    origin_d = (pivot_preds_ - pivot_target_) * unit.scale;
  }

  // Calls sink(column, moments) for each group of neighbouring windows of the strip that begins at `row`, with rows in
  // the lanes; rows and columns of the region, of which the last may lie beyond it. Strips come one after the other.
  template <int TAPS, typename Sink>
  void strip(std::int64_t row, const Sink& sink) {
    gather_rows(row);
    std::int64_t ready = 0;  // columns whose moments are there
    for (std::int64_t column = 0; column < region_.columns; column += kTogether) {
      for (; ready < column + kTogether + count_ - 1; ready += kStrip) {
        down<TAPS>(pixels_.data() + 2 * ready, columns_.data() + ready * 4 * kStrip);
        down<TAPS>(pixels_.data() + 2 * ready + kStrip, columns_.data() + (ready * 4 + 2) * kStrip);
      }
      const R* x = columns_.data() + column * 4 * kStrip;
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

  const SsimUnit<R> unit;
  R origin_s, origin_d;  // what the means lack: sum and difference of the pivots

 private:
  const T* row(const Pixels<T>& pixels, std::int64_t y, T* scratch) const {
    const T* first = plane_row(pair_, pixels, plane_, region_.row + y) + region_.column * pixels.column;
    return side_by_side(first, pixels.column, reach_, scratch);
  }

  void find_pivots() {
    if constexpr (std::is_same_v<T, R>) {  // integers have all their digits anyway
      const std::int64_t step = count_ < 8 ? (count_ + 1) / 2 : 4;
      Pivot<R> of_preds, of_target;
      for (std::int64_t y = 0; y < region_.rows + count_ - 1; y += step) {
        of_preds.add(row(pair_.preds, y, beside_.data()), reach_);
        of_target.add(row(pair_.target, y, beside_.data()), reach_);
      }
      pivot_preds_ = of_preds.value();
      pivot_target_ = of_target.value();
    }
  }

  // The rows that a strip reaches; all but the last of them are there from the strip before.
  [[gnu::noinline]] void gather_rows(std::int64_t top) {
    const std::int64_t kept = top == 0 ? 0 : count_ - 1, left = region_.rows + count_ - 1 - top;
    std::memmove(pixels_.data(), pixels_.data() + kStrip * 2 * stride_,
                 static_cast<std::size_t>(kept * 2 * stride_) * sizeof(R));
    for (std::int64_t y = kept; y < kStrip + count_ - 1; ++y) {
      R* out = pixels_.data() + y * 2 * stride_;
      std::int64_t x = 0;
      if (y < left) {
        if (y + kStrip < left) prefetch(pair_.preds, top + y + kStrip), prefetch(pair_.target, top + y + kStrip);
        const T *a = row(pair_.preds, top + y, beside_.data()),
                *b = row(pair_.target, top + y, beside_.data() + stride_);
        for (; x + kStrip <= reach_; x += kStrip) put(out + 2 * x, load_pixels(a + x), load_pixels(b + x));
        V last_a = {}, last_b = {};
        for (int lane = 0; x + lane < reach_; ++lane) {
          last_a[lane] = static_cast<R>(a[x + lane]);
          last_b[lane] = static_cast<R>(b[x + lane]);
        }
        if (x < reach_) put(out + 2 * x, last_a, last_b), x += kStrip;
      }
      for (; x < stride_; x += kStrip) put(out + 2 * x, V{}, V{});  // what vectors read beyond the pixels
    }
  }

  void prefetch(const Pixels<T>& pixels, std::int64_t y) const {
    const T* first = plane_row(pair_, pixels, plane_, region_.row + y) + region_.column * pixels.column;
    const std::int64_t count = reach_ * pixels.column;
    for (std::int64_t x = 0; x < count; x += kCacheLine / sizeof(T)) __builtin_prefetch(first + x, 0, 2);
  }

  void put(R* out, V a, V b) const {
    const V u = (a - pivot_preds_) * unit.scale, v = (b - pivot_target_) * unit.scale;
    store(out, u + v);
    store(out + kStrip, u - v);
  }

  template <int TAPS>
  [[gnu::noinline]] void down(const R* x, R* out) {
    V means[kStrip], variances[kStrip];
    for (int row = 0; row < kStrip; row += kTogether) {
      const R* const top = x + row * 2 * stride_;
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
    for (int i = 0; i < kStrip; ++i, out += 4 * kStrip) {
      store(out, means[i]);
      store(out + kStrip, variances[i]);
    }
  }

  template <int TAPS>
  [[gnu::noinline]] void along(const R* x, V (&means)[kTogether], V (&variances)[kTogether]) {
    window_moments<TAPS>([&](int i) { return load(x + i * 4 * kStrip); },
                         [&](int i, V t) { return t * t + load(x + i * 4 * kStrip + kStrip); }, taps_.data(), count_,
                         means, variances);
  }

  const SsimPair<T>& pair_;
  std::int64_t plane_;
  SsimRegion region_;
  int count_;
  std::int64_t reach_, stride_;
  R pivot_preds_ = 0, pivot_target_ = 0;
  Scratch<R> taps_;
  Scratch<T> beside_;   // a row of each image, side by side
  Scratch<R> pixels_;   // [rows, stride / lanes, 2, lanes]: their sum and difference, less the pivots, in units
  Scratch<R> columns_;  // [stride, 4, strip]: a strip's moments down the columns: mean, variance of s, of d
};

}  // namespace hyra::HYRA_TARGET
