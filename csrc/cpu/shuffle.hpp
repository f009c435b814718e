// Shuffles of the widest vectors of an instruction set, written once for all widths.
#pragma once

#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {

// Of vectors with as many lanes as there are numbers I = 0, 1, 2, ...
template <int... I>
struct Shuffle {
  static constexpr int kCount = sizeof...(I);
  template <typename V>
  static V swap_neighbours(V v) {
    return __builtin_shufflevector(v, v, (I ^ 1)...);
  }
  // u0 v0 u2 v2 ...
  template <typename V>
  static V even(V u, V v) {
    return __builtin_shufflevector(u, v, (I % 2 == 0 ? I : kCount + I - 1)...);
  }
  // u1 v1 u3 v3 ...
  template <typename V>
  static V odd(V u, V v) {
    return __builtin_shufflevector(u, v, (I % 2 == 0 ? I + 1 : kCount + I)...);
  }
  // Of two rows of a matrix whose numbers differ in the bit `distance` alone, the lower or the upper one after the
  // exchange of that bit between rows and columns.
  template <int distance, int upper, typename V>
  static V exchange(V u, V v) {
    constexpr int kFrom = upper ? distance : 0;
    return __builtin_shufflevector(u, v, ((I & distance) == 0 ? I + kFrom : kCount + I - distance + kFrom)...);
  }
  // u0 v0 u1 v1 and u2 v2 u3 v3 of every four numbers.
  template <int upper, typename V>
  static V zip(V u, V v) {
    return __builtin_shufflevector(u, v, (I / 4 * 4 + 2 * upper + I % 4 / 2 + I % 2 * kCount)...);
  }
  // The lower and the upper half of u0 u1 v0 v1 u2 u3 v2 v3 ...
  template <int half, typename V>
  static V interleave(V u, V v) {
    constexpr int start = half * kCount;
    return __builtin_shufflevector(u, v, ((start + I) / 4 * 2 + I % 2 + (start + I) / 2 % 2 * kCount)...);
  }
  // Of a vector twice as long.
  template <int half, typename V>
  static auto part(V v) {
    return __builtin_shufflevector(v, v, (half * kCount + I)...);
  }
  template <typename V>
  static V plus_minus() {
    return V{(I % 2 == 0 ? 1 : -1)...};
  }
};

template <int n, int... I>
struct ShuffleOf : ShuffleOf<n - 1, n - 1, I...> {};
template <int... I>
struct ShuffleOf<0, I...> {
  using Type = Shuffle<I...>;
};
template <typename T>
using Shuffles = typename ShuffleOf<kLanes<T>>::Type;

template <typename T, int distance>
inline void exchange_from(Vec<T>* rows) {
  if constexpr (distance < kLanes<T>) {
    for (int i = 0; i < kLanes<T>; ++i) {
      if (i & distance) continue;
      const Vec<T> u = rows[i], v = rows[i + distance];
      rows[i] = Shuffles<T>::template exchange<distance, 0>(u, v);
      rows[i + distance] = Shuffles<T>::template exchange<distance, 1>(u, v);
    }
    exchange_from<T, 2 * distance>(rows);
  }
}

// Transposes as many rows as there are lanes.
inline void transpose(Vec<double>* rows) { exchange_from<double, 1>(rows); }

// One instruction for each row and bit of its number: floats are exchanged with their neighbours in pairs of pairs.
inline void transpose(Vec<float>* rows) {
  using S = Shuffles<float>;
  for (int i = 0; i < kLanes<float>; i += 4) {
    const Vec<float> a = S::zip<0>(rows[i], rows[i + 1]), b = S::zip<1>(rows[i], rows[i + 1]);
    const Vec<float> c = S::zip<0>(rows[i + 2], rows[i + 3]), d = S::zip<1>(rows[i + 2], rows[i + 3]);
    rows[i] = S::exchange<2, 0>(a, c);
    rows[i + 1] = S::exchange<2, 1>(a, c);
    rows[i + 2] = S::exchange<2, 0>(b, d);
    rows[i + 3] = S::exchange<2, 1>(b, d);
  }
  exchange_from<float, 4>(rows);
}

}  // namespace hyra::HYRA_TARGET
