// A chunk is a tile of one plane's windows. What SSIM lacks of 1 is added up in float64 after every few columns.
#include "core/ssim_sums.hpp"

#include "cpu/parallel.hpp"
#include "cpu/ssim_tile.hpp"

namespace hyra::HYRA_TARGET {
namespace {

// Sums of both deficits, row by row of a strip.
template <typename R>
struct StripSums {
  static constexpr int kParts = kLanes<R> / kLanes<double>;
  Vec<double> ssim[kParts] = {}, structure[kParts] = {};

  void add(Vec<R> of_ssim, Vec<R> of_structure) {
    add(of_ssim, ssim);
    add(of_structure, structure);
  }

 private:
  static void add(Vec<R> deficits, Vec<double> (&sums)[kParts]) {
    if constexpr (kParts == 1) {
      sums[0] += deficits;
    } else {
      sums[0] += widen(Shuffles<double>::template part<0>(deficits));
      sums[1] += widen(Shuffles<double>::template part<1>(deficits));
    }
  }
};

template <int TAPS, typename T>
void add_tile(SsimTile<T>& tile, const SsimRegion& region, double* sums) {
  using R = SsimReal<T>;
  constexpr int kTogether = SsimTile<T>::kTogether;
  double ssim = 0, structure = 0;
  for (std::int64_t row = 0; row < region.rows; row += kLanes<R>) {
    StripSums<R> strip;
    tile.template strip<TAPS>(row, [&](std::int64_t column, SsimMoments<Vec<R>>(&moments)[kTogether]) {
      Vec<R> of_ssim = {}, of_structure = {};
      for (int w = 0; w < kTogether && column + w < region.columns; ++w) {
        moments[w].mean_s += tile.origin_s;
        moments[w].mean_d += tile.origin_d;
        const SsimDeficits<Vec<R>> deficits(moments[w], tile.unit.c1, tile.unit.c2);
        of_ssim += deficits.ssim;
        of_structure += deficits.structure;
      }
      strip.add(of_ssim, of_structure);
    });
    for (int lane = 0; lane < kLanes<R> && row + lane < region.rows; ++lane) {
      ssim += strip.ssim[lane / kLanes<double>][lane % kLanes<double>];
      structure += strip.structure[lane / kLanes<double>][lane % kLanes<double>];
    }
  }
  const double windows = static_cast<double>(region.rows * region.columns);
  sums[0] = windows - ssim;
  sums[1] = windows - structure;
}

}  // namespace

template <typename T>
void ssim_sums(const SsimSumsArgs<T>& args, Context threads) {
  const SsimPair<T>& pair = args.pair;
  const std::int64_t planes = plane_count(pair), rows = window_count(pair.size.rows, pair.taps_count);
  const std::int64_t columns = window_count(pair.size.columns, pair.taps_count);
  const std::int64_t bands = (rows + kSsimRows - 1) / kSsimRows, tiles = (columns + kSsimColumns - 1) / kSsimColumns;
  const std::int64_t places = bands * tiles, channels = pair.size.channels;
  // Channels come one after the other: where they are interleaved, the first brings the pixels of all into the cache.
  parallel_for(planes * places, threads_for(planes * rows * columns, threads), [&](std::int64_t i) {
    const std::int64_t channel = i % channels, place = i / channels % places, image = i / (channels * places);
    const std::int64_t plane = image * channels + channel;
    const SsimPart down(rows, kSsimRows, 16, place / tiles), across(columns, kSsimColumns, 16, place % tiles);
    const SsimRegion region{down.begin, across.begin, down.size, across.size};
    double* const sums = args.partials + 2 * (plane * places + place);
    sums[0] = sums[1] = 0;
    if (region.rows == 0 || region.columns == 0) return;
    SsimTile<T> tile(pair, plane, region);
    with_taps(pair.taps_count, [&](auto taps) { add_tile<decltype(taps)::value>(tile, region, sums); });
  });
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    double sums[2] = {};
    for (std::int64_t i = plane * places; i < (plane + 1) * places; ++i) {
      for (int k = 0; k < 2; ++k) sums[k] += args.partials[2 * i + k];
    }
    for (int k = 0; k < 2; ++k) args.sums[2 * plane + k] = sums[k];
  }
}

HYRA_INSTANTIATE_PIXELS(ssim_sums, SsimSumsArgs)

}  // namespace hyra::HYRA_TARGET
