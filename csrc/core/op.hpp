// How an op is declared: one POD argument struct, one launcher per target. Nothing here emits code.
#pragma once

#include <cstdint>

namespace hyra {

// What a launcher runs with: the number of threads on a CPU, the stream handle on a GPU.
using Context = std::uintptr_t;

}  // namespace hyra

// Declares `template <typename T> void op(const Args<T>&, Context)` in the namespace of each target. A target is an
// instruction set or `cuda`; everything that is compiled for it lies in its namespace, so that the linker can never
// pick a wider set's copy of a shared inline function for a narrower machine.
#define HYRA_DECLARE_OP(op, Args)            \
  namespace hyra::baseline {                 \
  template <typename T>                      \
  void op(const Args<T>& args, Context ctx); \
  }                                          \
  namespace hyra::avx2 {                     \
  template <typename T>                      \
  void op(const Args<T>& args, Context ctx); \
  }                                          \
  namespace hyra::avx512 {                   \
  template <typename T>                      \
  void op(const Args<T>& args, Context ctx); \
  }                                          \
  namespace hyra::cuda {                     \
  template <typename T>                      \
  void op(const Args<T>& args, Context ctx); \
  }

// Ends a kernel file, inside the target's namespace.
#define HYRA_INSTANTIATE(op, Args)                           \
  template void op<float>(const Args<float>& args, Context); \
  template void op<double>(const Args<double>& args, Context);

// The same for an op of pixels (core/pixels.hpp).
#define HYRA_INSTANTIATE_PIXELS(op, Args)                                    \
  template void op<std::uint8_t>(const Args<std::uint8_t>& args, Context);   \
  template void op<std::uint16_t>(const Args<std::uint16_t>& args, Context); \
  HYRA_INSTANTIATE(op, Args)
