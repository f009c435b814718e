// The moments of all windows of one tile of two planes, by one block, as on the CPU (csrc/cpu/ssim_tile.hpp): sum and
// difference of the pixels in shared memory, moments down the columns, then moments of these along the rows.
#pragma once

#include "core/ssim.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {

// Windows of a tile, or pixels of one; of R, the type that is computed in. It fits into shared memory with 33 taps, the
// most that the op takes.
template <typename R>
struct SsimTileSize {
  static constexpr int kRows = (sizeof(R) == 4 ? 2 : 1) * kSsimBlockRows,
                       kColumns = (sizeof(R) == 4 ? 2 : 1) * kSsimBlockColumns;
  // Neighbours that one thread takes together; of doubles, two along a row spill on some architectures.
  static constexpr int kDown = 4, kAlong = sizeof(R) == 4 ? 2 : 1;
  HYRA_INLINE static std::int64_t across(std::int64_t columns) { return (columns + kColumns - 1) / kColumns; }
  HYRA_INLINE static std::int64_t count(std::int64_t rows, std::int64_t columns) {
    return (rows + kRows - 1) / kRows * across(columns);
  }
};

// Which tile of which plane a block takes.
template <typename R>
struct SsimPlace {
  std::int64_t plane, row, column;
  __device__ __forceinline__ SsimPlace(std::int64_t rows, std::int64_t columns) {
    using Size = SsimTileSize<R>;
    const std::int64_t tiles = Size::count(rows, columns), across = Size::across(columns);
    const std::int64_t tile = blockIdx.x % tiles;
    plane = blockIdx.x / tiles;
    row = tile / across * Size::kRows;
    column = tile % across * Size::kColumns;
  }
};

// The lowest and the highest number of a block, for all its threads; `scratch` has room for two for each warp.
template <int BLOCK, typename R>
__device__ __forceinline__ void block_extremes(R& low, R& high, R* scratch) {
#pragma unroll
  for (int distance = 16; distance >= 1; distance /= 2) {
    low = min(low, __shfl_down_sync(0xffffffffu, low, distance));
    high = max(high, __shfl_down_sync(0xffffffffu, high, distance));
  }
  if (threadIdx.x % 32 == 0) {
    scratch[threadIdx.x / 32 * 2] = low;
    scratch[threadIdx.x / 32 * 2 + 1] = high;
  }
  __syncthreads();
  low = scratch[0];
  high = scratch[1];
  for (int warp = 1; warp < BLOCK / 32; ++warp) {
    low = min(low, scratch[2 * warp]);
    high = max(high, scratch[2 * warp + 1]);
  }
}

// The number of a range that is closest to 0: see Pivot in csrc/cpu/ssim_tile.hpp.
template <typename R>
__device__ __forceinline__ R closest_to_0(R low, R high) {
  return low > 0 ? low : high < 0 ? high : R(0);
}

template <typename R>
struct SsimPivots {
  R preds, target;
};

template <int BLOCK, int TAPS, typename T>
struct SsimTile {
  using R = SsimReal<T>;
  using Size = SsimTileSize<R>;

  const SsimPair<T>& pair;
  SsimUnit<R> unit;
  int taps, width, height;
  R *weights, *s, *d, *columns;  // shared: [taps], [height, width] twice, [4, kRows, width]: mean, variance of s, of d

  __device__ __forceinline__ SsimTile(const SsimPair<T>& of, R* shared)
      : pair(of), unit(of.constants), taps(static_cast<int>(of.taps_count)) {
    width = Size::kColumns + taps - 1;
    height = Size::kRows + taps - 1;
    weights = shared;
    s = weights + taps;
    d = s + height * width;
    columns = d + height * width;
    for (int i = threadIdx.x; i < taps; i += BLOCK) weights[i] = static_cast<R>(pair.taps[i]);
  }

  static std::size_t shared_bytes(std::int64_t taps) {
    const std::int64_t w = Size::kColumns + taps - 1, h = Size::kRows + taps - 1;
    return static_cast<std::size_t>(taps + 2 * h * w + 4 * Size::kRows * w) * sizeof(R);
  }

  // The pixels that the windows reach, as they are; zeros beyond the plane.
  __device__ __forceinline__ void load(const SsimPlace<R>& place) {
    for (int i = threadIdx.x; i < height * width; i += BLOCK) {
      const std::int64_t y = place.row + i / width, x = place.column + i % width;
      const bool inside = y < pair.size.rows && x < pair.size.columns;
      s[i] = inside ? static_cast<R>(plane_row(pair, pair.preds, place.plane, y)[x * pair.preds.column]) : R(0);
      d[i] = inside ? static_cast<R>(plane_row(pair, pair.target, place.plane, y)[x * pair.target.column]) : R(0);
    }
  }

  // Pivots from the pixels of the tile. Each thread looks at those that it has loaded.
  __device__ __forceinline__ SsimPivots<R> pivots(const SsimPlace<R>& place, R (*scratch)[2 * BLOCK / 32]) const {
    const std::int64_t rows = pair.size.rows - place.row, last = pair.size.columns - place.column;
    R low_preds = s[0], high_preds = s[0], low_target = d[0], high_target = d[0];
    for (int i = threadIdx.x; i < height * width; i += BLOCK) {
      if (i / width >= rows || i % width >= last) continue;
      low_preds = min(low_preds, s[i]);
      high_preds = max(high_preds, s[i]);
      low_target = min(low_target, d[i]);
      high_target = max(high_target, d[i]);
    }
    block_extremes<BLOCK>(low_preds, high_preds, scratch[0]);
    block_extremes<BLOCK>(low_target, high_target, scratch[1]);
    return {closest_to_0(low_preds, high_preds), closest_to_0(low_target, high_target)};
  }

  // Sum and difference in the place of the pixels, then their moments down the columns.
  __device__ __forceinline__ void filter_down(const SsimPivots<R>& pivots) {
    for (int i = threadIdx.x; i < height * width; i += BLOCK) {
      const R u = (s[i] - pivots.preds) * unit.scale, v = (d[i] - pivots.target) * unit.scale;
      s[i] = u + v;
      d[i] = u - v;
    }
    __syncthreads();
    constexpr int kGroups = Size::kRows / Size::kDown;
    for (int i = threadIdx.x; i < 2 * kGroups * width; i += BLOCK) {
      const int column = i % width, row = i / width % kGroups * Size::kDown, map = i / width / kGroups;
      const R* const x = (map == 0 ? s : d) + row * width + column;
      R means[Size::kDown], variances[Size::kDown];
      window_moments<TAPS>([&](int k) { return x[k * width]; }, [](int, R t) { return t * t; }, weights, taps, means,
                           variances);
      R* const out = columns + (2 * map * Size::kRows + row) * width + column;
#pragma unroll
      for (int w = 0; w < Size::kDown; ++w) {
        out[w * width] = means[w];
        out[(Size::kRows + w) * width] = variances[w];
      }
    }
    __syncthreads();
  }

  // Calls sink(row, column, moments) for the windows of this thread, those beyond the last too.
  template <typename Sink>
  __device__ __forceinline__ void filter_along(const Sink& sink) const {
    constexpr int kGroups = Size::kColumns / Size::kAlong;
    for (int i = threadIdx.x; i < Size::kRows * kGroups; i += BLOCK) {
      const int row = i / kGroups, column = i % kGroups * Size::kAlong;
      R means[2][Size::kAlong], variances[2][Size::kAlong];
#pragma unroll
      for (int map = 0; map < 2; ++map) {
        const R* const x = columns + (2 * map * Size::kRows + row) * width + column;
        window_moments<TAPS>([&](int k) { return x[k]; },
                             [&](int k, R t) { return t * t + x[Size::kRows * width + k]; }, weights, taps, means[map],
                             variances[map]);
      }
#pragma unroll
      for (int w = 0; w < Size::kAlong; ++w) {
        sink(row, column + w, SsimMoments<R>{means[0][w], variances[0][w], means[1][w], variances[1][w]});
      }
    }
  }
};

}  // namespace hyra::cuda
