// A plane at a time: copy the background, then lift the pixels that the positions name.
#include "core/impulse_batch.hpp"

#include <cstring>

#include "cpu/parallel.hpp"

namespace hyra::HYRA_TARGET {

template <typename T>
void impulse_batch(const ImpulseBatchArgs<T>& args, Context threads) {
  const std::int64_t plane = args.height * args.width;
  parallel_for(args.count * args.channels, threads, [&](std::int64_t chunk) {
    const std::int64_t image = chunk / args.channels, channel = chunk % args.channels;
    const T* background = args.background + channel * plane;
    T* out = args.images + chunk * plane;
    if (plane > 0) std::memcpy(out, background, static_cast<std::size_t>(plane) * sizeof(T));
    for (std::int64_t m = 0; m < args.impulses; ++m) {
      const std::int64_t pixel = pixel_index(args.positions + (image * args.impulses + m) * 2, args.height, args.width);
      if (pixel >= 0) out[pixel] = background[pixel] + args.amplitudes[chunk];
    }
  });
}

HYRA_INSTANTIATE(impulse_batch, ImpulseBatchArgs)

}  // namespace hyra::HYRA_TARGET
