// Energy of the quadrant integrals of the spectra of standardised differences, from the pixels; the definition is in
// python/hyra/ops/integral_energy.py.
#pragma once

#include "core/integral_form.hpp"
#include "core/op.hpp"
#include "core/pixels.hpp"

namespace hyra {

// A plane is cut into bands of rows and, on a GPU, these into tiles of columns.
constexpr std::int64_t kBandRows = 128;
constexpr int kTileColumns = 96;
constexpr std::int64_t kMergedRows = 32;  // whose tiles a block of a GPU adds up

constexpr int kSums = 5;  // real sums over the rows, in one column

// -10 log10 of the energies of each image, of float or double: on a GPU alone, of as many targets as planes.
struct Scores {
  void* data;  // [planes / preds_channels], or null
  bool single;
};

// On a GPU the tables are written first, and one of these is wanted: the row and the column sums, for a gradient; the
// energy and the column sums, or, `with_lines`, the whole energy; the scores. What is not wanted is null.
template <typename T>
struct IntegralEnergyArgs {
  double* energy;               // [planes (+ targets)]: what weighted squares and row sums give; `with_lines` the whole
  double* row_sums;             // [planes (+ targets), rows, row sums]
  double* column_sums;          // [planes (+ targets), 4, columns] complex: those over the rows
  double* partials;             // [planes (+ targets), workspace]: [bands, 1 + kSums * columns], on a GPU and more
  Pixels<T> preds;              // [planes, 1, rows, columns]
  Pixels<T> target;             // [targets, 1, rows, columns]
  const double* preds_moments;  // [planes / preds_channels, 2]
  const double* target_moments;  // [targets / target_channels, 2]
  IntegralForm form;
  std::int64_t planes, targets, preds_channels, target_channels, bands, tiles, workspace;
  bool with_target, with_lines;  // these on a GPU alone, and for the scores
  Scores scores;
};

}  // namespace hyra

HYRA_DECLARE_OP(integral_energy, IntegralEnergyArgs)

#ifdef HYRA_TARGET
namespace hyra::HYRA_TARGET {

// Mean and standard deviation of the image of a plane.
template <typename T>
HYRA_INLINE const double* preds_moments_of(const IntegralEnergyArgs<T>& args, std::int64_t plane) {
  return args.preds_moments + 2 * (plane / args.preds_channels);
}
template <typename T>
HYRA_INLINE const double* target_moments_of(const IntegralEnergyArgs<T>& args, std::int64_t plane) {
  return args.target_moments + 2 * (plane / args.target_channels);
}

// Writes a column's share of the sums over the rows, from its pixel in the first row and its real sums: even rows,
// times cot; odd rows, times cot; all rows times (-1)^y cot^2.
template <typename T>
HYRA_INLINE void write_column(const IntegralEnergyArgs<T>& args, std::int64_t plane, std::int64_t column, double first,
                              const double (&sums)[kSums]) {
  const std::int64_t columns = args.form.columns;
  const double slope = gamma_slope(args.form), re = -slope * sums[4], im = -slope * (sums[1] - sums[3]);
  double* out = args.column_sums + (plane * kLines * columns + column) * 2;
  const auto write = [&](std::int64_t i, double real, double imaginary) {
    out[2 * i * columns] = real;
    out[2 * i * columns + 1] = imaginary;
  };
  write(0, first + re, im);
  write(1, first - re, -im);
  write(2, 0.5 * (sums[0] - first + sums[2]), -0.5 * (sums[1] + sums[3]));  // a is 0 in the first row
  write(3, 0.5 * sums[2], -0.5 * sums[3]);
}

}  // namespace hyra::HYRA_TARGET
#endif
