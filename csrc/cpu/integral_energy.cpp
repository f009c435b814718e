// One pass over the pixels, in bands of rows. A few rows are taken together, so that tables and sums are loaded once
// for all of them, and whole: shorter pieces keep both in the first cache, but halve the rate at which pixels come from
// memory. Sums are float64.
#include "core/integral_energy.hpp"

#include <cstring>

#include "cpu/parallel.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr int kTogether = kRegisters >= 32 ? 4 : 2;  // rows, of which the first is even

using Wide = Vec<double>;

// The standardised pixels of one target.
template <typename T>
struct Target {
  const T* pixels;
  double mean, slope;

  Target(const IntegralEnergyArgs<T>& args, std::int64_t target)
      : pixels(args.target + target * args.form.rows * args.form.columns),
        mean(args.target_moments[2 * target]),
        slope(1 / args.target_moments[2 * target + 1]) {}

  Wide load_at(std::int64_t i) const { return (load_wide(pixels + i) - mean) * slope; }
  double at(std::int64_t i) const { return (static_cast<double>(pixels[i]) - mean) * slope; }
};

// Of one plane of the predictions, less those of its target. Equal pixels give exactly 0: no product is fused with the
// subtraction, which would round one of the two and not the other.
template <typename T>
struct Difference {
  const T* pixels;
  double mean, slope;
  Target<T> target;

  Difference(const IntegralEnergyArgs<T>& args, std::int64_t plane)
      : pixels(args.preds + plane * args.form.rows * args.form.columns),
        mean(args.preds_moments[2 * plane]),
        slope(1 / args.preds_moments[2 * plane + 1]),
        target(args, plane % args.targets) {}

  Wide load_at(std::int64_t i) const {
    return in_register((load_wide(pixels + i) - mean) * slope) - in_register(target.load_at(i));
  }
  double at(std::int64_t i) const {
    return in_register((static_cast<double>(pixels[i]) - mean) * slope) - in_register(target.at(i));
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
double add_rows(const IntegralForm& form, const P& pixels, std::int64_t y, double* sums, double* row_sums) {
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
    for (int r = 0; r < ROWS; ++r) z[r] = pixels.load_at((y + r) * columns + k);
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
    of_row[0] = pixels.at((y + r) * columns);
    for (int i = 0; i < 2 * FEATURES; ++i) of_row[1 + i] = sum_parity(dots[r][i / 2], i % 2);
    for (std::int64_t j = k; j < columns; ++j) {
      const double z = pixels.at((y + r) * columns + j);
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
  std::int64_t y = begin;
  for (; y + kTogether <= end; y += kTogether) {
    partials[0] += add_rows<FEATURES, kTogether>(form, pixels, y, partials + 1, row_sums);
  }
  for (; y < end; ++y) partials[0] += add_rows<FEATURES, 1>(form, pixels, y, partials + 1, row_sums);
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
    write_column(args, plane, k, pixels.at(k), sums);
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

HYRA_INSTANTIATE(integral_energy, IntegralEnergyArgs)

}  // namespace hyra::HYRA_TARGET
