// Gradient of the energy of the quadrant integrals: a pixel times a weight, plus what the sums over its row and over
// its column give. A block takes a tile of columns in a band of rows: first a thread per row forms the row's factors in
// shared memory; then each warp walks down rows of one parity, and a lane keeps the factors of its columns in
// registers. Work per thread: 16 bytes of columns in every (BLOCK / 32)th row of a band. Shared memory: 4 or 6 KiB.
// Bytes, with S the size of the planes: at least 2 S. Moved: 2 S; from L2 for each tile of a band its row sums, column
// factors and tables (DIV2K image in float32: 0.4 S).
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
// Loads and stores: 16 bytes wide, four loads in flight; single pixels where a row starts at no multiple of 16 bytes.
#include "core/integral_energy_backward.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(128);
constexpr std::int64_t kBand = 64;  // rows
constexpr int kInFlight = 4;

template <typename T>
constexpr std::int64_t kTile = 32 * kGroup<T>;  // columns

// What a column has in the rows of one parity.
template <int FEATURES>
struct Column {
  double weight, features[FEATURES], first, plain, cot, square;

  Column() = default;
  template <typename T>
  __device__ __forceinline__ Column(const IntegralEnergyBackwardArgs<T>& args, std::int64_t plane, std::int64_t k,
                                    bool odd_rows) {
    const ColumnFactors factors(args, plane, k);
    weight = column_weights(args.form)[k];
#pragma unroll
    for (int f = 0; f < FEATURES; ++f) features[f] = hyra::cuda::features(args.form)[f * args.form.columns + k];
    first = factors.first;
    plain = odd_rows ? factors.plain[1] : factors.plain[0];
    cot = odd_rows ? factors.cot[1] : factors.cot[0];
    square = factors.square;
  }
};

template <int BLOCK, int FEATURES, typename T>
__global__ void __launch_bounds__(BLOCK) write_gradient(IntegralEnergyBackwardArgs<T> args, std::int64_t tiles) {
  constexpr int kWarps = BLOCK / 32, kRowSums = 1 + 2 * FEATURES;
  static_assert(kWarps % 2 == 0, "a warp keeps to one parity");
  CU_SHARED(double, row_factors, [kBand][kRowSums]);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const std::int64_t rows = args.form.rows, columns = args.form.columns, bands = (rows + kBand - 1) / kBand;
  const std::int64_t left = blockIdx.x % tiles * kTile<T> + lane * kGroup<T>, top = blockIdx.x / tiles % bands * kBand;
  const std::int64_t plane = blockIdx.x / tiles / bands, first = (plane * rows + top) * columns + left;
  const int height = static_cast<int>(top + kBand < rows ? kBand : rows - top);

  for (int i = threadIdx.x; i < height * kRowSums; i += BLOCK) {
    const double* const sums = args.row_sums + (plane * rows + top + i / kRowSums) * kRowSums;
    const double sum = coupled_sum<FEATURES>(coupling(args.form), sums, i % kRowSums);
    row_factors[i / kRowSums][i % kRowSums] = row_diagonal(args, plane, top + i / kRowSums) * sum;
  }
  Column<FEATURES> own[kGroup<T>];
#pragma unroll
  for (int j = 0; j < kGroup<T>; ++j) {
    const std::int64_t k = left + j < columns ? left + j : columns - 1;
    own[j] = Column<FEATURES>(args, plane, k, warp % 2 == 1);
  }
  __syncthreads();

  for (int step = 0; step < height; step += kInFlight * kWarps) {
    Group<T> groups[kInFlight];
#pragma unroll
    for (int g = 0; g < kInFlight; ++g) {  // all of them before the first store, which the compiler moves none across
      const int y = step + g * kWarps + warp;
      groups[g] = load_group(args.pixels + first + y * columns, y < height ? columns - left : 0);
    }
#pragma unroll
    for (int g = 0; g < kInFlight; ++g) {
      const int y = step + g * kWarps + warp;
      if (y >= height) break;
      const double* const row = row_factors[y];
      const double diagonal = row_diagonal(args, plane, top + y);
      const double cot = cotangents(args.form)[top + y], square = signed_square(cot, y);
#pragma unroll
      for (int j = 0; j < kGroup<T>; ++j) {
        const Column<FEATURES>& column = own[j];
        double gradient = diagonal * column.weight * static_cast<double>(groups[g].values[j]);
#pragma unroll
        for (int f = 0; f < FEATURES; ++f) gradient += row[1 + 2 * f + j % 2] * column.features[f];
        gradient += (top + y == 0 ? column.first : column.plain) + cot * column.cot + square * column.square;
        if (left + j == 0) gradient += row[0];
        groups[g].values[j] = static_cast<T>(gradient);
      }
      store_group(args.gradient + first + y * columns, columns - left, groups[g]);
    }
  }
}

template <int FEATURES, typename T>
void write_all(const IntegralEnergyBackwardArgs<T>& args, cudaStream_t stream) {
  const std::int64_t tiles = (args.form.columns + kTile<T> - 1) / kTile<T>,
                     bands = (args.form.rows + kBand - 1) / kBand;
  const dim3 grid(static_cast<unsigned>(args.planes * bands * tiles));
  CU_LAUNCH((write_gradient<kBlock, FEATURES, T>), grid, dim3(kBlock), 0, stream, args, tiles);
}

}  // namespace

template <typename T>
void integral_energy_backward(const IntegralEnergyBackwardArgs<T>& args, Context context) {
  if (args.planes == 0) return;
  const cudaStream_t stream = stream_of(context);
  args.form.features == 3 ? write_all<3>(args, stream) : write_all<5>(args, stream);
}

HYRA_INSTANTIATE(integral_energy_backward, IntegralEnergyBackwardArgs)

}  // namespace hyra::cuda
