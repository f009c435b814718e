// One pass over the pixels, in bands of rows. A few rows are taken together, so that tables and sums are loaded once
// for all of them, and whole: shorter pieces keep both in the first cache, but halve the rate at which pixels come from
// memory. Sums are float64. Integers become float64 in registers; the rows of an interleaved plane are laid side by
// side first.
#include "core/integral_energy.hpp"

#include <cstring>

#include "cpu/parallel.hpp"
#include "cpu/pixels.hpp"
#include "cpu/scratch.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr int kTogether = kRegisters >= 32 ? 4 : 2;  // rows, of which the first is even

using Wide = Vec<double>;

// Rows of pixels, side by side, that are standardised when they are loaded: those of one target.
template <typename T>
struct Target {
  using Row = const T*;
  Pixels<T> pixels;
  std::int64_t plane, columns;
  double mean, slope;

  Target(const IntegralEnergyArgs<T>& args, std::int64_t target)
      : pixels(args.target),
        plane(target),
        columns(args.form.columns),
        mean(target_moments_of(args, target)[0]),
        slope(1 / target_moments_of(args, target)[1]) {}

  // How many rows of scratch a row may need.
  static constexpr int kScratch = 1;
  bool needs_scratch() const { return pixels.column != 1; }
  Row row(std::int64_t y, T* scratch) const {
    return side_by_side(row_of(pixels, plane, 0, y), pixels.column, columns, scratch);
  }
  Wide load_at(Row row, std::int64_t k) const { return (load_wide(row + k) - mean) * slope; }
  double at(Row row, std::int64_t k) const { return (static_cast<double>(row[k]) - mean) * slope; }
  double first_row_at(std::int64_t k) const { return at(row_of(pixels, plane, 0, 0) + k * pixels.column, 0); }
};

// Of one plane of the predictions, less those of its target. Equal pixels give exactly 0: no product is fused with the
// subtraction, which would round one of the two and not the other.
template <typename T>
struct Difference {
  struct Row {
    const T *preds, *target;
  };
  Pixels<T> pixels;
  std::int64_t plane;
  double mean, slope;
  Target<T> target;

  Difference(const IntegralEnergyArgs<T>& args, std::int64_t index)
      : pixels(args.preds),
        plane(index),
        mean(preds_moments_of(args, index)[0]),
        slope(1 / preds_moments_of(args, index)[1]),
        target(args, index % args.targets) {}

  static constexpr int kScratch = 2;
  bool needs_scratch() const { return pixels.column != 1 || target.needs_scratch(); }
  Row row(std::int64_t y, T* scratch) const {
    return {side_by_side(row_of(pixels, plane, 0, y), pixels.column, target.columns, scratch),
            target.row(y, scratch + target.columns)};
  }
  Wide load_at(Row row, std::int64_t k) const {
    return in_register((load_wide(row.preds + k) - mean) * slope) - in_register(target.load_at(row.target, k));
  }
  double at(Row row, std::int64_t k) const {
    return in_register((static_cast<double>(row.preds[k]) - mean) * slope) - in_register(target.at(row.target, k));
  }
  double first_row_at(std::int64_t k) const {
    return in_register((static_cast<double>(row_of(pixels, plane, 0, 0)[k * pixels.column]) - mean) * slope) -
           in_register(target.first_row_at(k));
  }
};

inline double sum_parity(Wide v, int parity) {
  double sum = 0;
  for (int i = parity; i < kLanes<double>; i += 2) sum += v[i];
  return sum;
}

// Adds the rows y, y + 1, ... to the sums over the rows, and writes the sums over their columns. Returns their energies
// by themselves.
template <int FEATURES, int ROWS, typename P>
double add_rows(const IntegralForm& form, const P& pixels, std::int64_t y, const typename P::Row (&rows)[ROWS],
                double* sums, double* row_sums) {
  const std::int64_t columns = form.columns;
  const double* const weights = column_weights(form);
  const double* const tables = features(form);
  constexpr int kParities = ROWS == 1 ? 1 : 2;
  double cot[ROWS], square[ROWS], *plain[kParities], *with_cot[kParities], *const with_square = sums + 4 * columns;
  for (int r = 0; r < ROWS; ++r) {
    cot[r] = cotangents(form)[y + r];
    square[r] = signed_square(cot[r], y + r);
  }
  for (int p = 0; p < kParities; ++p) {
    plain[p] = sums + (y + p) % 2 * 2 * columns;
    with_cot[p] = plain[p] + columns;
  }
  Wide dots[ROWS][FEATURES] = {}, squares[ROWS] = {};
  std::int64_t k = 0;
  for (; k + kLanes<double> <= columns; k += kLanes<double>) {
    Wide z[ROWS];
    for (int r = 0; r < ROWS; ++r) z[r] = pixels.load_at(rows[r], k);
    const Wide weight = load(weights + k);
    for (int r = 0; r < ROWS; ++r) squares[r] += weight * z[r] * z[r];
    for (int f = 0; f < FEATURES; ++f) {
      const Wide feature = load(tables + f * columns + k);
      for (int r = 0; r < ROWS; ++r) dots[r][f] += feature * z[r];
    }
    Wide sum = load(with_square + k);
    for (int p = 0; p < kParities; ++p) {
      Wide of_plain = load(plain[p] + k), of_cot = load(with_cot[p] + k);
      for (int r = p; r < ROWS; r += 2) {
        of_plain += z[r];
        of_cot += cot[r] * z[r];
        sum += square[r] * z[r];
      }
      store(plain[p] + k, of_plain);
      store(with_cot[p] + k, of_cot);
    }
    store(with_square + k, sum);
  }
  double energy = 0;
  for (int r = 0; r < ROWS; ++r) {
    constexpr int kRowSums = 1 + 2 * FEATURES;
    double* const of_row = row_sums + (y + r) * kRowSums;
    double own = sum_parity(squares[r], 0) + sum_parity(squares[r], 1), coupled[kRowSums];
    of_row[0] = pixels.at(rows[r], 0);
    for (int i = 0; i < 2 * FEATURES; ++i) of_row[1 + i] = sum_parity(dots[r][i / 2], i % 2);
    for (std::int64_t j = k; j < columns; ++j) {
      const double z = pixels.at(rows[r], j);
      own += weights[j] * z * z;
      for (int f = 0; f < FEATURES; ++f) of_row[1 + 2 * f + j % 2] += tables[f * columns + j] * z;
      plain[r % 2][j] += z;
      with_cot[r % 2][j] += cot[r] * z;
      with_square[j] += square[r] * z;
    }
    energy += row_weights(form)[y + r] * (own + couple<FEATURES>(coupling(form), of_row, coupled));
  }
  return energy;
}

template <int FEATURES, typename P, typename T>
void add_band(const IntegralEnergyArgs<T>& args, const P& pixels, std::int64_t plane, std::int64_t band) {
  const IntegralForm& form = args.form;
  const std::int64_t size = 1 + kSums * form.columns, begin = band * kBandRows;
  const std::int64_t end = begin + kBandRows < form.rows ? begin + kBandRows : form.rows;
  double* const row_sums = args.row_sums + plane * form.rows * (1 + 2 * FEATURES);
  double* const partials = args.partials + plane * args.workspace + band * size;
  std::memset(partials, 0, static_cast<std::size_t>(size) * sizeof(double));
  Scratch<T> scratch(pixels.needs_scratch() ? kTogether * P::kScratch * form.columns : 0);
  std::int64_t y = begin;
  for (; y + kTogether <= end; y += kTogether) {
    typename P::Row rows[kTogether];
    for (int r = 0; r < kTogether; ++r) rows[r] = pixels.row(y + r, scratch.data() + r * P::kScratch * form.columns);
    partials[0] += add_rows<FEATURES, kTogether>(form, pixels, y, rows, partials + 1, row_sums);
  }
  for (; y < end; ++y) {
    const typename P::Row rows[1] = {pixels.row(y, scratch.data())};
    partials[0] += add_rows<FEATURES, 1>(form, pixels, y, rows, partials + 1, row_sums);
  }
}

template <typename P, typename T>
void merge_bands(const IntegralEnergyArgs<T>& args, const P& pixels, std::int64_t plane) {
  const std::int64_t columns = args.form.columns, size = 1 + kSums * columns;
  const double* const partials = args.partials + plane * args.workspace;
  args.energy[plane] = 0;
  for (std::int64_t band = 0; band < args.bands; ++band) args.energy[plane] += partials[band * size];
  for (std::int64_t k = 0; k < columns; ++k) {
    double sums[kSums] = {};
    for (std::int64_t band = 0; band < args.bands; ++band) {
      for (int i = 0; i < kSums; ++i) sums[i] += partials[band * size + 1 + i * columns + k];
    }
    write_column(args, plane, k, pixels.first_row_at(k), sums);
  }
}

// The differences come first, then the targets.
template <typename T, typename F>
void with_pixels(const IntegralEnergyArgs<T>& args, std::int64_t plane, const F& f) {
  plane < args.planes ? f(Difference<T>(args, plane)) : f(Target<T>(args, plane - args.planes));
}

}  // namespace

template <typename T>
void integral_energy(const IntegralEnergyArgs<T>& args, Context threads) {
  const std::int64_t planes = args.planes + (args.with_target ? args.targets : 0);
  const Context team = threads_for(planes * args.form.rows * args.form.columns, threads);
  parallel_for(planes * args.bands, team, [&](std::int64_t chunk) {
    const std::int64_t plane = chunk / args.bands, band = chunk % args.bands;
    with_pixels(args, plane, [&](const auto& pixels) {
      args.form.features == 3 ? add_band<3>(args, pixels, plane, band) : add_band<5>(args, pixels, plane, band);
    });
  });
  parallel_for(planes, team, [&](std::int64_t plane) {
    with_pixels(args, plane, [&](const auto& pixels) { merge_bands(args, pixels, plane); });
  });
}

HYRA_INSTANTIATE_PIXELS(integral_energy, IntegralEnergyArgs)

}  // namespace hyra::HYRA_TARGET
