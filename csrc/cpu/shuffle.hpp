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

}  // namespace hyra::HYRA_TARGET
