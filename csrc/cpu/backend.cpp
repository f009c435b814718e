#include "bind/backend.hpp"

#include <pybind11/stl.h>

#include "cpu/parallel.hpp"
#include "cpu/simd.hpp"

namespace hyra {
namespace {

struct Calls {
  const py::function& f;
};

void share(const py::function& f, std::int64_t count, Context threads) {
  const Calls calls{f};
  const py::gil_scoped_release without_gil;
  run_parallel(
      count, threads,
      [](const void* closure, std::int64_t index) {
        const py::gil_scoped_acquire with_gil;
        static_cast<const Calls*>(closure)->f(index);
      },
      &calls);
}

}  // namespace

void bind_backend(py::module_& m) {
  m.attr("backend") = "cpu";
  m.def("simd_level", &simd_level_name, "The instruction set in use.");
  m.def("simd_levels", &simd_levels, "The instruction sets that this build holds and this machine runs.");
  m.def("set_simd_level", &set_simd_level, py::arg("level"), "Force an instruction set.");
  m.def("share", &share, py::arg("f"), py::arg("count"), py::arg("threads"),
        "Call f(0), f(1), ..., f(count - 1) from the threads that run the kernels.");
}

}  // namespace hyra
