// Gradient of the energy of the quadrant integrals with respect to the pixels; see python/hyra/ops/integral_energy.py.
#pragma once

#include "core/integral_form.hpp"
#include "core/op.hpp"

namespace hyra {

template <typename T>
struct IntegralEnergyBackwardArgs {
  T* gradient;                // [planes, rows, columns]
  const T* pixels;            // [planes, rows, columns]
  const double* row_sums;     // [planes, rows, row sums], as integral_energy wrote them
  const double* column_grad;  // [planes, 4, columns] complex: the gradient with respect to the sums over the rows
  const double* grad;         // [planes]: the gradient with respect to the energies
  IntegralForm form;
  std::int64_t planes;
};

}  // namespace hyra

HYRA_DECLARE_OP(integral_energy_backward, IntegralEnergyBackwardArgs)

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// What a column's sums over the rows add to the gradient: in the first row; in even rows, and times cot; in odd rows,
// and times cot; in all rows, times (-1)^y cot^2.
struct ColumnFactors {
  double first, plain[2], cot[2], square;
  template <typename T>
  HYRA_INLINE ColumnFactors(const IntegralEnergyBackwardArgs<T>& args, std::int64_t plane, std::int64_t column) {
    const std::int64_t columns = args.form.columns;
    const double* grad = args.column_grad + (plane * kLines * columns + column) * 2;
    const auto re = [&](std::int64_t i) { return grad[2 * i * columns]; };
    const auto im = [&](std::int64_t i) { return grad[2 * i * columns + 1]; };
    const double slope = gamma_slope(args.form), gamma = slope * (im(0) - im(1));
    first = re(0) + re(1);
    plain[0] = 0.5 * re(2);
    plain[1] = 0.5 * (re(2) + re(3));
    cot[0] = -0.5 * im(2) - gamma;
    cot[1] = -0.5 * (im(2) + im(3)) + gamma;
    square = -slope * (re(0) - re(1));
  }
};

// What the pixels of a row are multiplied with, times the weights of their columns.
template <typename T>
HYRA_INLINE double row_diagonal(const IntegralEnergyBackwardArgs<T>& args, std::int64_t plane, std::int64_t row) {
  return 2 * args.grad[plane] * row_weights(args.form)[row];
}

}  // namespace hyra::HYRA_TARGET
#endif
