#include "core/quadrant_energy_backward.hpp"

#include "bind/backend.hpp"
#include "bind/names.hpp"

namespace hyra {
namespace {

void quadrant_energy_backward(const std::string& dtype, Address gradient, Address column_sums, Address spectrum,
                              Address grad, std::int64_t planes, std::int64_t rows, std::int64_t columns,
                              std::int64_t bands, const std::string& weighting, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const QuadrantEnergyBackwardArgs<T> args{pointer<T>(gradient),
                                             pointer<double>(column_sums),
                                             pointer<const T>(spectrum),
                                             pointer<const double>(grad),
                                             planes,
                                             rows,
                                             columns,
                                             bands,
                                             weighting_of(weighting)};
    HYRA_RUN(quadrant_energy_backward, args, context);
  });
}

}  // namespace

void bind_quadrant_energy_backward(py::module_& m) {
  m.def("quadrant_energy_backward", &quadrant_energy_backward, py::arg("dtype"), py::arg("gradient"),
        py::arg("column_sums"), py::arg("spectrum"), py::arg("grad"), py::arg("planes"), py::arg("rows"),
        py::arg("columns"), py::arg("bands"), py::arg("weighting"), py::arg("context"),
        py::call_guard<py::gil_scoped_release>(), "Gradient of the energy of the quadrant integrals.");
}

}  // namespace hyra
