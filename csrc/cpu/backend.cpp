#include "bind/backend.hpp"

#include <pybind11/stl.h>

#include "cpu/simd.hpp"

namespace hyra {

void bind_backend(py::module_& m) {
  m.attr("backend") = "cpu";
  m.def("simd_level", &simd_level_name, "The instruction set in use.");
  m.def("simd_levels", &simd_levels, "The instruction sets that this build holds and this machine runs.");
  m.def("set_simd_level", &set_simd_level, py::arg("level"), "Force an instruction set.");
}

}  // namespace hyra
