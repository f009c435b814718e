// One pass: a gradient is its pixel times a weight, plus what the sums over its row and over its column give. Blocks of
// rows and columns, so that the tables stay in the first cache.
#include "core/integral_energy_backward.hpp"

#include "cpu/parallel.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr std::int64_t kBlock = 256;  // columns
constexpr std::int64_t kRows = 64;

using Wide = Vec<double>;

// The factors of the columns of a block.
struct Block {
  double first[kBlock], plain[2][kBlock], cot[2][kBlock], square[kBlock];
};

// What the sums over the columns of one row add to its gradient, and what its pixels are multiplied with there.
template <int FEATURES>
struct RowFactors {
  double sums[1 + 2 * FEATURES], diagonal;
  template <typename T>
  RowFactors(const IntegralEnergyBackwardArgs<T>& args, std::int64_t plane, std::int64_t row) {
    diagonal = row_diagonal(args, plane, row);
    couple<FEATURES>(coupling(args.form), args.row_sums + (plane * args.form.rows + row) * (1 + 2 * FEATURES), sums);
    for (double& sum : sums) sum *= diagonal;
  }
};

// (even, odd, even, odd, ...)
inline Wide alternating(const double* pair) {
  double lanes[kLanes<double>];
  for (int i = 0; i < kLanes<double>; ++i) lanes[i] = pair[i % 2];
  return load(lanes);
}

template <int FEATURES, typename T>
void write_row(const IntegralEnergyBackwardArgs<T>& args, const Block& block, std::int64_t plane, std::int64_t y,
               std::int64_t begin, std::int64_t columns) {
  const IntegralForm& form = args.form;
  const RowFactors<FEATURES> row(args, plane, y);
  const double cotangent = cotangents(form)[y], square = signed_square(cotangent, y);
  const double* const plain = y == 0 ? block.first : block.plain[y % 2];
  const double *const cot = block.cot[y % 2], *const weights = column_weights(form) + begin;
  const double* const tables = features(form) + begin;
  const std::int64_t offset = (plane * form.rows + y) * form.columns + begin;
  Wide factors[FEATURES];
  for (int f = 0; f < FEATURES; ++f) factors[f] = alternating(row.sums + 1 + 2 * f);
  std::int64_t k = 0;
  for (; k + kLanes<double> <= columns; k += kLanes<double>) {
    Wide gradient = row.diagonal * load(weights + k) * load_wide(args.pixels + offset + k);
    for (int f = 0; f < FEATURES; ++f) gradient += factors[f] * load(tables + f * form.columns + k);
    gradient += load(plain + k) + cotangent * load(cot + k) + square * load(block.square + k);
    store_narrow(args.gradient + offset + k, gradient);
  }
  const auto rest = [&](std::int64_t j, double more) {
    double gradient = row.diagonal * weights[j] * static_cast<double>(args.pixels[offset + j]) + more;
    for (int f = 0; f < FEATURES; ++f) gradient += row.sums[1 + 2 * f + j % 2] * tables[f * form.columns + j];
    args.gradient[offset + j] = static_cast<T>(gradient + plain[j] + cotangent * cot[j] + square * block.square[j]);
  };
  for (; k < columns; ++k) rest(k, 0);
  if (begin == 0) rest(0, row.sums[0]);
}

}  // namespace

template <typename T>
void integral_energy_backward(const IntegralEnergyBackwardArgs<T>& args, Context threads) {
  const IntegralForm& form = args.form;
  const std::int64_t bands = (form.rows + kRows - 1) / kRows;
  const Context team = threads_for(args.planes * form.rows * form.columns, threads);
  parallel_for(args.planes * bands, team, [&](std::int64_t chunk) {
    const std::int64_t plane = chunk / bands, top = chunk % bands * kRows;
    const std::int64_t bottom = top + kRows < form.rows ? top + kRows : form.rows;
    for (std::int64_t begin = 0; begin < form.columns; begin += kBlock) {
      const std::int64_t columns = begin + kBlock < form.columns ? kBlock : form.columns - begin;
      Block block;
      for (std::int64_t k = 0; k < columns; ++k) {
        const ColumnFactors factors(args, plane, begin + k);
        block.first[k] = factors.first;
        for (int parity = 0; parity < 2; ++parity) {
          block.plain[parity][k] = factors.plain[parity];
          block.cot[parity][k] = factors.cot[parity];
        }
        block.square[k] = factors.square;
      }
      for (std::int64_t y = top; y < bottom; ++y) {
        form.features == 3 ? write_row<3>(args, block, plane, y, begin, columns)
                           : write_row<5>(args, block, plane, y, begin, columns);
      }
    }
  });
}

HYRA_INSTANTIATE(integral_energy_backward, IntegralEnergyBackwardArgs)

}  // namespace hyra::HYRA_TARGET
