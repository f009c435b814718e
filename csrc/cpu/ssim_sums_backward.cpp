// A chunk is a tile of one plane's pixels. Strip by strip of window rows: the moments of all windows that reach the
// tile, what each gives to its pixels, spread along the rows (rows in the lanes), transposed, and spread down the
// columns onto as many rows of pixels, whose last window is then known.
#include "core/ssim_sums_backward.hpp"

#include <cstring>

#include "cpu/parallel.hpp"
#include "cpu/ssim_tile.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr std::int64_t kTilePixels = 128;  // along both sides
constexpr int kMaps = 3;

inline std::int64_t at_least_0(std::int64_t n) { return n < 0 ? 0 : n; }
inline std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

template <typename T>
class GradientTile {
 public:
  using V = Vec<T>;
  static constexpr int kStrip = SsimTile<T>::kStrip, kTogether = SsimTile<T>::kTogether;

  GradientTile(const SsimSumsBackwardArgs<T>& args, std::int64_t plane, const SsimRegion& pixels)
      : args_(args),
        plane_(plane),
        pixels_(pixels),
        count_(static_cast<int>(args.pair.taps_count)),
        windows_(windows_of(args.pair, pixels)),
        tile_(args.pair, plane, windows_),
        groups_(round_up(pixels.columns, kLanes<T>) / kLanes<T>),
        taps_(count_),
        slopes_((groups_ * kLanes<T> + count_ - 1) * kMaps * kStrip),
        spread_((count_ - 1 + kStrip) * groups_ * kMaps * kLanes<T>) {
    for (int i = 0; i < count_; ++i) taps_[i] = static_cast<T>(args.pair.taps[count_ - 1 - i]);
  }

  template <int TAPS>
  void run() {
    const std::int64_t kept = (count_ - 1) * groups_ * kMaps * kLanes<T>, shift = kStrip * groups_ * kMaps * kLanes<T>;
    for (std::int64_t row = windows_.row; row < pixels_.row + pixels_.rows; row += kStrip) {
      std::memmove(spread_.data(), spread_.data() + shift, static_cast<std::size_t>(kept) * sizeof(T));
      const std::int64_t left = windows_.row + windows_.rows - row;
      if (left > 0) {
        find_slopes<TAPS>(row - windows_.row);
        along<TAPS>(spread_.data() + kept, left);
      } else {
        std::memset(spread_.data() + kept, 0, static_cast<std::size_t>(shift) * sizeof(T));
      }
      if (row + kStrip > pixels_.row) down<TAPS>(row);
    }
  }

 private:
  // Those that hold a pixel of the region.
  static SsimRegion windows_of(const SsimPair<T>& pair, const SsimRegion& pixels) {
    const std::int64_t reach = pair.taps_count - 1;
    const std::int64_t row = at_least_0(pixels.row - reach), column = at_least_0(pixels.column - reach);
    return {row, column, smaller(pixels.row + pixels.rows, pair.size.rows - reach) - row,
            smaller(pixels.column + pixels.columns, pair.size.columns - reach) - column};
  }

  template <int TAPS>
  void find_slopes(std::int64_t row) {
    const T grad_ssim = static_cast<T>(args_.grad[2 * plane_]),
            grad_structure = static_cast<T>(args_.grad[2 * plane_ + 1]);
    T* const first = slopes_.data() + (windows_.column - pixels_.column + count_ - 1) * kMaps * kStrip;
    tile_.template strip<TAPS>(row, [&](std::int64_t column, const SsimMoments<V>(&moments)[kTogether]) {
      for (int w = 0; w < kTogether && column + w < windows_.columns; ++w) {
        const SsimSlopes<V> slopes(moments[w], tile_.origin_s, tile_.origin_d, tile_.unit.c1, tile_.unit.c2, grad_ssim,
                                   grad_structure);
        T* const out = first + (column + w) * kMaps * kStrip;
        store(out, slopes.constant);
        store(out + kStrip, slopes.of_s);
        store(out + 2 * kStrip, slopes.of_d);
      }
    });
  }

  // Of the strip's rows, `left` are windows; the others stay without any.
  template <int TAPS>
  void along(T* out, std::int64_t left) {
    for (std::int64_t group = 0; group < groups_; ++group) {
      V columns[kMaps][kLanes<T>];
      for (int first = 0; first < kLanes<T>; first += kTogether) {
        const T* const x = slopes_.data() + (group * kLanes<T> + first) * kMaps * kStrip;
        V sums[kMaps][kTogether] = {};
        window_sums<TAPS>([&](int i, int map) { return load(x + (i * kMaps + map) * kStrip); }, taps_.data(), count_,
                          sums);
        for (int map = 0; map < kMaps; ++map) {
          for (int w = 0; w < kTogether; ++w) columns[map][first + w] = sums[map][w];
        }
      }
      for (int map = 0; map < kMaps; ++map) {
        transpose(columns[map]);
        for (int row = 0; row < kStrip; ++row) {
          store(out + ((row * groups_ + group) * kMaps + map) * kLanes<T>, row < left ? columns[map][row] : V{});
        }
      }
    }
  }

  // Onto the pixels of the strip that begins at `row`.
  template <int TAPS>
  void down(std::int64_t row) {
    const std::int64_t pitch = groups_ * kMaps * kLanes<T>;
    for (std::int64_t group = 0; group < groups_; ++group) {
      for (int first = 0; first < kStrip; first += kTogether) {
        const T* const x = spread_.data() + first * pitch + group * kMaps * kLanes<T>;
        V sums[kMaps][kTogether] = {};
        window_sums<TAPS>([&](int i, int map) { return load(x + i * pitch + map * kLanes<T>); }, taps_.data(), count_,
                          sums);
        for (int w = 0; w < kTogether; ++w) {
          const std::int64_t y = row + first + w;
          if (y < pixels_.row || y >= pixels_.row + pixels_.rows) continue;
          put(y, group * kLanes<T>, sums[0][w], sums[1][w], sums[2][w]);
        }
      }
    }
  }

  void put(std::int64_t y, std::int64_t column, V constant, V of_s, V of_d) {
    const SsimPair<T>& pair = args_.pair;
    T* const out = args_.gradient + (plane_ * pair.size.rows + y) * pair.size.columns + pixels_.column + column;
    const std::int64_t left = smaller(pixels_.columns - column, kLanes<T>);
    const V preds = pixels_at(pair.preds, y, column, left), target = pixels_at(pair.target, y, column, left);
    const V gradient = tile_.gradient(preds, target, constant, of_s, of_d);
    if (left == kLanes<T>) return store(out, gradient);
    for (int lane = 0; lane < left; ++lane) out[lane] = gradient[lane];
  }

  V pixels_at(const Pixels<T>& pixels, std::int64_t y, std::int64_t column, std::int64_t count) const {
    const T* const x = plane_row(args_.pair, pixels, plane_, y) + (pixels_.column + column) * pixels.column;
    if (count == kLanes<T> && pixels.column == 1) return load(x);
    V v = {};
    for (int lane = 0; lane < count; ++lane) v[lane] = x[lane * pixels.column];
    return v;
  }

  const SsimSumsBackwardArgs<T>& args_;
  std::int64_t plane_;
  SsimRegion pixels_;
  int count_;
  SsimRegion windows_;
  SsimTile<T> tile_;
  std::int64_t groups_;  // of columns, as many as there are lanes
  Scratch<T> taps_;      // in reverse
  Scratch<T> slopes_;    // [columns and taps - 1, 3, strip]: of a strip's windows, zeros where there is none
  Scratch<T> spread_;    // [taps - 1 and strip, groups, 3, lanes]: these along the rows, and those of the rows before
};

}  // namespace

template <typename T>
void ssim_sums_backward(const SsimSumsBackwardArgs<T>& args, Context threads) {
  const SsimPair<T>& pair = args.pair;
  const std::int64_t planes = plane_count(pair), rows = pair.size.rows, columns = pair.size.columns;
  const std::int64_t bands = (rows + kTilePixels - 1) / kTilePixels;
  const std::int64_t tiles = (columns + kTilePixels - 1) / kTilePixels;
  const Context team = threads_for(planes * rows * columns, threads);
  parallel_for(planes * bands * tiles, team, [&](std::int64_t i) {
    const SsimPart down(rows, kTilePixels, 16, i / tiles % bands), across(columns, kTilePixels, 16, i % tiles);
    if (down.size == 0 || across.size == 0) return;
    GradientTile<T> tile(args, i / (bands * tiles), {down.begin, across.begin, down.size, across.size});
    with_taps(pair.taps_count, [&](auto taps) { tile.template run<decltype(taps)::value>(); });
  });
}

HYRA_INSTANTIATE(ssim_sums_backward, SsimSumsBackwardArgs)

}  // namespace hyra::HYRA_TARGET
