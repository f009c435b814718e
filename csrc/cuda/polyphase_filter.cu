// Convolution of a zero-inserted image with an impulse response. A block computes a tile of LR positions, 32 wide, for
// four of the phases of one output channel. It walks the taps in square chunks: the LR pixels that a chunk meets
// (boundary and all) and the chunk itself go to shared memory, then each thread slides down a column, so that one pixel
// and one quadruple of taps are read for kRows * 4 multiply-adds.
// Work per thread: kRows LR rows x 4 phases. Sums run over channels, then chunks, then taps in a fixed order.
// Shared memory: (32 + kChunk - 1) (kRows BLOCK / 32 + kChunk - 1) pixels and 4 kChunk^2 taps; at most 26 KB.
// Bytes, with I the image and O the output: at least I + O. Moved: O, and I once per group of four phases, of which all
// but the first are served by L2. FLOPs: 2 taps_y taps_x per output element, which bounds the time from 3 x 3 taps on.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Stores: neighbouring threads store neighbouring output pixels, at scales 1 to 3 by way of shared memory, at multiples
// of 4 in 16 bytes (whole sectors of float32 at scale 4). At the others a group of phases ends within an output row:
// pieces of up to four pixels, `scale` apart, which L2 puts together.
#include "core/polyphase_filter.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kColumns = 32, kRows = 4, kPhases = 4, kChunk = 16;

// The phases of a group: as many as a thread takes, or at scale 3, which has as many groups either way, an output
// row's.
HYRA_INLINE int phases_of_group(std::int64_t scale) { return scale == 3 ? 3 : kPhases; }

template <typename T>
struct alignas(kPhases * sizeof(T)) Quad {
  T values[kPhases];
};

// What a block computes; the phase group runs fastest, so that neighbours in time read the same pixels.
struct Tile {
  std::int64_t phase, row, column, channel, item;
};

template <int BLOCK>
struct Tiles {
  static constexpr int kHeight = BLOCK / 32 * kRows;
  std::int64_t scale, groups, across, down, out_channels;

  template <typename T>
  explicit HYRA_INLINE Tiles(const PolyphaseFilterArgs<T>& args)
      : scale(args.scale),
        groups((args.scale * args.scale + phases_of_group(scale) - 1) / phases_of_group(scale)),
        across((args.width + kColumns - 1) / kColumns),
        down((args.height + kHeight - 1) / kHeight),
        out_channels(args.out_channels) {}

  HYRA_INLINE Tile at(std::int64_t block) const {
    Tile tile;
    tile.phase = block % groups * phases_of_group(scale);
    block /= groups;
    tile.column = block % across * kColumns;
    block /= across;
    tile.row = block % down * kHeight;
    block /= down;
    tile.channel = block % out_channels;
    tile.item = block / out_channels;
    return tile;
  }
};

template <typename T>
__device__ __forceinline__ T pixel_at(const PolyphaseFilterArgs<T>& args, const T* plane, std::int64_t row,
                                      std::int64_t column) {
  const std::int64_t i = source_index(args.boundary, row, args.height);
  const std::int64_t k = source_index(args.boundary, column, args.width);
  return i < 0 || k < 0 ? T(0) : plane[i * args.width + k];
}

// The taps of four phases at (uy, ux); zero for the phases beyond the last.
template <typename T>
__device__ __forceinline__ Quad<T> taps_at(const PolyphaseFilterArgs<T>& args, const T* taps, std::int64_t phase,
                                           std::int64_t uy, std::int64_t ux) {
  const std::int64_t phases = args.scale * args.scale;
  Quad<T> quad;
#pragma unroll
  for (int p = 0; p < kPhases; ++p) {
    quad.values[p] = phase + p < phases ? taps[(uy * args.taps_x + ux) * phases + phase + p] : T(0);
  }
  return quad;
}

// Stores the phases of a warp's pixels, whole pieces of SCALE * 32 pixels of an output row each: `staged` has room for
// kPhases * 32 of them.
template <int SCALE, typename T>
__device__ __forceinline__ void store_pieces(const PolyphaseFilterArgs<T>& args, const Tile& tile, std::int64_t row,
                                             const T (&sums)[kPhases], T* plane, T* staged) {
  constexpr int kPiece = kColumns * SCALE, kPieces = SCALE == 2 ? 2 : 1;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int p = 0; p < SCALE * kPieces; ++p) staged[p / SCALE * kPiece + lane * SCALE + p % SCALE] = sums[p];
  __syncwarp();
  const std::int64_t width = args.width * SCALE, left = tile.column * SCALE;
  T* out = plane + (row * SCALE + tile.phase / SCALE) * width + left;
#pragma unroll
  for (int i = 0; i < kPieces * SCALE; ++i) {
    const int k = i % SCALE * 32 + lane;
    if (left + k < width) __stwb(out + i / SCALE * width + k, staged[i / SCALE * kPiece + k]);
  }
  __syncwarp();  // what is staged has been read
}

// Stores the phases of each lane's pixel in this row, for all lanes of a warp.
template <typename T>
__device__ __forceinline__ void store_phases(const PolyphaseFilterArgs<T>& args, const Tile& tile, std::int64_t row,
                                             const T (&sums)[kPhases], T* staged) {
  const std::int64_t width = args.scale * args.width, column = tile.column + threadIdx.x % 32;
  T* plane = args.out + (tile.item * args.out_channels + tile.channel) * args.scale * args.height * width;
  if (args.scale == 1) return store_pieces<1>(args, tile, row, sums, plane, staged);
  if (args.scale == 2) return store_pieces<2>(args, tile, row, sums, plane, staged);
  if (args.scale == 3) return store_pieces<3>(args, tile, row, sums, plane, staged);
  if (column >= args.width) return;
  if (args.scale % kPhases == 0) {
    T* out =
        plane + (row * args.scale + tile.phase / args.scale) * width + column * args.scale + tile.phase % args.scale;
#pragma unroll
    for (int first = 0; first < kPhases; first += kGroup<T>) {
      Group<T> group;
#pragma unroll
      for (int j = 0; j < kGroup<T>; ++j) group.values[j] = sums[first + j];
      store_aligned(out + first, group);
    }
    return;
  }
#pragma unroll
  for (int p = 0; p < kPhases; ++p) {
    const std::int64_t py = (tile.phase + p) / args.scale, px = (tile.phase + p) % args.scale;
    if (py < args.scale) __stwb(plane + (row * args.scale + py) * width + column * args.scale + px, sums[p]);
  }
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK, 2) filter_tile(PolyphaseFilterArgs<T> args) {
  constexpr int kHeight = Tiles<BLOCK>::kHeight, kPixelRows = kHeight + kChunk - 1, kStride = kColumns + kChunk - 1;
  CU_SHARED(T, pixels, [kPixelRows * kStride]);
  CU_SHARED(Quad<T>, taps, [kChunk * kChunk]);
  const Tile tile = Tiles<BLOCK>(args).at(blockIdx.x);
  const int lane = threadIdx.x % 32, first_row = static_cast<int>(threadIdx.x) / 32 * kRows;
  const std::int64_t inputs = args.matrix ? args.in_channels : 1;

  T sums[kRows][kPhases] = {};
  for (std::int64_t input = 0; input < inputs; ++input) {
    const std::int64_t source = tile.item * args.in_channels + (args.matrix ? input : tile.channel);
    const T* plane = args.image + source * args.height * args.width;
    const T* plane_taps =
        args.taps + (tile.channel * inputs + input) * args.scale * args.scale * args.taps_y * args.taps_x;
    for (std::int64_t chunk_y = 0; chunk_y < args.taps_y; chunk_y += kChunk) {
      for (std::int64_t chunk_x = 0; chunk_x < args.taps_x; chunk_x += kChunk) {
        const int rows = static_cast<int>(min(args.taps_y - chunk_y, static_cast<std::int64_t>(kChunk)));
        const int columns = static_cast<int>(min(args.taps_x - chunk_x, static_cast<std::int64_t>(kChunk)));
        __syncthreads();
#pragma unroll 1
        for (int k = threadIdx.x; k < kPixelRows * kStride; k += BLOCK) {
          pixels[k] = pixel_at(args, plane, tile.row + args.first_y + chunk_y + k / kStride,
                               tile.column + args.first_x + chunk_x + k % kStride);
        }
#pragma unroll 1
        for (int k = threadIdx.x; k < rows * columns; k += BLOCK) {
          taps[k] = taps_at(args, plane_taps, tile.phase, chunk_y + k / columns, chunk_x + k % columns);
        }
        __syncthreads();
        for (int ux = 0; ux < columns; ++ux) {
          const T* column = pixels + first_row * kStride + lane + ux;
          T window[kRows];
#pragma unroll
          for (int r = 0; r < kRows - 1; ++r) window[r + 1] = column[r * kStride];
#pragma unroll 4
          for (int uy = 0; uy < rows; ++uy) {
#pragma unroll
            for (int r = 0; r < kRows - 1; ++r) window[r] = window[r + 1];
            window[kRows - 1] = column[(uy + kRows - 1) * kStride];
            const Quad<T> quad = taps[uy * columns + ux];
#pragma unroll
            for (int r = 0; r < kRows; ++r) {
#pragma unroll
              for (int p = 0; p < kPhases; ++p) sums[r][p] += window[r] * quad.values[p];
            }
          }
        }
      }
    }
  }
  static_assert(kPixelRows * kStride >= BLOCK * kPhases, "a warp's share of `pixels` holds what it stages");
  __syncthreads();  // the pixels have been read
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const std::int64_t row = tile.row + first_row + r;
    if (row < args.height) store_phases(args, tile, row, sums[r], pixels + first_row / kRows * kPhases * 32);
  }
}

}  // namespace

template <typename T>
void polyphase_filter(const PolyphaseFilterArgs<T>& args, Context context) {
  const Tiles<kBlock> tiles(args);
  const std::int64_t blocks = tiles.groups * tiles.across * tiles.down * args.out_channels * args.batch;
  if (blocks == 0) return;
  CU_LAUNCH((filter_tile<kBlock, T>), dim3(static_cast<unsigned>(blocks)), dim3(kBlock), 0, stream_of(context), args);
}

HYRA_INSTANTIATE(polyphase_filter, PolyphaseFilterArgs)

}  // namespace hyra::cuda
