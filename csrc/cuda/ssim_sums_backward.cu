// Gradient of the sums of SSIM with respect to the first plane.
//   find_slopes: a block per tile of windows (ssim.cuh) writes what each window gives to its pixels, three numbers.
//   spread_slopes: a block per tile of pixels adds up what their windows give, one map after the other.
// The pivots are a plane's first pixels, the same for all of its tiles.
// Shared memory: for 11 taps 26 KB in float32 and 18 KB in float64, then 10 and 6 KB.
// Bytes, with S the size of a plane: at least 3 S. Moved: for 11 taps 2.1 S (float64: 3.7 S), then 3 S written and,
// with the rims of the tiles, which come from L2, 6.2 S read, 2 S read and S written.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
#include "core/ssim_sums_backward.hpp"
#include "cuda/ssim.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kMaps = 3;

template <typename T>
__device__ __forceinline__ SsimPivots<T> first_pixels(const SsimPair<T>& pair, std::int64_t plane) {
  return {*plane_row(pair, pair.preds, plane, 0), *plane_row(pair, pair.target, plane, 0)};
}

template <int BLOCK, int TAPS, typename T>
__global__ void __launch_bounds__(BLOCK) find_slopes(SsimSumsBackwardArgs<T> args) {
  CU_DYN_SHARED(T, shared);
  const SsimPair<T>& pair = args.pair;
  const std::int64_t down = window_count(pair.size.rows, pair.taps_count);
  const std::int64_t across = window_count(pair.size.columns, pair.taps_count);
  const SsimPlace<T> place(down, across);
  SsimTile<BLOCK, TAPS, T> tile(pair, shared);
  tile.load(place);
  const SsimPivots<T> pivots = first_pixels(pair, place.plane);
  tile.filter_down(pivots);
  const T origin_s = pivots.preds * tile.unit.scale + pivots.target * tile.unit.scale;
  const T origin_d = (pivots.preds - pivots.target) * tile.unit.scale;
  const T grad_ssim = static_cast<T>(args.grad[2 * place.plane]);
  const T grad_structure = static_cast<T>(args.grad[2 * place.plane + 1]);
  T* const maps = args.maps + place.plane * kMaps * down * across;
  tile.filter_along([&](int row, int column, const SsimMoments<T>& moments) {
    if (place.row + row >= down || place.column + column >= across) return;
    const SsimSlopes<T> slopes(moments, origin_s, origin_d, tile.unit.c1, tile.unit.c2, grad_ssim, grad_structure);
    T* const out = maps + (place.row + row) * across + place.column + column;
    out[0] = slopes.constant;
    out[down * across] = slopes.of_s;
    out[2 * down * across] = slopes.of_d;
  });
}

template <int BLOCK, int TAPS, typename T>
__global__ void __launch_bounds__(BLOCK) spread_slopes(SsimSumsBackwardArgs<T> args) {
  using Size = SsimTileSize<T>;
  constexpr int kGroups = Size::kColumns / Size::kAlong, kParts = (Size::kRows * kGroups + BLOCK - 1) / BLOCK;
  CU_DYN_SHARED(T, shared);
  const SsimPair<T>& pair = args.pair;
  const int taps = static_cast<int>(pair.taps_count), width = Size::kColumns + taps - 1;
  const int height = Size::kRows + taps - 1;
  T *const weights = shared, *const map = weights + taps, *const columns = map + height * width;
  const std::int64_t down = window_count(pair.size.rows, taps), across = window_count(pair.size.columns, taps);
  const SsimPlace<T> place(pair.size.rows, pair.size.columns);
  for (int i = threadIdx.x; i < taps; i += BLOCK) weights[i] = static_cast<T>(pair.taps[taps - 1 - i]);
  T sums[kParts][kMaps][Size::kAlong] = {};
#pragma unroll
  for (int m = 0; m < kMaps; ++m) {
    const T* const slopes = args.maps + (place.plane * kMaps + m) * down * across;
    for (int i = threadIdx.x; i < height * width; i += BLOCK) {
      const std::int64_t y = place.row + i / width - (taps - 1), x = place.column + i % width - (taps - 1);
      map[i] = y >= 0 && y < down && x >= 0 && x < across ? slopes[y * across + x] : T(0);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < Size::kRows / Size::kDown * width; i += BLOCK) {
      const int row = i / width * Size::kDown, column = i % width;
      T spread[1][Size::kDown] = {};
      window_sums<TAPS>([&](int k, int) { return map[(row + k) * width + column]; }, weights, taps, spread);
#pragma unroll
      for (int w = 0; w < Size::kDown; ++w) columns[(row + w) * width + column] = spread[0][w];
    }
    __syncthreads();
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const int i = threadIdx.x + part * BLOCK, row = i / kGroups, column = i % kGroups * Size::kAlong;
      if (row >= Size::kRows) continue;
      T spread[1][Size::kAlong] = {};
      window_sums<TAPS>([&](int k, int) { return columns[row * width + column + k]; }, weights, taps, spread);
#pragma unroll
      for (int w = 0; w < Size::kAlong; ++w) sums[part][m][w] = spread[0][w];
    }
  }
  const SsimPivots<T> pivots = first_pixels(pair, place.plane);
  const SsimUnit<T> unit(pair.constants);
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    const int i = threadIdx.x + part * BLOCK, row = i / kGroups;
    if (row >= Size::kRows) continue;
#pragma unroll
    for (int w = 0; w < Size::kAlong; ++w) {
      const std::int64_t y = place.row + row, x = place.column + i % kGroups * Size::kAlong + w;
      if (y >= pair.size.rows || x >= pair.size.columns) continue;
      const T a = plane_row(pair, pair.preds, place.plane, y)[x * pair.preds.column];
      const T b = plane_row(pair, pair.target, place.plane, y)[x * pair.target.column];
      const T u = (a - pivots.preds) * unit.scale, v = (b - pivots.target) * unit.scale;
      const T gradient = sums[part][0][w] + (u + v) * sums[part][1][w] + (u - v) * sums[part][2][w];
      args.gradient[(place.plane * pair.size.rows + y) * pair.size.columns + x] = gradient * unit.scale;
    }
  }
}

template <int TAPS, typename T>
void run(const SsimSumsBackwardArgs<T>& args, std::int64_t planes, std::int64_t tiles, cudaStream_t stream) {
  using Size = SsimTileSize<T>;
  const SsimPair<T>& pair = args.pair;
  const std::int64_t taps = pair.taps_count, width = Size::kColumns + taps - 1, height = Size::kRows + taps - 1;
  const std::size_t bytes = static_cast<std::size_t>(taps + (height + Size::kRows) * width) * sizeof(T);
  const dim3 windows(static_cast<unsigned>(planes * tiles)), block(kBlock);
  const dim3 pixels(static_cast<unsigned>(planes * Size::count(pair.size.rows, pair.size.columns)));
  CU_LAUNCH((find_slopes<kBlock, TAPS, T>), windows, block, (SsimTile<kBlock, TAPS, T>::shared_bytes(taps)), stream,
            args);
  CU_LAUNCH((spread_slopes<kBlock, TAPS, T>), pixels, block, bytes, stream, args);
}

}  // namespace

template <typename T>
void ssim_sums_backward(const SsimSumsBackwardArgs<T>& args, Context context) {
  const SsimPair<T>& pair = args.pair;
  const std::int64_t tiles = SsimTileSize<T>::count(window_count(pair.size.rows, pair.taps_count),
                                                    window_count(pair.size.columns, pair.taps_count));
  const std::int64_t planes = plane_count(pair);
  if (planes * tiles == 0) return;
  pair.taps_count == 11 ? run<11>(args, planes, tiles, stream_of(context))
                        : run<0>(args, planes, tiles, stream_of(context));
}

HYRA_INSTANTIATE(ssim_sums_backward, SsimSumsBackwardArgs)

}  // namespace hyra::cuda
