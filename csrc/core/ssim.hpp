// The structural similarity of the windows of two planes: moments of their sum and difference, and what these give.
// Written for numbers and for vectors of them; the definition is in python/hyra/ops/ssim_sums.py.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "core/inline.hpp"
#include "core/pixels.hpp"

// Before a loop whose bounds are constants, or small.
#ifdef __CUDACC__
#define HYRA_UNROLL _Pragma("unroll")
#elif defined(__clang__)
#define HYRA_UNROLL _Pragma("clang loop unroll(enable)")
#else
#define HYRA_UNROLL _Pragma("GCC unroll 16")
#endif

namespace hyra {

// Images and the weights of their windows.
template <typename T>
struct SsimPair {
  Pixels<T> preds, target;
  const double* taps;       // [taps_count], the same along both sides of a window
  const double* constants;  // [2]: C1, C2
  std::int64_t images, taps_count;
  ImageSize size;
};

// Windows of a tile: on a CPU, and the least on a GPU.
constexpr std::int64_t kSsimRows = 64, kSsimColumns = 256, kSsimBlockRows = 8, kSsimBlockColumns = 16;

// How many windows lie side by side.
HYRA_INLINE std::int64_t window_count(std::int64_t side, std::int64_t taps) {
  return side < taps ? 0 : side - taps + 1;
}

// What an op computes in for pixels of type T.
template <typename T>
using SsimReal = std::conditional_t<std::is_same_v<T, double>, double, float>;

}  // namespace hyra

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

template <typename T>
HYRA_INLINE std::int64_t plane_count(const SsimPair<T>& pair) {
  return pair.images * pair.size.channels;
}

// The row of a plane, of all planes of all images.
template <typename T>
HYRA_INLINE const T* plane_row(const SsimPair<T>& pair, const Pixels<T>& pixels, std::int64_t plane, std::int64_t row) {
  return row_of(pixels, plane / pair.size.channels, plane % pair.size.channels, row);
}

// Pixels are taken in a unit, a power of two, in which the larger constant is near 1: whatever the range of the images,
// squares and products neither overflow nor vanish, and not a bit is lost.
template <typename T>
struct SsimUnit {
  T scale, c1, c2;  // of a pixel; twice C1 and C2 of scaled pixels
  HYRA_INLINE explicit SsimUnit(const double* constants) {
    constexpr int kLimit = sizeof(T) == 4 ? 120 : 1000;
    const double larger = constants[0] > constants[1] ? constants[0] : constants[1];
    int exponent = larger > 0 && larger < HUGE_VAL ? -ilogb(larger) / 2 : 0;
    exponent = exponent > kLimit ? kLimit : exponent < -kLimit ? -kLimit : exponent;
    const double wide = ldexp(1.0, exponent);
    scale = static_cast<T>(wide);
    c1 = static_cast<T>(2 * constants[0] * wide * wide);
    c2 = static_cast<T>(2 * constants[1] * wide * wide);
  }
};

// Means and variances of WINDOWS neighbouring windows along one axis. `values(i)` is the i-th number in reach, and
// `squares(i, t)` what the square of its distance t from the pivot and its own variance add up to. The pivot lies
// within all windows, where none of their weights is small: what cancels is a small multiple of the variance.
template <int TAPS, int WINDOWS, typename V, typename T, typename Values, typename Squares>
HYRA_INLINE void window_moments(const Values& values, const Squares& squares, const T* taps, int taps_count,
                                V (&means)[WINDOWS], V (&variances)[WINDOWS]) {
  const int count = TAPS ? TAPS : taps_count;
  const V pivot = values((count - 1) / 2 + (WINDOWS - 1) / 2);
  V first[WINDOWS] = {}, second[WINDOWS] = {};
  HYRA_UNROLL
  for (int i = 0; i < count + WINDOWS - 1; ++i) {
    const V t = values(i) - pivot, u = squares(i, t);
    HYRA_UNROLL
    for (int w = 0; w < WINDOWS; ++w) {
      if (w > i || i - w >= count) continue;
      first[w] += taps[i - w] * t;
      second[w] += taps[i - w] * u;
    }
  }
  HYRA_UNROLL
  for (int w = 0; w < WINDOWS; ++w) {
    variances[w] = second[w] - first[w] * first[w];
    means[w] = pivot + first[w];
  }
}

// Sums of WINDOWS neighbouring windows along one axis over each of MAPS maps; `values(i, map)` is the i-th in reach.
template <int TAPS, int WINDOWS, int MAPS, typename V, typename T, typename Values>
HYRA_INLINE void window_sums(const Values& values, const T* taps, int taps_count, V (&sums)[MAPS][WINDOWS]) {
  const int count = TAPS ? TAPS : taps_count;
  HYRA_UNROLL
  for (int i = 0; i < count + WINDOWS - 1; ++i) {
    V v[MAPS];
    HYRA_UNROLL
    for (int m = 0; m < MAPS; ++m) v[m] = values(i, m);
    HYRA_UNROLL
    for (int w = 0; w < WINDOWS; ++w) {
      if (w > i || i - w >= count) continue;
      HYRA_UNROLL
      for (int m = 0; m < MAPS; ++m) sums[m][w] += taps[i - w] * v[m];
    }
  }
}

// Moments of one window: of the sum and of the difference of both planes.
template <typename V>
struct SsimMoments {
  V mean_s, variance_s, mean_d, variance_d;
};

// What SSIM and its contrast-structure factor lack of 1, by one division for both.
template <typename V>
struct SsimDeficits {
  V ssim, structure;
  template <typename T>
  HYRA_INLINE SsimDeficits(const SsimMoments<V>& m, T c1, T c2) {
    const V squares = m.mean_d * m.mean_d, twice = m.variance_d + m.variance_d;
    const V luminance_base = m.mean_s * m.mean_s + squares + c1, structure_base = m.variance_s + m.variance_d + c2;
    const V one = T(1) / (luminance_base * structure_base);
    structure = twice * luminance_base * one;
    ssim = structure + (squares + squares) * (structure_base - twice) * one;
  }
};

// What one window gives to the gradient of each of its pixels, times its weight there: constant + s of_s + d of_d, with
// s and d on the scale of the means before `origin` is added to them.
template <typename V>
struct SsimSlopes {
  V constant, of_s, of_d;
  template <typename T>
  HYRA_INLINE SsimSlopes(const SsimMoments<V>& m, T origin_s, T origin_d, T c1, T c2, T grad_ssim, T grad_structure) {
    const V mean_s = m.mean_s + origin_s, mean_d = m.mean_d + origin_d, squares = mean_d * mean_d;
    const V luminance_base = mean_s * mean_s + squares + c1, structure_base = m.variance_s + m.variance_d + c2;
    const V one = T(1) / (luminance_base * structure_base);
    const V by_luminance = structure_base * one, by_structure = luminance_base * one;
    const V luminance = T(1) - T(2) * squares * by_luminance;
    const V structure = T(1) - T(2) * m.variance_d * by_structure;
    const V of_structure = T(4) * by_structure * by_structure * (grad_ssim * luminance + grad_structure);
    of_s = of_structure * m.variance_d;
    of_d = T(0) - of_structure * (m.variance_s + c2);
    constant =
        T(4) * grad_ssim * structure * by_luminance * by_luminance * mean_d * (mean_d * mean_s - mean_s * mean_s - c1);
    constant -= of_s * m.mean_s + of_d * m.mean_d;
  }
};

}  // namespace hyra::HYRA_TARGET
#endif
