#include "core/integral_energy.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void integral_energy(const std::string& dtype, Address energy, Address row_sums, Address column_sums, Address partials,
                     Address preds, Address target, Address preds_moments, Address target_moments, Address tables,
                     std::int64_t planes, std::int64_t targets, std::int64_t rows, std::int64_t columns,
                     std::int64_t features, std::int64_t bands, bool with_target, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const IntegralEnergyArgs<T> args{pointer<double>(energy),
                                     pointer<double>(row_sums),
                                     pointer<double>(column_sums),
                                     pointer<double>(partials),
                                     pointer<const T>(preds),
                                     pointer<const T>(target),
                                     pointer<const double>(preds_moments),
                                     pointer<const double>(target_moments),
                                     {pointer<const double>(tables), rows, columns, features},
                                     planes,
                                     targets,
                                     bands,
                                     with_target};
    HYRA_RUN(integral_energy, args, context);
  });
}

}  // namespace

void bind_integral_energy(py::module_& m) {
  m.def("integral_energy", &integral_energy, py::arg("dtype"), py::arg("energy"), py::arg("row_sums"),
        py::arg("column_sums"), py::arg("partials"), py::arg("preds"), py::arg("target"), py::arg("preds_moments"),
        py::arg("target_moments"), py::arg("tables"), py::arg("planes"), py::arg("targets"), py::arg("rows"),
        py::arg("columns"), py::arg("features"), py::arg("bands"), py::arg("with_target"), py::arg("context"),
        py::call_guard<py::gil_scoped_release>(),
        "Energy of the quadrant integrals of standardised differences, up to what the sums over the rows add to it.");
}

}  // namespace hyra
