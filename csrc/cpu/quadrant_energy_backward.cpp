// The gradient of sum |S x|^2, with S the integral from the origin outward, is 2 S^T S x: the integral, then the
// integral from the far corner back to the origin. The first goes to the rows of the gradient, the second reads them
// from the last row upward and writes in place, so nothing is stored beside the gradient itself. Sums are float64.
#include "core/quadrant_energy_backward.hpp"

#include "cpu/parallel.hpp"
#include "cpu/scratch.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

// out_k = sum over j <= k of sums_j, after x was added to sums.
template <typename T>
void integrate_row(const T* x, double* sums, T* out, std::int64_t columns) {
  Complexes carry = {};
  std::int64_t k = 0;
  for (; k + kComplexes <= columns; k += kComplexes) {
    const Complexes sum = load(sums + 2 * k) + load_wide(x + 2 * k);
    store(sums + 2 * k, sum);
    const Complexes sums_along_row = prefix(sum);
    store_narrow(out + 2 * k, sums_along_row + carry);
    carry += last(sums_along_row);
  }
  double re = carry[0], im = carry[1];
  for (; k < columns; ++k) {
    re += sums[2 * k] += static_cast<double>(x[2 * k]);
    im += sums[2 * k + 1] += static_cast<double>(x[2 * k + 1]);
    out[2 * k] = static_cast<T>(re);
    out[2 * k + 1] = static_cast<T>(im);
  }
}

// row_k = factor * (sum over j >= k of sums_j), after row was added to sums; in place.
template <typename T>
void integrate_row_back(T* row, double* sums, double factor, std::int64_t columns) {
  double re = 0, im = 0;
  std::int64_t k = columns;
  for (; k % kComplexes != 0; --k) {
    re += sums[2 * k - 2] += static_cast<double>(row[2 * k - 2]);
    im += sums[2 * k - 1] += static_cast<double>(row[2 * k - 1]);
    row[2 * k - 2] = static_cast<T>(factor * re);
    row[2 * k - 1] = static_cast<T>(factor * im);
  }
  Complexes carry;
  for (int i = 0; i < kLanes<double>; ++i) carry[i] = i % 2 == 0 ? re : im;
  for (k -= kComplexes; k >= 0; k -= kComplexes) {
    const Complexes sum = load(sums + 2 * k) + load_wide(row + 2 * k);
    store(sums + 2 * k, sum);
    const Complexes sums_along_row = suffix(sum);
    store_narrow(row + 2 * k, factor * (sums_along_row + carry));
    carry += first(sums_along_row);
  }
}

template <typename T>
void weigh_row(const T* x, T* out, double factor, std::int64_t columns) {
  for (std::int64_t k = 0; k < columns; ++k) {
    const double weight = factor * static_cast<double>(columns - k);
    out[2 * k] = static_cast<T>(weight * static_cast<double>(x[2 * k]));
    out[2 * k + 1] = static_cast<T>(weight * static_cast<double>(x[2 * k + 1]));
  }
}

}  // namespace

template <typename T>
void quadrant_energy_backward(const QuadrantEnergyBackwardArgs<T>& args, Context threads) {
  const Context team = threads_for(args.planes * args.rows * args.columns, threads);
  parallel_for(args.planes * 2, team, [&](std::int64_t chunk) {
    const Quadrant quadrant(args.rows, chunk % 2);
    const std::int64_t plane = chunk / 2 * args.rows * args.columns * 2;
    const double factor = 2 * args.grad[chunk / 2];
    const auto at = [&](std::int64_t i) { return plane + quadrant.row(i) * args.columns * 2; };
    if (args.weighting == Weighting::kShiftInvariant) {
      for (std::int64_t i = 0; i < quadrant.height; ++i) {
        weigh_row(args.spectrum + at(i), args.gradient + at(i), factor * static_cast<double>(quadrant.height - i),
                  args.columns);
      }
      return;
    }
    Scratch<double> sums(2 * args.columns), sums_back(2 * args.columns);
    for (std::int64_t i = 0; i < quadrant.height; ++i) {
      integrate_row(args.spectrum + at(i), sums.data(), args.gradient + at(i), args.columns);
    }
    for (std::int64_t i = quadrant.height - 1; i >= 0; --i) {
      integrate_row_back(args.gradient + at(i), sums_back.data(), factor, args.columns);
    }
  });
}

HYRA_INSTANTIATE(quadrant_energy_backward, QuadrantEnergyBackwardArgs)

}  // namespace hyra::HYRA_TARGET
