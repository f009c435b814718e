// A chunk is a few rows of the window in one channel: their running state stays in the cache while all positions pass
// by in order, so the result is the same for any number of threads and however the positions are cut into batches.
#include "core/response_moments.hpp"

#include <cstring>

#include "cpu/parallel.hpp"
#include "cpu/scratch.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

// One row of the state: counts, means and M2 of its samples.
struct Row {
  double *count, *mean, *m2;
};

struct Deviation {
  double squared, reference, largest;
};

// Welford's update of the samples [begin, end) of a row, and their deviation from the reference.
template <typename T>
void add_row(const Row& row, const T* x, const T* reference, std::int64_t begin, std::int64_t end,
             Deviation& deviation) {
  Vec8d squared = {}, energy = {}, largest = {};
  std::int64_t k = begin;
  for (; k + 8 <= end; k += 8) {
    const Vec8d value = load8(x + k), expected = load8(reference + k), mean = load8(row.mean + k);
    const Vec8d off = value - expected, magnitude = off < 0 ? -off : off;
    squared += off * off;
    energy += expected * expected;
    largest = magnitude > largest ? magnitude : largest;
    const Vec8d count = load8(row.count + k) + 1, delta = value - mean, moved = mean + delta / count;
    store8(row.count + k, count);
    store8(row.mean + k, moved);
    store8(row.m2 + k, load8(row.m2 + k) + delta * (value - moved));
  }
  deviation.squared += sum8(squared);
  deviation.reference += sum8(energy);
  for (int i = 0; i < 8; ++i) deviation.largest = largest[i] > deviation.largest ? largest[i] : deviation.largest;
  for (; k < end; ++k) {
    const double value = static_cast<double>(x[k]), expected = static_cast<double>(reference[k]);
    const double off = value - expected, magnitude = off < 0 ? -off : off;
    deviation.squared += off * off;
    deviation.reference += expected * expected;
    deviation.largest = magnitude > deviation.largest ? magnitude : deviation.largest;
    row.count[k] += 1;
    const double delta = value - row.mean[k];
    row.mean[k] += delta / row.count[k];
    row.m2[k] += delta * (value - row.mean[k]);
  }
}

}  // namespace

template <typename T>
void response_moments(const ResponseMomentsArgs<T>& args, Context threads) {
  if (args.parts == 0) return;
  const std::int64_t bands = args.parts / args.channels, kw = args.window_width;
  parallel_for(args.parts, threads, [&](std::int64_t part) {
    const std::int64_t channel = part / bands, band = part % bands;
    const std::int64_t first = args.window_height * band / bands, last = args.window_height * (band + 1) / bands;
    const std::int64_t state = (channel * args.window_height + first) * kw, samples = (last - first) * kw;
    std::memcpy(args.mean + state, args.mean_before + state, static_cast<std::size_t>(samples) * sizeof(double));
    std::memcpy(args.m2 + state, args.m2_before + state, static_cast<std::size_t>(samples) * sizeof(double));
    Scratch<double> count(samples);
    for (std::int64_t i = 0; i < samples; ++i) count[i] = static_cast<double>(args.count_before[first * kw + i]);
    for (std::int64_t position = 0; position < args.images * args.impulses; ++position) {
      const Window window(args, position);
      const T* plane = args.outputs + (position / args.impulses * args.channels + channel) * args.height * args.width;
      const std::int64_t begin = window.begin_y > first ? window.begin_y : first;
      const std::int64_t end = window.end_y < last ? window.end_y : last;
      Deviation deviation = {};
      for (std::int64_t y = begin; y < end; ++y) {
        const std::int64_t row = state + (y - first) * kw;
        add_row({count.data() + (y - first) * kw, args.mean + row, args.m2 + row},
                plane + (window.top + y) * args.width + window.left, args.reference + row, window.begin_x, window.end_x,
                deviation);
      }
      double* out = args.deviations + (position * args.parts + part) * 3;
      out[0] = deviation.squared;
      out[1] = deviation.reference;
      out[2] = deviation.largest;
    }
    if (channel == 0) {
      for (std::int64_t i = 0; i < samples; ++i) args.count[first * kw + i] = static_cast<std::int64_t>(count[i]);
    }
  });
}

HYRA_INSTANTIATE(response_moments, ResponseMomentsArgs)

}  // namespace hyra::HYRA_TARGET
