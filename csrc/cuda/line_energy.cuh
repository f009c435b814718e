// The energy of the integral of a line's half spectrum, for a few lines of any length: a block per line. With a length
// of outer * inner, the transform is made of short ones in two steps, each the columns of a matrix by the definition;
// then the spectrum is added up. Of a prime length there is one step, whose work grows with its square: what is longer
// than `MOST_WORK` of python/hyra/ops/integral_energy.py allows is left to a transform of cuFFT.
// Bytes: the line, its spectrum and the matrix in between, from L1 and L2. FP64: 4 (outer + inner / 2) multiply-adds
// per element; a line at most 2^21 (20 us on an H100, where a multiprocessor has 64 of them a cycle).
#pragma once

#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {

struct Line {
  std::int64_t length, outer, inner;
  const double* twiddles;  // [length] complex: exp(-2 pi i k / length)
};

// The split of a length that takes the least work.
inline Line line_of(std::int64_t length, const double* twiddles) {
  if (length > INT32_MAX)
    throw std::runtime_error("lines must have at most 2^31 - 1 pixels, got " + std::to_string(length));
  Line best{length, 1, length, twiddles};
  for (std::int64_t outer = 2; outer * outer <= 2 * length; ++outer) {
    if (length % outer == 0 && 2 * outer + length / outer < 2 * best.outer + best.inner) {
      best.outer = outer;
      best.inner = length / outer;
    }
  }
  return best;
}

__device__ __forceinline__ Complex times(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

// Calls sink(column, m, sum) for the frequencies m < count of every column of a matrix [size, columns]: the sum over i
// of element i times exp(-2 pi i m step / length). A thread takes kTogether frequencies of one column.
template <int BLOCK, typename Sink>
__device__ __forceinline__ void transform_columns(const Line& line, const double* matrix, std::int64_t size,
                                                  std::int64_t columns, std::int64_t count, std::int64_t step,
                                                  Sink sink) {
  constexpr int kTogether = 4;
  const auto length = static_cast<std::uint32_t>(line.length);
  const std::int64_t items = columns * ((count + kTogether - 1) / kTogether);
  for (std::int64_t item = threadIdx.x; item < items; item += BLOCK) {
    const std::int64_t column = item % columns, first = item / columns * kTogether;
    std::uint32_t at[kTogether] = {}, strides[kTogether];
    Complex sums[kTogether] = {};
#pragma unroll
    for (int j = 0; j < kTogether; ++j) strides[j] = static_cast<std::uint32_t>((first + j) * step % line.length);
    for (std::int64_t i = 0; i < size; ++i) {
      const Complex value = load_complex(matrix + 2 * (i * columns + column));
#pragma unroll
      for (int j = 0; j < kTogether; ++j) {
        sums[j] = sums[j] + times(value, load_complex(line.twiddles + 2 * at[j]));
        at[j] += strides[j];
        if (at[j] >= length) at[j] -= length;
      }
    }
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      if (first + j < count) sink(column, first + j, sums[j]);
    }
  }
}

// The energy of values added up from the first on, for thread 0; each thread takes neighbours. `totals` has room for
// one number per warp, `energies` too.
template <int BLOCK>
__device__ __forceinline__ double integral_of(const double* values, std::int64_t count, Complex* totals,
                                              double* energies) {
  const std::int64_t share = (count + BLOCK - 1) / BLOCK, begin = threadIdx.x * share;
  const std::int64_t end = begin + share < count ? begin + share : count;
  Complex total = {};
  for (std::int64_t k = begin; k < end; ++k) total = total + load_complex(values + 2 * k);
  const Complex inclusive = warp_inclusive_scan(total);
  if (threadIdx.x % 32 == 31) totals[threadIdx.x / 32] = inclusive;
  __syncthreads();
  Complex sum = inclusive - total;
  for (unsigned warp = 0; warp < threadIdx.x / 32; ++warp) sum = sum + totals[warp];
  double energy = 0;
  for (std::int64_t k = begin; k < end; ++k) {
    sum = sum + load_complex(values + 2 * k);
    energy += sum.re * sum.re + sum.im * sum.im;
  }
  return block_sum<BLOCK>(energy, energies);
}

// A block per line: lines [blocks, length] complex, which become their spectra; matrices of the same size; energies
// [blocks], all of them `pitch` apart after every kLines.
template <int BLOCK, int LINES>
__global__ void __launch_bounds__(BLOCK, 2)
    line_energies(Line line, double* lines, double* matrices, std::int64_t pitch) {
  CU_SHARED(Complex, totals, [BLOCK / 32]);
  CU_SHARED(double, energies, [BLOCK / 32]);
  const std::int64_t plane = blockIdx.x / LINES, index = blockIdx.x % LINES, half = line.length / 2 + 1;
  double* const spectrum = lines + (plane * LINES + index) * line.length * 2;
  double* const matrix = matrices + plane * pitch + index * line.length * 2;
  transform_columns<BLOCK>(line, spectrum, line.outer, line.inner, line.outer, line.inner,
                           [&](std::int64_t x, std::int64_t m, Complex sum) {
                             const Complex turn = load_complex(line.twiddles + 2 * (x * m));
                             store_complex(matrix + 2 * (x * line.outer + m), times(sum, turn));
                           });
  __syncthreads();
  transform_columns<BLOCK>(line, matrix, line.inner, line.outer, (half + line.outer - 1) / line.outer, line.outer,
                           [&](std::int64_t m, std::int64_t n, Complex sum) {
                             const std::int64_t frequency = n * line.outer + m;
                             if (frequency < half) store_complex(spectrum + 2 * frequency, sum);
                           });
  __syncthreads();
  const double energy = integral_of<BLOCK>(spectrum, half, totals, energies);
  if (threadIdx.x == 0) matrices[plane * pitch + LINES * line.length * 2 + index] = energy;
}

}  // namespace hyra::cuda
