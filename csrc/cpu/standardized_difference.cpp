// One pass over the pixels. Compiled without contraction: a fused multiply-add would round one of the two products and
// not the other, and the difference of equal pixels would not be 0.
#include "core/standardized_difference.hpp"

#include "cpu/parallel.hpp"

namespace hyra::HYRA_TARGET {
namespace {

struct Standardization {
  double mean, slope;
  explicit Standardization(const double* moments) : mean(moments[0]), slope(1 / moments[1]) {}
  template <typename T>
  double operator()(T pixel) const {
    return (static_cast<double>(pixel) - mean) * slope;
  }
};

constexpr std::int64_t kBlock = 1 << 15;  // pixels of a chunk

}  // namespace

template <typename T>
void standardized_difference(const StandardizedDifferenceArgs<T>& args, Context threads) {
  const std::int64_t blocks = (args.size + kBlock - 1) / kBlock;
  const std::int64_t pairs = args.planes > args.targets ? args.planes : args.targets;
  const Context team = threads_for(pairs * args.size, threads);
  parallel_for(pairs * blocks, team, [&](std::int64_t chunk) {
    const std::int64_t plane = chunk / blocks, target_plane = plane % args.targets;
    const std::int64_t begin = chunk % blocks * kBlock, end = begin + kBlock < args.size ? begin + kBlock : args.size;
    const T* __restrict target = args.target + target_plane * args.size;
    const Standardization standardize_target(args.target_moments + 2 * target_plane);
    if (plane < args.planes) {
      const T* __restrict preds = args.preds + plane * args.size;
      const Standardization standardize_preds(args.preds_moments + 2 * plane);
      T* __restrict out = args.out + plane * args.size;
      for (std::int64_t i = begin; i < end; ++i) {
        out[i] = static_cast<T>(standardize_preds(preds[i]) - standardize_target(target[i]));
      }
    }
    if (args.with_target && plane < args.targets) {
      T* __restrict out = args.out + (args.planes + plane) * args.size;
      for (std::int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(standardize_target(target[i]));
    }
  });
}

HYRA_INSTANTIATE(standardized_difference, StandardizedDifferenceArgs)

}  // namespace hyra::HYRA_TARGET
