// The quadratic form of a plane's pixels whose value is the energy of the quadrant integrals of its spectrum; the
// mathematics is in python/hyra/ops/integral_form.py.
#pragma once

#include <cstdint>

#include "core/inline.hpp"

namespace hyra {

constexpr int kLines = 4;  // complex sums over the rows, for each column

// Tables of one size of plane, in one array.
struct IntegralForm {
  const double* tables;
  std::int64_t rows, columns, features;  // 3 or 5 features
};

}  // namespace hyra

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// A row's sums: its first pixel, then each feature's over the even and over the odd columns.
HYRA_INLINE std::int64_t row_sum_count(const IntegralForm& form) { return 1 + 2 * form.features; }

HYRA_INLINE const double* row_weights(const IntegralForm& form) { return form.tables; }
HYRA_INLINE const double* cotangents(const IntegralForm& form) { return form.tables + form.rows; }
HYRA_INLINE const double* column_weights(const IntegralForm& form) { return form.tables + 2 * form.rows; }
HYRA_INLINE const double* features(const IntegralForm& form) { return column_weights(form) + form.columns; }
// Symmetric, one row per row sum.
HYRA_INLINE const double* coupling(const IntegralForm& form) { return features(form) + form.features * form.columns; }
// Of the sums over the rows: kLines.
HYRA_INLINE const double* line_weights(const IntegralForm& form) {
  return coupling(form) + row_sum_count(form) * row_sum_count(form);
}
// exp(-2 pi i k / columns), complex: on a GPU alone. What comes before is an odd number of numbers, and loads take two:
// one is left free.
HYRA_INLINE const double* twiddles(const IntegralForm& form) { return line_weights(form) + kLines + 1; }

// What gamma is multiplied with: see integral_form.py.
HYRA_INLINE double gamma_slope(const IntegralForm& form) {
  const double half = static_cast<double>((form.rows + 1) / 2);
  return 0.5 / (half * half);
}

// (-1)^y cot^2
HYRA_INLINE double signed_square(double cotangent, std::int64_t y) {
  return y % 2 == 0 ? cotangent * cotangent : -cotangent * cotangent;
}

// Entry i of coupling * sums.
template <int FEATURES>
HYRA_INLINE double coupled_sum(const double* coupling, const double* sums, int i) {
  constexpr int kCount = 1 + 2 * FEATURES;
  double sum = 0;
  for (int j = 0; j < kCount; ++j) sum += coupling[i * kCount + j] * sums[j];
  return sum;
}

// out = coupling * sums; returns their product with sums.
template <int FEATURES>
HYRA_INLINE double couple(const double* coupling, const double* sums, double* out) {
  double energy = 0;
  for (int i = 0; i < 1 + 2 * FEATURES; ++i) {
    out[i] = coupled_sum<FEATURES>(coupling, sums, i);
    energy += out[i] * sums[i];
  }
  return energy;
}

}  // namespace hyra::HYRA_TARGET
#endif
