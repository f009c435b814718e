#include "core/quadrant_energy.hpp"

#include "bind/backend.hpp"
#include "bind/names.hpp"

namespace hyra {
namespace {

void quadrant_energy(const std::string& dtype, Address partials, Address column_sums, Address spectrum,
                     std::int64_t planes, std::int64_t rows, std::int64_t columns, std::int64_t bands,
                     const std::string& weighting, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const QuadrantEnergyArgs<T> args{pointer<double>(partials),
                                     pointer<double>(column_sums),
                                     pointer<const T>(spectrum),
                                     planes,
                                     rows,
                                     columns,
                                     bands,
                                     weighting_of(weighting)};
    HYRA_RUN(quadrant_energy, args, context);
  });
}

}  // namespace

void bind_quadrant_energy(py::module_& m) {
  m.def("quadrant_energy", &quadrant_energy, py::arg("dtype"), py::arg("partials"), py::arg("column_sums"),
        py::arg("spectrum"), py::arg("planes"), py::arg("rows"), py::arg("columns"), py::arg("bands"),
        py::arg("weighting"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "Energy of the quadrant integrals of half spectra, per band of rows.");
}

}  // namespace hyra
