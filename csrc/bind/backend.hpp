// What every bind file needs: integers to pointers, the real type by name, and the call of the right target.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/op.hpp"
#include "core/pixels.hpp"

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

// The same for the types that pixels have.
template <typename F>
void visit_pixels(const std::string& dtype, const F& f) {
  if (dtype == "uint8") {
    f(static_cast<std::uint8_t*>(nullptr));
  } else if (dtype == "uint16") {
    f(static_cast<std::uint16_t*>(nullptr));
  } else {
    visit_real(dtype, f);
  }
}

// `Pixels` before their type is known: in Python a tuple of five integers, see kernels.Pixels, or 0 for none.
struct PixelsAddress {
  Address address;
  std::int64_t image, channel, row, column;

  template <typename T>
  Pixels<T> as() const {
    return {pointer<const T>(address), image, channel, row, column};
  }
};

// The functions of one backend that are not ops.
void bind_backend(py::module_& m);

}  // namespace hyra

template <>
struct pybind11::detail::type_caster<hyra::PixelsAddress> {
  PYBIND11_TYPE_CASTER(hyra::PixelsAddress, const_name("tuple[int, int, int, int, int] | int"));

  bool load(handle source, bool) {
    if (isinstance<int_>(source)) {
      value = {};
      return source.cast<std::int64_t>() == 0;
    }
    if (!isinstance<tuple>(source) || len(source) != 5) return false;
    const auto numbers = reinterpret_borrow<tuple>(source);
    const auto stride = [&](std::size_t i) { return numbers[i].cast<std::int64_t>(); };
    value = {numbers[0].cast<hyra::Address>(), stride(1), stride(2), stride(3), stride(4)};
    return true;
  }
};

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
