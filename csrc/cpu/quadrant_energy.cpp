// One pass over the spectrum: `sums` holds the running sum of each column over the rows seen so far, and the quadrant
// integral along a row is the prefix sum of `sums`, whose squared magnitude is added up as it is formed. Everything is
// accumulated in float64: a float32 scan loses several dB near 125 dB.
#include "core/quadrant_energy.hpp"

#include "cpu/parallel.hpp"
#include "cpu/scratch.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

template <typename T>
double integral_row(const T* x, double* sums, std::int64_t columns) {
  Vec8d energy = {}, carry = {};
  std::int64_t k = 0;
  for (; k + 4 <= columns; k += 4) {
    const Vec8d sum = load8(sums + 2 * k) + load8(x + 2 * k);
    store8(sums + 2 * k, sum);
    const Vec8d integral = prefix4(sum) + carry;
    energy += integral * integral;
    carry = last4(integral);
  }
  double re = carry[0], im = carry[1], rest = 0;
  for (; k < columns; ++k) {
    re += sums[2 * k] += static_cast<double>(x[2 * k]);
    im += sums[2 * k + 1] += static_cast<double>(x[2 * k + 1]);
    rest += re * re + im * im;
  }
  return sum8(energy) + rest;
}

// Sum over the columns of (columns - k) |x_k|^2: the mean of integral_row over all circular shifts of the image.
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
    Scratch<double> sums(integral ? 2 * args.columns : 0);
    double energy = 0;
    if (integral) {
      for (std::int64_t i = 0; i < range.begin; ++i) {
        const T* x = plane + quadrant.row(i) * args.columns * 2;
        for (std::int64_t k = 0; k < 2 * args.columns; ++k) sums[k] += static_cast<double>(x[k]);
      }
    }
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      const T* x = plane + quadrant.row(i) * args.columns * 2;
      energy += integral ? integral_row(x, sums.data(), args.columns)
                         : static_cast<double>(quadrant.height - i) * shift_invariant_row(x, args.columns);
    }
    args.partials[chunk] = energy;
  });
}

HYRA_INSTANTIATE(quadrant_energy, QuadrantEnergyArgs)

}  // namespace hyra::HYRA_TARGET
