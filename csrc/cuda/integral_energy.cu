// Energy of the quadrant integrals from the pixels. A plane is cut into bands of rows and tiles of columns.
//   sum_tiles: a block per tile of a band. A warp takes a few rows together; a lane keeps the sums over the rows of its
//     columns in registers. Those over the columns are added up across the lanes, each step halving what a lane holds.
//   merge: four threads per row add its tiles up, a block for some rows, and form the energy of the row sums; in blocks
//     of their own, a thread per column adds the bands up, all in a fixed order.
//   line_energies (line_energy.cuh), unless the lines are left to a transform; then add_energies or score_images: all
//     that a plane, or an image, has.
// Work per thread: kColumns columns in every (BLOCK / 32)th group of kRows rows. Shared memory: 120 bytes per thread.
// Float pixels are standardised and added up in pairs (pair.cuh) where float64 is slow. A band's factors of its rows
// and columns lie in shared memory as pairs or doubles, in the place that the sums over the warps take afterwards.
// Bytes, with S the size of all planes read: at least S. Moved: S; a target again for each prediction and for itself,
// from L2 where it fits; and twice (written, then read from L2) 40 for each column of a band and 64 or 96 for each row
// of a tile (DIV2K image in float32: 0.25 S written); the tables, from L1.
// Operations per pair of pixels: 16 FP64, or, of float32 in pairs, 172 FP32 and half an FP64.
// Bound: memory on an H100 (FP64 takes 0.4 times as long); on an RTX 4090 memory, with FP32 at half of it, where FP64
// would take 3 times as long as the bytes; on a T4 FP32, at 1.5 times.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads are one pixel wide, up to 12 or 24 in flight: lanes side by side, so that all columns of a lane have one
// parity. Of neighbouring columns, which would be 16 bytes wide, twice as many sums would cross the lanes.
// Planes lie side by side, rows too (_sums in python/hyra/ops/integral_energy.py): strides of both images would take
// more registers than there are.
#include "core/integral_energy.hpp"
#include "cuda/block.cuh"
#include "cuda/integral_tables.cuh"
#include "cuda/line_energy.cuh"
#include "cuda/pair.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);
constexpr int kMergeBlock = HYRA_BLOCK(128);
constexpr int kTile = kTileColumns;
constexpr int kColumns = kTile / 32;  // of a lane, 32 apart
constexpr int kRows = 4;              // taken together, of which the first is even
constexpr int kShares = 4;            // threads that add up the tiles of one row
static_assert(kTile % 32 == 0, "a tile is an equal share for every lane");

// The workspace of a plane: [bands, 1 + kSums * columns] as on a CPU, but that the first number is free; then [tiles,
// rows, 2 + 2 * features], a row's weighted squares and sums of features, in even and in odd columns each; then the
// energies of every kMergedRows rows; then, at an even number, that of line_energies, which ends with the energies
// [kLines].
template <typename T>
struct Workspace {
  double *bands, *rows, *row_energies, *line_energies;
  std::int64_t band_stride;

  __device__ __forceinline__ Workspace(const IntegralEnergyArgs<T>& args, std::int64_t plane)
      : bands(args.partials + plane * args.workspace), band_stride(1 + kSums * args.form.columns) {
    rows = bands + args.bands * band_stride;
    row_energies = rows + args.tiles * args.form.rows * (2 + 2 * args.form.features);
    line_energies = bands + args.workspace - kLines;
  }
};

// A pixel less the mean, times 1 / std. In pairs less the float nearest to the mean, which leaves `rest` to subtract: a
// pair holds a deviation to more digits than a mean that may be large beside it.
template <typename Real>
struct Standardization {
  using Center = std::conditional_t<std::is_same_v<Real, Pair>, float, double>;
  Center center = 0;
  Real slope = Real();
  double rest = 0;

  Standardization() = default;
  __device__ __forceinline__ Standardization(const double* moments, double sign) {
    center = static_cast<Center>(moments[0]);
    slope = real_of<Real>(sign / moments[1]);
    rest = (moments[0] - static_cast<double>(center)) * sign / moments[1];
  }
  template <typename T>
  __device__ __forceinline__ Real operator()(T pixel) const {
    if constexpr (std::is_same_v<Real, Pair>) {
      return difference_of(pixel, center) * slope;
    } else {
      return __dmul_rn(static_cast<double>(pixel) - center, slope);
    }
  }
};

// The standardised pixels of one plane: those of a difference or, after all of these, of a target by itself, which is
// subtracted from 0 with the other sign. Equal pixels give exactly 0: no product is fused with the subtraction, which
// would round one of the two and not the other.
template <typename Real, typename T>
struct Standardized {
  const T *preds = nullptr, *target;
  Standardization<Real> of_preds, of_target;
  Real rest;

  __device__ __forceinline__ Standardized(const IntegralEnergyArgs<T>& args, std::int64_t plane) {
    const std::int64_t size = args.form.rows * args.form.columns;
    const bool alone = plane >= args.planes;
    const std::int64_t target_plane = alone ? plane - args.planes : plane % args.targets;
    target = args.target.data + target_plane * size;
    of_target = Standardization<Real>(target_moments_of(args, target_plane), alone ? -1 : 1);
    if (!alone) {
      preds = args.preds.data + plane * size;
      of_preds = Standardization<Real>(preds_moments_of(args, plane), 1);
    }
    rest = real_of<Real>(of_preds.rest - of_target.rest);
  }
  __device__ __forceinline__ Real at(std::int64_t i) const {
    const Real t = of_target(target[i]), z = preds == nullptr ? -t : of_preds(preds[i]) - t;
    if constexpr (std::is_same_v<Real, Pair>) return z - rest;
    return z;
  }
};

// Adds the values up over two lanes that differ in the bit `distance`: of the first `count` values the lower lane keeps
// the first half, the upper one the second, as their first count / 2.
template <typename Real>
__device__ __forceinline__ void halve(Real* values, int count, int distance) {
  const bool upper = threadIdx.x & distance;
#pragma unroll
  for (int i = 0; i < count / 2; ++i) {
    const Real low = values[i], high = values[i + count / 2];
    values[i] = (upper ? high : low) + shuffle_xor(upper ? low : high, distance);
  }
}

template <int BLOCK, int FEATURES, typename Real, typename T>
__global__ void __launch_bounds__(BLOCK) sum_tiles(IntegralEnergyArgs<T> args) {
  constexpr int kWarps = BLOCK / 32, kValues = 1 + FEATURES;  // of a row
  CU_SHARED(Real, shared, [kWarps * kSums * kTile]);
  static_assert(kWarps * kSums * kTile >= kValues * kTile + 2 * kBandRows, "the factors lie where the sums do later");
  Real* const column_factors = shared;                 // [kValues][kTile]: the weights, then the features
  Real* const row_factors = shared + kValues * kTile;  // [kBandRows][2]: cot, and (-1)^y cot^2
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const std::int64_t rows = args.form.rows, columns = args.form.columns;
  const std::int64_t tile = blockIdx.x % args.tiles, band = blockIdx.x / args.tiles % args.bands;
  const std::int64_t plane = blockIdx.x / args.tiles / args.bands;
  const std::int64_t top = band * kBandRows, left = tile * kTile;
  const int height = static_cast<int>(top + kBandRows < rows ? kBandRows : rows - top);
  const int width = static_cast<int>(left + kTile < columns ? kTile : columns - left);
  const Workspace<T> workspace(args, plane);
  const Standardized<Real, T> pixels(args, plane);
  double* const row_values = workspace.rows + (tile * rows + top) * 2 * kValues;

  for (int i = threadIdx.x; i < kValues * kTile; i += BLOCK) {
    const double* const factors = column_weights(args.form) + i / kTile * columns + left;  // the features follow them
    column_factors[i] = real_of<Real>(i % kTile < width ? factors[i % kTile] : 0);
  }
  for (int y = threadIdx.x; y < kBandRows; y += BLOCK) {
    const double cot = y < height ? cotangents(args.form)[top + y] : 0;
    row_factors[2 * y] = real_of<Real>(cot);
    row_factors[2 * y + 1] = real_of<Real>(signed_square(cot, y));
  }
  __syncthreads();

  Real sums[kSums][kColumns] = {};
  for (int step = 0; step < height; step += kWarps * kRows) {
    const int y = step + warp * kRows;
    Real z[kRows][kColumns];
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const bool inside = y + r < height && lane + 32 * j < width;
        z[r][j] = inside ? pixels.at((top + y + r) * columns + left + lane + 32 * j) : Real();
      }
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const Real cot = row_factors[2 * (y + r)], square = row_factors[2 * (y + r) + 1];
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        accumulate(sums[r % 2 * 2][j], z[r][j]);
        accumulate_product(sums[r % 2 * 2 + 1][j], cot, z[r][j]);
        accumulate_product(sums[4][j], square, z[r][j]);
      }
    }
    const auto sum_pair = [&](int pair, const auto& first_term) {
      Real values[kRows * 2] = {};
#pragma unroll
      for (int i = 0; i < kColumns; ++i) {
        const Real* const factors = column_factors + pair * kTile + lane + 32 * i;
        const Real first = factors[0], second = factors[kTile];
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
          accumulate_product(values[2 * r], first_term(first, z[r][i]), z[r][i]);
          accumulate_product(values[2 * r + 1], second, z[r][i]);
        }
      }
      halve(values, 8, 16);
      halve(values, 4, 8);
      halve(values, 2, 4);
      const Real value = values[0] + shuffle_xor(values[0], 2);
      const int row = y + lane / 8, index = 2 * (pair + lane / 4 % 2) + lane % 2;
      if (lane % 4 < 2 && row < height) row_values[row * 2 * kValues + index] = to_double(value);
    };
    sum_pair(0, [](Real weight, Real pixel) { return weight * pixel; });
#pragma unroll 1  // unrolled, it costs so many registers that half as many blocks fit
    for (int pair = 2; pair < kValues; pair += 2) {
      sum_pair(pair, [](Real feature, Real) { return feature; });
    }
  }

  __syncthreads();  // the factors have been read
#pragma unroll
  for (int s = 0; s < kSums; ++s) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) shared[(warp * kSums + s) * kTile + lane + 32 * j] = sums[s][j];
  }
  __syncthreads();
  double* const out = workspace.bands + band * workspace.band_stride + 1 + left;
  for (int i = threadIdx.x; i < kSums * kTile; i += BLOCK) {
    const int s = i / kTile, k = i % kTile;
    Real sum = shared[i];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) sum = sum + shared[w * kSums * kTile + i];
    if (k < width) out[s * columns + k] = to_double(sum);
  }
}

inline std::int64_t row_blocks(const IntegralForm& form) { return (form.rows + kMergedRows - 1) / kMergedRows; }

// A row's threads load neighbouring numbers of a tile, several tiles in flight; then each takes some entries of the
// form.
template <int BLOCK, int FEATURES, typename T>
__device__ __forceinline__ void merge_rows(const IntegralEnergyArgs<T>& args, std::int64_t block, std::int64_t blocks) {
  constexpr int kRowSums = 1 + 2 * FEATURES, kValues = 1 + kRowSums, kTogether = BLOCK / kShares;
  static_assert(kValues % kShares == 0 && kValues / kShares >= 2, "a thread has an equal share, one both squares");
  CU_SHARED(double, shared, [kTogether][kValues]);
  CU_SHARED(double, scratch, [BLOCK / 32]);
  const std::int64_t rows = args.form.rows, plane = block / blocks, begin = block % blocks * kMergedRows;
  const int share = threadIdx.x % kShares, first = share * (kValues / kShares);
  const Workspace<T> workspace(args, plane);
  double* const values = shared[threadIdx.x / kShares];  // of a row: its squares, then its sums, the first pixel first
  double energy = 0;
  for (int step = 0; step < kMergedRows; step += kTogether) {  // once
    const std::int64_t y = begin + step + threadIdx.x / kShares;
    if (y < rows) {
      double own[kValues / kShares] = {};
#pragma unroll 4
      for (std::int64_t tile = 0; tile < args.tiles; ++tile) {
        const double* const partial = workspace.rows + (tile * rows + y) * kValues + first;
#pragma unroll
        for (int i = 0; i < kValues / kShares; ++i) own[i] += partial[i];
      }
      if (share == 0) {
        own[0] += own[1];
        own[1] = Standardized<double, T>(args, plane).at(y * args.form.columns);
      }
#pragma unroll
      for (int i = 0; i < kValues / kShares; ++i) values[first + i] = own[i];
    }
    __syncwarp();
    if (y < rows) {
      const double* const sums = values + 1;
      double part = share == 0 ? values[0] : 0;
      for (int i = share; i < kRowSums; i += kShares) {
        part += coupled_sum<FEATURES>(coupling(args.form), sums, i) * sums[i];
        if (args.row_sums != nullptr) args.row_sums[(plane * rows + y) * kRowSums + i] = sums[i];
      }
      energy += row_weights(args.form)[y] * part;
    }
    __syncwarp();  // the row's values have been read
  }
  energy = block_sum<BLOCK>(energy, scratch);
  if (threadIdx.x == 0) workspace.row_energies[block % blocks] = energy;
}

template <int BLOCK, typename T>
__device__ __forceinline__ void merge_bands(const IntegralEnergyArgs<T>& args, std::int64_t block,
                                            std::int64_t blocks) {
  const std::int64_t plane = block / blocks, k = block % blocks * BLOCK + threadIdx.x;
  if (k >= args.form.columns) return;
  const Workspace<T> workspace(args, plane);
  double sums[kSums] = {};
#pragma unroll 4
  for (std::int64_t band = 0; band < args.bands; ++band) {
    const double* const partial = workspace.bands + band * workspace.band_stride;
#pragma unroll
    for (int i = 0; i < kSums; ++i) sums[i] += partial[1 + i * args.form.columns + k];
  }
  write_column(args, plane, k, Standardized<double, T>(args, plane).at(k), sums);
}

// A thousand threads to a multiprocessor: ptxas would rather have more on some, and spill.
template <int BLOCK, int FEATURES, typename T>
__global__ void __launch_bounds__(BLOCK, 8)
    merge(IntegralEnergyArgs<T> args, std::int64_t planes, std::int64_t of_rows, std::int64_t of_columns) {
  if (blockIdx.x < planes * of_rows) {
    merge_rows<BLOCK, FEATURES>(args, blockIdx.x, of_rows);
  } else {
    merge_bands<BLOCK>(args, blockIdx.x - planes * of_rows, of_columns);
  }
}

// A lane's share of the energy of a plane.
template <typename T>
__device__ __forceinline__ double share_of_energy(const IntegralEnergyArgs<T>& args, std::int64_t plane,
                                                  std::int64_t blocks) {
  const Workspace<T> workspace(args, plane);
  double energy = 0;
  for (std::int64_t i = threadIdx.x; i < blocks; i += 32) energy += workspace.row_energies[i];
  if (args.with_lines && threadIdx.x < kLines) {
    energy += line_weights(args.form)[threadIdx.x] * workspace.line_energies[threadIdx.x];
  }
  return energy;
}

// A warp per plane.
template <typename T>
__global__ void __launch_bounds__(32) add_energies(IntegralEnergyArgs<T> args, std::int64_t blocks) {
  CU_SHARED(double, scratch, [1]);
  const double energy = block_sum<32>(share_of_energy(args, blockIdx.x, blocks), scratch);
  if (threadIdx.x == 0) args.energy[blockIdx.x] = energy;
}

// A warp per image.
template <typename T>
__global__ void __launch_bounds__(32) score_images(IntegralEnergyArgs<T> args, std::int64_t blocks) {
  CU_SHARED(double, scratch, [2]);
  const std::int64_t channels = args.preds_channels, first = blockIdx.x * channels;
  double difference = 0, reference = 0;
  for (std::int64_t c = 0; c < channels; ++c) {
    difference += share_of_energy(args, first + c, blocks);
    reference += share_of_energy(args, args.planes + first + c, blocks);
  }
  difference = block_sum<32>(difference, scratch);
  reference = block_sum<32>(reference, scratch + 1);
  if (threadIdx.x != 0) return;
  const double score = -10 * log10(difference / reference);
  if (args.scores.single) {
    static_cast<float*>(args.scores.data)[blockIdx.x] = static_cast<float>(score);
  } else {
    static_cast<double*>(args.scores.data)[blockIdx.x] = score;
  }
}

template <int FEATURES, typename T>
void add_up(const IntegralEnergyArgs<T>& args, std::int64_t planes, cudaStream_t stream) {
  const auto grid = [&](std::int64_t blocks) { return dim3(static_cast<unsigned>(planes * blocks)); };
  const std::int64_t of_columns = (args.form.columns + kMergeBlock - 1) / kMergeBlock, of_rows = row_blocks(args.form);
  make_tables<kMergeBlock>(args.form, stream);
  with_reals<T>([&](auto real) {
    CU_LAUNCH((sum_tiles<kBlock, FEATURES, decltype(real), T>), grid(args.bands * args.tiles), dim3(kBlock), 0, stream,
              args);
  });
  CU_LAUNCH((merge<kMergeBlock, FEATURES, T>), grid(of_rows + of_columns), dim3(kMergeBlock), 0, stream, args, planes,
            of_rows, of_columns);
  if (args.energy == nullptr && args.scores.data == nullptr) return;
  if (args.with_lines) {
    double* const matrices = args.partials + args.workspace - kLines * (2 * args.form.columns + 1);
    const Line line = line_of(args.form.columns, twiddles(args.form));
    CU_LAUNCH((line_energies<kBlock, kLines>), grid(kLines), dim3(kBlock), 0, stream, line, args.column_sums, matrices,
              args.workspace);
  }
  if (args.scores.data != nullptr) {
    const dim3 images(static_cast<unsigned>(args.planes / args.preds_channels));
    CU_LAUNCH((score_images<T>), images, dim3(32), 0, stream, args, of_rows);
  } else {
    CU_LAUNCH((add_energies<T>), grid(1), dim3(32), 0, stream, args, of_rows);
  }
}

}  // namespace

template <typename T>
void integral_energy(const IntegralEnergyArgs<T>& args, Context context) {
  const std::int64_t planes = args.planes + (args.with_target ? args.targets : 0);
  if (planes == 0) return;
  const cudaStream_t stream = stream_of(context);
  args.form.features == 3 ? add_up<3>(args, planes, stream) : add_up<5>(args, planes, stream);
}

HYRA_INSTANTIATE_PIXELS(integral_energy, IntegralEnergyArgs)

}  // namespace hyra::cuda
