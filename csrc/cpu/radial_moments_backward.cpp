// One pass: the rings of a row pair are walked as in radial_moments.cpp, and every bin takes the gains of its ring,
// which stay in the cache. A chunk is a band of row pairs of a few planes, which share the walk.
#include "core/radial_moments_backward.hpp"

#include "cpu/parallel.hpp"
#include "cpu/ring_walk.hpp"
#include "cpu/scratch.hpp"

namespace hyra::HYRA_TARGET {
namespace {

constexpr std::int64_t kPlanes = 4;  // planes that share one walk
constexpr std::int64_t kPairs = 32;  // pairs of rows in a band

// One bin: gain_a a + gain_b b, rounded once.
template <typename T>
inline void weigh_bin(T* out, const T* a, const T* b, double gain_a, const double* gain_b, double weight) {
  const double ar = static_cast<double>(a[0]), ai = static_cast<double>(a[1]);
  const double br = static_cast<double>(b[0]), bi = static_cast<double>(b[1]);
  out[0] = static_cast<T>(weight * (gain_a * ar + gain_b[0] * br - gain_b[1] * bi));
  out[1] = static_cast<T>(weight * (gain_a * ai + gain_b[0] * bi + gain_b[1] * br));
}

}  // namespace

template <typename T>
void radial_moments_backward(const RadialMomentsBackwardArgs<T>& args, Context threads) {
  const RingRule rule(args.height, args.width);
  const std::int64_t columns = args.width / 2 + 1, row = 2 * columns, plane = args.height * row;
  const std::int64_t groups = (args.planes + kPlanes - 1) / kPlanes;
  const std::int64_t pairs = args.height / 2 + 1, bands = (pairs + kPairs - 1) / kPairs;
  const Context team = threads_for(args.planes * args.height * columns, threads);
  Scratch<std::int64_t> steps(columns, Fill::kNone);
  ring_steps(rule, columns, steps.data());
  parallel_for(bands * groups, team, [&](std::int64_t chunk) {
    const std::int64_t begin = chunk / groups * kPairs, end = begin + kPairs < pairs ? begin + kPairs : pairs;
    const std::int64_t first = chunk % groups * kPlanes;
    const std::int64_t last = first + kPlanes < args.planes ? first + kPlanes : args.planes;
    Scratch<std::int32_t> walked(kWalkedRows * columns);
    for (std::int64_t ky = begin; ky < end; ++ky) {
      if ((ky - begin) % kWalkedRows == 0) walk_rings(rule, ky, columns, steps.data(), walked.data());
      const std::int32_t* rings = walked.data() + (ky - begin) % kWalkedRows;
      for (std::int64_t p = first; p < last; ++p) {
        const double *gain_a = args.gain_a + p * args.rings, *gain_b = args.gain_b + 2 * p * args.rings;
        const auto weigh_row = [&](std::int64_t y) {
          const std::int64_t at = p * plane + y * row;
          T* __restrict out = args.gradient + at;
          const T *a = args.a + at, *b = args.b + at;
          const auto weigh = [&](std::int64_t k, double weight) {
            weigh_bin(out + 2 * k, a + 2 * k, b + 2 * k, gain_a[rings[k * kWalkedRows]],
                      gain_b + 2 * rings[k * kWalkedRows], weight);
          };
          weigh(0, 1);
          for (std::int64_t k = 1; k < columns - 1; ++k) weigh(k, 2);
          if (columns > 1) weigh(columns - 1, static_cast<double>(rule.hermitian_weight(columns - 1)));
        };
        weigh_row(ky);
        if (rule.has_mirror(ky)) weigh_row(args.height - ky);
      }
    }
  });
}

HYRA_INSTANTIATE(radial_moments_backward, RadialMomentsBackwardArgs)

}  // namespace hyra::HYRA_TARGET
