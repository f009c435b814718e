// Sums of the SSIM map and of its contrast-structure factor over each plane.
//   sum_tiles: a block per tile of windows (ssim.cuh). merge_tiles: a block per plane adds its tiles up in a fixed
//   order.
// Work per thread: the moments of 4 windows down a column, of 2 along a row, and a few of both for other threads.
// Shared memory: for 11 taps 26 KB in float32, 18 KB in float64.
// Bytes, with S the size of all planes: at least S. Moved: for 11 taps 2.1 S (float64: 3.7 S), of which the rims of the
// tiles come from L2; and 16 for each tile, written and read once. Loads: a pixel wide, neighbours side by side.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
#include "core/ssim_sums.hpp"
#include "cuda/ssim.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

template <int BLOCK, int TAPS, typename T>
__global__ void __launch_bounds__(BLOCK) sum_tiles(SsimSumsArgs<T> args) {
  using R = SsimReal<T>;
  using Size = SsimTileSize<R>;
  CU_DYN_SHARED(R, shared);
  CU_SHARED(R, extremes, [2][2 * BLOCK / 32]);
  CU_SHARED(double, scratch, [2][BLOCK / 32]);
  const SsimPair<T>& pair = args.pair;
  const std::int64_t down = window_count(pair.size.rows, pair.taps_count);
  const std::int64_t across = window_count(pair.size.columns, pair.taps_count);
  const SsimPlace<R> place(down, across);
  SsimTile<BLOCK, TAPS, T> tile(pair, shared);
  tile.load(place);
  SsimPivots<R> pivots{0, 0};
  if constexpr (std::is_same_v<T, R>) {  // integers have all their digits anyway
    __syncthreads();
    pivots = tile.pivots(place, extremes);
  }
  tile.filter_down(pivots);
  const R origin_s = pivots.preds * tile.unit.scale + pivots.target * tile.unit.scale;
  const R origin_d = (pivots.preds - pivots.target) * tile.unit.scale;
  double ssim = 0, structure = 0;
  tile.filter_along([&](int row, int column, SsimMoments<R> moments) {
    if (place.row + row >= down || place.column + column >= across) return;
    moments.mean_s += origin_s;
    moments.mean_d += origin_d;
    const SsimDeficits<R> deficits(moments, tile.unit.c1, tile.unit.c2);
    ssim += static_cast<double>(deficits.ssim);
    structure += static_cast<double>(deficits.structure);
  });
  ssim = block_sum<BLOCK>(ssim, scratch[0]);
  structure = block_sum<BLOCK>(structure, scratch[1]);
  if (threadIdx.x != 0) return;
  const std::int64_t rows = down - place.row, columns = across - place.column;
  const double windows = static_cast<double>((rows < Size::kRows ? rows : Size::kRows) *
                                             (columns < Size::kColumns ? columns : Size::kColumns));
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x)] = windows - ssim;
  args.partials[2 * static_cast<std::int64_t>(blockIdx.x) + 1] = windows - structure;
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) merge_tiles(SsimSumsArgs<T> args, std::int64_t tiles) {
  CU_SHARED(double, scratch, [2][BLOCK / 32]);
  const double* partials = args.partials + 2 * blockIdx.x * tiles;
  double ssim = 0, structure = 0;
  for (std::int64_t i = threadIdx.x; i < tiles; i += BLOCK) {
    ssim += partials[2 * i];
    structure += partials[2 * i + 1];
  }
  ssim = block_sum<BLOCK>(ssim, scratch[0]);
  structure = block_sum<BLOCK>(structure, scratch[1]);
  if (threadIdx.x != 0) return;
  args.sums[2 * blockIdx.x] = ssim;
  args.sums[2 * blockIdx.x + 1] = structure;
}

}  // namespace

template <typename T>
void ssim_sums(const SsimSumsArgs<T>& args, Context context) {
  const SsimPair<T>& pair = args.pair;
  const std::int64_t tiles = SsimTileSize<SsimReal<T>>::count(window_count(pair.size.rows, pair.taps_count),
                                                              window_count(pair.size.columns, pair.taps_count));
  const std::int64_t planes = plane_count(pair);
  if (planes * tiles == 0) return;
  const cudaStream_t stream = stream_of(context);
  const dim3 blocks(static_cast<unsigned>(planes * tiles)), block(kBlock);
  const std::size_t bytes = SsimTile<kBlock, 0, T>::shared_bytes(pair.taps_count);
  if (pair.taps_count == 11) {
    CU_LAUNCH((sum_tiles<kBlock, 11, T>), blocks, block, bytes, stream, args);
  } else {
    CU_LAUNCH((sum_tiles<kBlock, 0, T>), blocks, block, bytes, stream, args);
  }
  CU_LAUNCH((merge_tiles<kBlock, T>), dim3(static_cast<unsigned>(planes)), block, 0, stream, args, tiles);
}

HYRA_INSTANTIATE_PIXELS(ssim_sums, SsimSumsArgs)

}  // namespace hyra::cuda
