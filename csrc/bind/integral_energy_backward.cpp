#include "core/integral_energy_backward.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void integral_energy_backward(const std::string& dtype, Address gradient, Address pixels, Address row_sums,
                              Address column_grad, Address grad, Address tables, std::int64_t planes, std::int64_t rows,
                              std::int64_t columns, std::int64_t features, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const IntegralEnergyBackwardArgs<T> args{pointer<T>(gradient),
                                             pointer<const T>(pixels),
                                             pointer<const double>(row_sums),
                                             pointer<const double>(column_grad),
                                             pointer<const double>(grad),
                                             {pointer<const double>(tables), rows, columns, features},
                                             planes};
    HYRA_RUN(integral_energy_backward, args, context);
  });
}

}  // namespace

void bind_integral_energy_backward(py::module_& m) {
  m.def("integral_energy_backward", &integral_energy_backward, py::arg("dtype"), py::arg("gradient"), py::arg("pixels"),
        py::arg("row_sums"), py::arg("column_grad"), py::arg("grad"), py::arg("tables"), py::arg("planes"),
        py::arg("rows"), py::arg("columns"), py::arg("features"), py::arg("context"),
        py::call_guard<py::gil_scoped_release>(),
        "Gradient of the energy of the quadrant integrals of the planes' spectra with respect to their pixels.");
}

}  // namespace hyra
