#include "core/integral_energy.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

std::int64_t parts_of(std::int64_t extent, std::int64_t part) { return (extent + part - 1) / part; }

std::int64_t integral_energy_workspace(std::int64_t rows, std::int64_t columns,
                                       [[maybe_unused]] std::int64_t features) {
  const std::int64_t of_bands = parts_of(rows, kBandRows) * (1 + kSums * columns);
#ifdef HYRA_BACKEND_CPU
  return of_bands;
#else
  const std::int64_t of_rows = parts_of(columns, kTileColumns) * rows * (2 + 2 * features);
  const std::int64_t energies = parts_of(rows, kMergedRows);
  return parts_of(of_bands + of_rows + energies + kLines * (2 * columns + 1), 2) *
         2;  // line_energies takes numbers in twos
#endif
}

void integral_energy(const std::string& dtype, Address energy, Address row_sums, Address column_sums, Address partials,
                     Address tables, Address scores, const PixelsAddress& preds, const PixelsAddress& target,
                     Address preds_moments, Address target_moments, std::int64_t planes, std::int64_t targets,
                     std::int64_t preds_channels, std::int64_t target_channels, std::int64_t rows, std::int64_t columns,
                     std::int64_t features, bool with_target, bool with_lines, bool single, Context context) {
  visit_pixels(dtype, [&](auto* pixel) {
    using T = std::remove_pointer_t<decltype(pixel)>;
    const IntegralEnergyArgs<T> args{pointer<double>(energy),
                                     pointer<double>(row_sums),
                                     pointer<double>(column_sums),
                                     pointer<double>(partials),
                                     preds.as<T>(),
                                     target.as<T>(),
                                     pointer<const double>(preds_moments),
                                     pointer<const double>(target_moments),
                                     {pointer<const double>(tables), rows, columns, features},
                                     planes,
                                     targets,
                                     preds_channels,
                                     target_channels,
                                     parts_of(rows, kBandRows),
                                     parts_of(columns, kTileColumns),
                                     integral_energy_workspace(rows, columns, features),
                                     with_target,
                                     with_lines,
                                     {pointer<void>(scores), single}};
    HYRA_RUN(integral_energy, args, context);
  });
}

}  // namespace

void bind_integral_energy(py::module_& m) {
  m.def("integral_energy", &integral_energy, py::arg("dtype"), py::arg("energy"), py::arg("row_sums"),
        py::arg("column_sums"), py::arg("partials"), py::arg("tables"), py::arg("scores"), py::arg("preds"),
        py::arg("target"), py::arg("preds_moments"), py::arg("target_moments"), py::arg("planes"), py::arg("targets"),
        py::arg("preds_channels"), py::arg("target_channels"), py::arg("rows"), py::arg("columns"), py::arg("features"),
        py::arg("with_target"), py::arg("with_lines"), py::arg("single"), py::arg("context"),
        py::call_guard<py::gil_scoped_release>(),
        "Energy of the quadrant integrals of standardised differences, up to what the sums over the rows add or, on a "
        "GPU, whole.");
  m.def("integral_energy_workspace", &integral_energy_workspace, py::arg("rows"), py::arg("columns"),
        py::arg("features"), "Numbers of the workspace of one plane.");
}

}  // namespace hyra
