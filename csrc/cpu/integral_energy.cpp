// One pass over the pixels, in bands of rows and, within a band, blocks of columns whose tables and sums stay in the
// first cache. A few rows are taken together, so that tables and sums are loaded once for all of them. Sums are
// float64.
#include "core/integral_energy.hpp"

#include <cstring>

#include "cpu/parallel.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr std::int64_t kBlock = 256;                 // columns
constexpr int kTogether = kRegisters >= 32 ? 4 : 2;  // rows, of which the first is even

using Wide = Vec<double>;

inline double sum_parity(Wide v, int parity) {
  double sum = 0;
  for (int i = parity; i < kLanes<double>; i += 2) sum += v[i];
  return sum;
}

// What a block of columns works on: its part of the tables and of the sums over the rows.
struct Block {
  const double *weights, *features;
  std::int64_t stride, columns;
  double (*sums)[kBlock];
};

// Adds the rows y, y + 1, ... to the sums over rows, to their own row sums and to their weighted squares.
template <int FEATURES, int ROWS, typename T>
void add_rows(const Block& block, const T* pixels, std::int64_t stride, const double* cotangents, std::int64_t y,
              double* row_sums, double* squares) {
  double cot[ROWS], square[ROWS];
  for (int r = 0; r < ROWS; ++r) {
    cot[r] = cotangents[r];
    square[r] = signed_square(cot[r], y + r);
  }
  const auto parity = [&](int r) { return ROWS == 1 ? y % 2 : r % 2; };
  Wide dots[ROWS][FEATURES] = {}, energy[ROWS] = {};
  std::int64_t k = 0;
  for (; k + kLanes<double> <= block.columns; k += kLanes<double>) {
    Wide z[ROWS];
    for (int r = 0; r < ROWS; ++r) z[r] = load_wide(pixels + r * stride + k);
    const Wide weight = load(block.weights + k);
    for (int r = 0; r < ROWS; ++r) energy[r] += weight * z[r] * z[r];
    for (int f = 0; f < FEATURES; ++f) {
      const Wide feature = load(block.features + f * block.stride + k);
      for (int r = 0; r < ROWS; ++r) dots[r][f] += feature * z[r];
    }
    for (int r = 0; r < ROWS; ++r) {
      double *plain = block.sums[2 * parity(r)] + k, *times_cot = plain + kBlock;
      store(plain, load(plain) + z[r]);
      store(times_cot, load(times_cot) + cot[r] * z[r]);
    }
    Wide last = load(block.sums[4] + k);
    for (int r = 0; r < ROWS; ++r) last += square[r] * z[r];
    store(block.sums[4] + k, last);
  }
  for (int r = 0; r < ROWS; ++r) {
    double* sums = row_sums + r * (1 + 2 * FEATURES) + 1;
    squares[r] += sum_parity(energy[r], 0) + sum_parity(energy[r], 1);
    for (int i = 0; i < 2 * FEATURES; ++i) sums[i] += sum_parity(dots[r][i / 2], i % 2);
    for (std::int64_t j = k; j < block.columns; ++j) {
      const double z = static_cast<double>(pixels[r * stride + j]);
      squares[r] += block.weights[j] * z * z;
      for (int f = 0; f < FEATURES; ++f) sums[2 * f + j % 2] += block.features[f * block.stride + j] * z;
      block.sums[2 * parity(r)][j] += z;
      block.sums[2 * parity(r) + 1][j] += cot[r] * z;
      block.sums[4][j] += square[r] * z;
    }
  }
}

template <int FEATURES, typename T>
void add_band(const IntegralEnergyArgs<T>& args, std::int64_t plane, std::int64_t band) {
  constexpr std::int64_t kRowSums = 1 + 2 * FEATURES;
  const IntegralForm& form = args.form;
  const std::int64_t columns = form.columns, begin = band * kBandRows;
  const std::int64_t end = begin + kBandRows < form.rows ? begin + kBandRows : form.rows;
  double* const partials = args.partials + (plane * args.bands + band) * (1 + kSums * columns);
  double* const row_sums = args.row_sums + plane * form.rows * kRowSums;
  double squares[kBandRows] = {}, sums[kSums][kBlock];
  std::memset(row_sums + begin * kRowSums, 0, static_cast<std::size_t>((end - begin) * kRowSums) * sizeof(double));
  for (std::int64_t first = 0; first < columns; first += kBlock) {
    const std::int64_t width = first + kBlock < columns ? kBlock : columns - first;
    const Block block{column_weights(form) + first, features(form) + first, columns, width, sums};
    std::memset(sums, 0, sizeof sums);
    std::int64_t y = begin;
    const T* const pixels = args.pixels + plane * form.rows * columns + first;
    for (; y + kTogether <= end; y += kTogether) {
      add_rows<FEATURES, kTogether>(block, pixels + y * columns, columns, cotangents(form) + y, y,
                                    row_sums + y * kRowSums, squares + (y - begin));
    }
    for (; y < end; ++y) {
      add_rows<FEATURES, 1>(block, pixels + y * columns, columns, cotangents(form) + y, y, row_sums + y * kRowSums,
                            squares + (y - begin));
    }
    for (int i = 0; i < kSums; ++i) {
      std::memcpy(partials + 1 + i * columns + first, sums[i], static_cast<std::size_t>(width) * sizeof(double));
    }
  }
  partials[0] = 0;
  for (std::int64_t y = begin; y < end; ++y) {
    double* const row = row_sums + y * kRowSums;
    double coupled[kRowSums];
    row[0] = static_cast<double>(args.pixels[(plane * form.rows + y) * columns]);
    partials[0] += row_weights(form)[y] * (squares[y - begin] + couple<FEATURES>(coupling(form), row, coupled));
  }
}

template <typename T>
void merge_bands(const IntegralEnergyArgs<T>& args, std::int64_t plane) {
  const std::int64_t columns = args.form.columns, stride = 1 + kSums * columns;
  const double* const partials = args.partials + plane * args.bands * stride;
  args.energy[plane] = 0;
  for (std::int64_t band = 0; band < args.bands; ++band) args.energy[plane] += partials[band * stride];
  for (std::int64_t k = 0; k < columns; ++k) {
    double sums[kSums] = {};
    for (std::int64_t band = 0; band < args.bands; ++band) {
      for (int i = 0; i < kSums; ++i) sums[i] += partials[band * stride + 1 + i * columns + k];
    }
    write_column(args, plane, k, sums);
  }
}

}  // namespace

template <typename T>
void integral_energy(const IntegralEnergyArgs<T>& args, Context threads) {
  const Context team = threads_for(args.planes * args.form.rows * args.form.columns, threads);
  parallel_for(args.planes * args.bands, team, [&](std::int64_t chunk) {
    const std::int64_t plane = chunk / args.bands, band = chunk % args.bands;
    args.form.features == 3 ? add_band<3>(args, plane, band) : add_band<5>(args, plane, band);
  });
  parallel_for(args.planes, team, [&](std::int64_t plane) { merge_bands(args, plane); });
}

HYRA_INSTANTIATE(integral_energy, IntegralEnergyArgs)

}  // namespace hyra::HYRA_TARGET
