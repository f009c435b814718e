// Gradient of the radial moments: every bin takes the gains of its ring. The ring comes from a square root, corrected
// by the rule in integers, and serves the rows ky and -ky. Neighbouring lanes lie in the same or in neighbouring rings,
// so the gains are read from the cache. Work per thread: one column of a pair of rows. Bytes, with S the size of a
// spectrum: at least 3 S. Moved: 3 S, and 24 bytes per ring and plane. No shared memory.
// Operations per element, and the bound on each card: benchmarks/gpu/KERNELS.md.
#include "core/radial_moments_backward.hpp"
#include "core/ring.hpp"
#include "cuda/block.cuh"
#include "cuda/platform.cuh"

namespace hyra::cuda {
namespace {

constexpr int kBlock = HYRA_BLOCK(256);

__device__ __forceinline__ Complex operator*(Complex x, Complex y) {
  return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
}

template <int BLOCK, typename T>
__global__ void __launch_bounds__(BLOCK) weigh_rings(RadialMomentsBackwardArgs<T> args, std::int64_t tiles) {
  const RingRule rule(args.height, args.width);
  const std::int64_t columns = args.width / 2 + 1, pairs = args.height / 2 + 1;
  const std::int64_t k = blockIdx.x % tiles * BLOCK + threadIdx.x;
  const std::int64_t ky = blockIdx.x / tiles % pairs, p = blockIdx.x / tiles / pairs;
  if (k >= columns) return;
  const std::int64_t gain = p * args.rings + rule.ring_of(ky, k);
  const double weight = static_cast<double>(rule.hermitian_weight(k)), gain_a = weight * args.gain_a[gain];
  const Complex gain_b = weight * load_complex(args.gain_b + 2 * gain);
  const auto weigh = [&](std::int64_t y) {
    const std::int64_t at = 2 * ((p * args.height + y) * columns + k);
    store_complex(args.gradient + at, gain_a * load_complex(args.a + at) + gain_b * load_complex(args.b + at));
  };
  weigh(ky);
  if (rule.has_mirror(ky)) weigh(args.height - ky);
}

}  // namespace

template <typename T>
void radial_moments_backward(const RadialMomentsBackwardArgs<T>& args, Context context) {
  const std::int64_t tiles = (args.width / 2 + kBlock) / kBlock, blocks = args.planes * (args.height / 2 + 1) * tiles;
  if (blocks == 0) return;
  const dim3 grid(static_cast<unsigned>(blocks));
  CU_LAUNCH((weigh_rings<kBlock, T>), grid, dim3(kBlock), 0, stream_of(context), args, tiles);
}

HYRA_INSTANTIATE(radial_moments_backward, RadialMomentsBackwardArgs)

}  // namespace hyra::cuda
