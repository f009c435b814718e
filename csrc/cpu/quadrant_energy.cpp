// One pass over the spectrum: `sums` holds the running sum of each column over the rows seen so far, and the quadrant
// integral along a row is the prefix sum of `sums`, whose squared magnitude is added up as it is formed. Everything is
// accumulated in float64: a float32 scan loses several dB near 125 dB.
#include "core/quadrant_energy.hpp"

#include "cpu/parallel.hpp"
#include "cpu/scratch.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

// Adds the next rows to `sums` and returns the energy of their integrals. Rows are taken together for their number of
// independent chains of additions, and so that `sums` is loaded and stored once for all of them.
template <int ROWS, typename T>
double integral_rows(const T* const (&x)[ROWS], double* sums, std::int64_t columns) {
  Complexes energy[ROWS] = {}, carry[ROWS] = {};
  std::int64_t k = 0;
  for (; k + kComplexes <= columns; k += kComplexes) {
    Complexes sum = load(sums + 2 * k);
    for (int r = 0; r < ROWS; ++r) {
      sum += load_wide(x[r] + 2 * k);
      const Complexes sums_along_row = prefix(sum), integral = sums_along_row + carry[r];
      energy[r] += integral * integral;
      carry[r] += last(sums_along_row);
    }
    store(sums + 2 * k, sum);
  }
  double total = 0;
  for (int r = 0; r < ROWS; ++r) {
    double re = carry[r][0], im = carry[r][1], rest = 0;
    for (std::int64_t j = k; j < columns; ++j) {
      re += sums[2 * j] += static_cast<double>(x[r][2 * j]);
      im += sums[2 * j + 1] += static_cast<double>(x[r][2 * j + 1]);
      rest += re * re + im * im;
    }
    total += sum_lanes(energy[r]) + rest;
  }
  return total;
}

// Sum over the columns of (columns - k) |x_k|^2: the mean of integral_rows over all circular shifts of the image.
template <typename T>
double shift_invariant_row(const T* x, std::int64_t columns) {
  Vec8d energy = {};
  const double n = static_cast<double>(columns);
  Vec8d weight = {n, n, n - 1, n - 1, n - 2, n - 2, n - 3, n - 3};
  std::int64_t k = 0;
  for (; k + 4 <= columns; k += 4, weight -= 4.0) {
    const Vec8d value = load8(x + 2 * k);
    energy += weight * (value * value);
  }
  double rest = 0;
  for (; k < columns; ++k) {
    const double re = static_cast<double>(x[2 * k]), im = static_cast<double>(x[2 * k + 1]);
    rest += (n - static_cast<double>(k)) * (re * re + im * im);
  }
  return sum8(energy) + rest;
}

}  // namespace

template <typename T>
void quadrant_energy(const QuadrantEnergyArgs<T>& args, Context threads) {
  // A band of the integral needs the sums of the rows before it, so only the other weighting splits a quadrant.
  const bool integral = args.weighting == Weighting::kIntegral;
  const Context team = threads_for(args.planes * args.rows * args.columns, threads);
  parallel_for(args.planes * 2 * args.bands, team, [&](std::int64_t chunk) {
    const std::int64_t band = chunk % args.bands, quadrant_index = chunk / args.bands % 2;
    const Quadrant quadrant(args.rows, quadrant_index);
    const T* plane = args.spectrum + chunk / (2 * args.bands) * args.rows * args.columns * 2;
    const Range range = band_range(quadrant.height, args.bands, band);
    const auto row = [&](std::int64_t i) { return plane + quadrant.row(i) * args.columns * 2; };
    double energy = 0;
    std::int64_t i = range.begin;
    if (integral) {
      Scratch<double> sums(2 * args.columns);
      for (std::int64_t before = 0; before < i; ++before) {
        for (std::int64_t k = 0; k < 2 * args.columns; ++k) sums[k] += static_cast<double>(row(before)[k]);
      }
      for (; i + 4 <= range.end; i += 4) {
        energy += integral_rows<4, T>({row(i), row(i + 1), row(i + 2), row(i + 3)}, sums.data(), args.columns);
      }
      for (; i < range.end; ++i) energy += integral_rows<1, T>({row(i)}, sums.data(), args.columns);
    } else {
      for (; i < range.end; ++i) {
        energy += static_cast<double>(quadrant.height - i) * shift_invariant_row(row(i), args.columns);
      }
    }
    args.partials[chunk] = energy;
  });
}

HYRA_INSTANTIATE(quadrant_energy, QuadrantEnergyArgs)

}  // namespace hyra::HYRA_TARGET
