// What every bind file needs: integers to pointers, the real type by name, and the call of the right target.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/op.hpp"

#ifdef HYRA_BACKEND_CPU
#include "cpu/simd.hpp"
#endif

namespace py = pybind11;

namespace hyra {

using Address = std::uintptr_t;

template <typename T>
T* pointer(Address address) {
  return reinterpret_cast<T*>(address);
}

// Calls f with a null `float*` or `double*`: the type carries the choice.
template <typename F>
void visit_real(const std::string& dtype, const F& f) {
  if (dtype == "float32") {
    f(static_cast<float*>(nullptr));
  } else if (dtype == "float64") {
    f(static_cast<double*>(nullptr));
  } else {
    throw std::invalid_argument("dtype must be float32 or float64, got " + dtype);
  }
}

// The functions of one backend that are not ops.
void bind_backend(py::module_& m);

}  // namespace hyra

#ifndef HYRA_BACKEND_CPU
#define HYRA_RUN(op, args, ctx) ::hyra::cuda::op(args, ctx)
#elif defined(HYRA_HAS_AVX512)
#define HYRA_RUN(op, args, ctx)        \
  switch (::hyra::simd_level()) {      \
    case ::hyra::SimdLevel::kAvx512:   \
      ::hyra::avx512::op(args, ctx);   \
      break;                           \
    case ::hyra::SimdLevel::kAvx2:     \
      ::hyra::avx2::op(args, ctx);     \
      break;                           \
    default:                           \
      ::hyra::baseline::op(args, ctx); \
  }
#else
#define HYRA_RUN(op, args, ctx) ::hyra::baseline::op(args, ctx)
#endif
