// A chunk is a band of LR rows of one output channel. Its LR pixels are gathered once, boundary and all, into a scratch
// that stays in the cache. A tile then keeps P phases x R LR rows x kVectors vectors of LR columns in registers: each
// vector that is loaded meets P taps and each tap that is broadcast meets R * kVectors vectors. Four phases at a time,
// whichever output rows they belong to; an odd scale leaves one over.
#include "core/polyphase_filter.hpp"

#include "cpu/parallel.hpp"
#include "cpu/scratch.hpp"
#include "cpu/vector.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr std::int64_t kBandRows = 24;              // a multiple of every tile_rows
constexpr int kVectors = kRegisters >= 32 ? 2 : 1;  // 24 or 12 accumulators, and registers left for what they meet

template <typename T>
constexpr int kColumns = kVectors * kLanes<T>;

constexpr int tile_rows(int phases) { return phases == 4 ? 3 : 6; }

// The extended LR rows of a band, `stride` apart; what the last tile reads beyond them is zero.
template <typename T>
struct Band {
  const T* rows;
  std::int64_t stride, height;
};

template <typename T>
void gather(const PolyphaseFilterArgs<T>& args, const T* plane, std::int64_t first_row, std::int64_t rows, T* out,
            std::int64_t stride) {
  // Columns inside the image are copied as they are, the few beyond it one by one.
  const std::int64_t columns = args.width + args.taps_x - 1;
  std::int64_t left = -args.first_x, right = args.width - args.first_x;
  left = left < 0 ? 0 : left > columns ? columns : left;
  right = right < left ? left : right > columns ? columns : right;
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t row = source_index(args.boundary, first_row + args.first_y + i, args.height);
    if (row < 0) continue;
    const T* x = plane + row * args.width;
    T* y = out + i * stride;
    const auto put = [&](std::int64_t k) {
      const std::int64_t column = source_index(args.boundary, k + args.first_x, args.width);
      y[k] = column < 0 ? T(0) : x[column];
    };
    for (std::int64_t k = 0; k < left; ++k) put(k);
    std::memcpy(y + left, x + left + args.first_x, static_cast<std::size_t>(right - left) * sizeof(T));
    for (std::int64_t k = right; k < columns; ++k) put(k);
  }
}

// Columns of N neighbouring phases to one output row; adds to what is there unless `first`.
template <int N, typename T>
void put_phases(const T* columns, std::int64_t stride, std::int64_t width, bool first, T* out, std::int64_t scale) {
  for (std::int64_t k = 0; k < width; ++k, columns += stride, out += scale) {
    for (int p = 0; p < N; ++p) out[p] = first ? columns[p] : out[p] + columns[p];
  }
}

// P phases of one LR row to the output rows that they belong to; `out` is the LR row's first output row.
template <int P, typename T>
void put_row(const T (&values)[P][kColumns<T>], std::int64_t width, std::int64_t phase, std::int64_t column, bool first,
             T* out, const PolyphaseFilterArgs<T>& args) {
  T columns[kColumns<T>][P];
  for (int k = 0; k < kColumns<T>; ++k) {
    for (int p = 0; p < P; ++p) columns[k][p] = values[p][k];
  }
  for (int p = 0; p < P;) {
    const std::int64_t py = (phase + p) / args.scale, px = (phase + p) % args.scale;
    const std::int64_t left = args.scale - px < P - p ? args.scale - px : P - p;
    T* row = out + (py * args.width + column) * args.scale + px;
    if (left == 4) {
      put_phases<4>(&columns[0][p], P, width, first, row, args.scale);
      p += 4;
    } else if (left >= 2) {
      put_phases<2>(&columns[0][p], P, width, first, row, args.scale);
      p += 2;
    } else {
      put_phases<1>(&columns[0][p], P, width, first, row, args.scale);
      p += 1;
    }
  }
}

template <int P, typename T>
void filter_tile(const T* x, std::int64_t stride, const T* taps, const PolyphaseFilterArgs<T>& args,
                 T (*values)[P][kColumns<T>]) {
  constexpr int R = tile_rows(P);
  const std::int64_t phases = args.scale * args.scale;
  Vec<T> sums[R][P][kVectors] = {};
  for (std::int64_t uy = 0; uy < args.taps_y; ++uy, x += stride) {
    for (std::int64_t ux = 0; ux < args.taps_x; ++ux, taps += phases) {
      for (int r = 0; r < R; ++r) {
        for (int v = 0; v < kVectors; ++v) {
          const Vec<T> pixels = in_register(load(x + r * stride + ux + v * kLanes<T>));
          for (int p = 0; p < P; ++p) sums[r][p][v] += pixels * taps[p];
        }
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int p = 0; p < P; ++p) {
      for (int v = 0; v < kVectors; ++v) store(values[r][p] + v * kLanes<T>, sums[r][p][v]);
    }
  }
}

// P phases from `phase` on of a whole band; `out` is its first output row.
template <int P, typename T>
void filter_phases(const Band<T>& band, const T* taps, const PolyphaseFilterArgs<T>& args, std::int64_t phase,
                   bool first, T* out) {
  constexpr int R = tile_rows(P);
  for (std::int64_t row = 0; row < band.height; row += R) {
    for (std::int64_t column = 0; column < args.width; column += kColumns<T>) {
      T values[R][P][kColumns<T>];
      filter_tile<P>(band.rows + row * band.stride + column, band.stride, taps + phase, args, values);
      const std::int64_t width = args.width - column < kColumns<T> ? args.width - column : kColumns<T>;
      for (int r = 0; r < R && row + r < band.height; ++r) {
        put_row<P>(values[r], width, phase, column, first, out + (row + r) * args.scale * args.scale * args.width,
                   args);
      }
    }
  }
}

}  // namespace

template <typename T>
void polyphase_filter(const PolyphaseFilterArgs<T>& args, Context threads) {
  const std::int64_t bands = (args.height + kBandRows - 1) / kBandRows;
  const std::int64_t stride = args.width + args.taps_x - 1 + kColumns<T>;
  const std::int64_t phases = args.scale * args.scale, taps_size = phases * args.taps_y * args.taps_x;
  parallel_for(args.batch * args.out_channels * bands, threads, [&](std::int64_t chunk) {
    const std::int64_t first_row = chunk % bands * kBandRows, channel = chunk / bands % args.out_channels;
    const std::int64_t item = chunk / bands / args.out_channels;
    const std::int64_t height = args.height - first_row < kBandRows ? args.height - first_row : kBandRows;
    Scratch<T> scratch((kBandRows + args.taps_y - 1) * stride);
    const Band<T> band{scratch.data(), stride, height};
    T* out = args.out +
             ((item * args.out_channels + channel) * args.height + first_row) * args.width * args.scale * args.scale;
    const std::int64_t inputs = args.matrix ? args.in_channels : 1;
    for (std::int64_t i = 0; i < inputs; ++i) {
      const std::int64_t source = item * args.in_channels + (args.matrix ? i : channel);
      gather(args, args.image + source * args.height * args.width, first_row, height + args.taps_y - 1, scratch.data(),
             stride);
      const T* taps = args.taps + (channel * inputs + i) * taps_size;
      std::int64_t phase = 0;
      for (; phase + 4 <= phases; phase += 4) filter_phases<4>(band, taps, args, phase, i == 0, out);
      for (; phase < phases; ++phase) filter_phases<1>(band, taps, args, phase, i == 0, out);
    }
  });
}

HYRA_INSTANTIATE(polyphase_filter, PolyphaseFilterArgs)

}  // namespace hyra::HYRA_TARGET
