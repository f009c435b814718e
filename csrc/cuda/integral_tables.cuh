// The tables of one size of plane (core/integral_form.hpp), made by every call in its own memory: none is shared by
// streams, freed while another reads it, or copied from the host, so that a first call can be captured like any other.
// The formulas are those of python/hyra/ops/integral_form.py.
#pragma once

#include <cmath>

#include "core/integral_form.hpp"
#include "cuda/platform.cuh"

namespace hyra::cuda {

// Of the angle pi k / size, from the nearer end, for the digits of a small sine.
struct Angle {
  double sine, cosine;
  __device__ __forceinline__ Angle(std::int64_t k, std::int64_t size) {
    const bool beyond = 2 * k > size;
    const double nearest = static_cast<double>(beyond ? size - k : k) / static_cast<double>(size);
    sine = sinpi(nearest);  // which, unlike sin, needs no stack for large arguments
    cosine = beyond ? -cospi(nearest) : cospi(nearest);
  }
};

// The sum of the squares of 1 to n.
__device__ __forceinline__ double sum_of_squares(double n) { return n * (n + 1) * (2 * n + 1) / 6; }

__device__ __forceinline__ void write_row(const IntegralForm& form, double* tables, std::int64_t y) {
  const std::int64_t half = (form.rows + 1) / 2;
  const Angle angle(y, 2 * half);
  const double cot = y == 0 ? 0 : angle.cosine / angle.sine, n = static_cast<double>(half);
  tables[y] = y == 0 ? 2 * sum_of_squares(n) : n / 2 * (1 + cot * cot);
  tables[form.rows + y] = cot;
}

__device__ __forceinline__ void write_column(const IntegralForm& form, double* tables, std::int64_t x) {
  double* const weight = tables + 2 * form.rows + x;
  double* const features = weight + form.columns;
  const Angle angle(x, form.columns);
  const double s = angle.sine, cot = angle.cosine / s, reciprocal = 1 / s;
  *weight = x == 0 ? sum_of_squares(static_cast<double>(form.columns / 2 + 1))
                   : static_cast<double>(form.columns) / 8 / (s * s);
  const bool even = form.columns % 2 == 0;
  const double values[5] = {1, cot, even ? cot * cot : 1 / (s * s), cot / s, reciprocal};
#pragma unroll
  for (int f = 0; f < 5; ++f) {
    if (f < form.features) features[f * form.columns] = x == 0 ? 0 : values[f];
  }
  double* const twiddle = tables + (twiddles(form) - form.tables) + 2 * x;
  twiddle[0] = 1 - 2 * s * s;
  twiddle[1] = -2 * s * angle.cosine;
}

// Entry (i, j) of the coupling of the sums of a row: its first pixel, then those of each feature over even columns and
// over odd ones.
__device__ __forceinline__ double coupling_entry(const IntegralForm& form, int i, int j) {
  const double count = static_cast<double>(form.columns / 2 + 1);
  const auto is = [](int k, int index) { return k == index ? 1.0 : 0.0; };
  const auto both = [&](int k, int feature) { return is(k, 1 + 2 * feature) + is(k, 2 + 2 * feature); };
  const auto difference = [&](int k, int feature) { return is(k, 1 + 2 * feature) - is(k, 2 + 2 * feature); };
  const auto square = [&](const auto& v) { return v(i) * v(j); };
  const auto product = [&](const auto& u, const auto& v) { return u(i) * v(j) + v(i) * u(j); };
  const auto first = [&](int k) { return is(k, 0); };
  const auto one = [&](int k) { return both(k, 0); };
  const auto cot = [&](int k) { return both(k, 1); };
  if (form.columns % 2 == 0) {
    const auto odd = [&](int k) { return is(k, 2); };
    const auto odd_cot = [&](int k) { return is(k, 4); };
    const auto odd_rest = [&](int k) { return is(k, 6) - 3 * is(k, 2); };
    const auto with_first = [&](int k) {
      return (count + 1) * (count + 1) * is(k, 1) + count * count * is(k, 2) - (count - 1) * is(k, 5) +
             count * is(k, 6);
    };
    return ((count + 3) * square(one) + (count - 1) * square(cot)) / 4 + square(odd) + square(odd_cot) +
           (product(one, odd_rest) + product(first, with_first)) / 4;
  }
  const auto alternating = [&](int k) { return difference(k, 4); };
  const auto square_rest = [&](int k) { return both(k, 2) - difference(k, 3); };
  const auto with_first = [&](int k) {
    return count * (count + 1) * one(k) + both(k, 2) / 2 - count * difference(k, 3);
  };
  return count / 4 * (square(one) + square(cot)) +
         (product(one, square_rest) - product(cot, alternating) + square(alternating)) / 8 +
         product(first, with_first) / 4;
}

// A thread per row, column and entry of the coupling, whichever are more.
template <int BLOCK>
__global__ void __launch_bounds__(BLOCK) fill_tables(IntegralForm form, double* tables) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * BLOCK + threadIdx.x;
  const auto sums = static_cast<int>(row_sum_count(form));
  if (i < form.rows) write_row(form, tables, i);
  if (i < form.columns) write_column(form, tables, i);
  if (i < sums * sums) {
    tables[coupling(form) - form.tables + i] =
        coupling_entry(form, static_cast<int>(i) / sums, static_cast<int>(i) % sums);
  }
  if (i == 0) {
    double* const weights = tables + (line_weights(form) - form.tables);
    const double half = static_cast<double>((form.rows + 1) / 2);
    weights[0] = half * half * half / 2;
    weights[1] = -weights[0];
    weights[2] = 2 * half;
    weights[3] = 4;
  }
}

// The tables, which a launcher owns, are written before they are read.
template <int BLOCK>
void make_tables(const IntegralForm& form, cudaStream_t stream) {
  const std::int64_t sums = row_sum_count(form);
  std::int64_t threads = form.rows > form.columns ? form.rows : form.columns;
  if (threads < sums * sums) threads = sums * sums;
  const dim3 grid(static_cast<unsigned>((threads + BLOCK - 1) / BLOCK));
  CU_LAUNCH((fill_tables<BLOCK>), grid, dim3(BLOCK), 0, stream, form, const_cast<double*>(form.tables));
}

}  // namespace hyra::cuda
