#include "core/ssim_sums.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void ssim_sums(const std::string& dtype, Address sums, Address partials, Address preds, Address target, Address taps,
               Address constants, std::int64_t planes, std::int64_t rows, std::int64_t columns, std::int64_t taps_count,
               Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const SsimPair<T> pair{pointer<const T>(preds),
                           pointer<const T>(target),
                           pointer<const double>(taps),
                           pointer<const double>(constants),
                           planes,
                           rows,
                           columns,
                           taps_count};
    const SsimSumsArgs<T> args{pointer<double>(sums), pointer<double>(partials), pair};
    HYRA_RUN(ssim_sums, args, context);
  });
}

}  // namespace

void bind_ssim_sums(py::module_& m) {
  m.def("ssim_sums", &ssim_sums, py::arg("dtype"), py::arg("sums"), py::arg("partials"), py::arg("preds"),
        py::arg("target"), py::arg("taps"), py::arg("constants"), py::arg("planes"), py::arg("rows"),
        py::arg("columns"), py::arg("taps_count"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "Sums of the SSIM map and of its contrast-structure factor over each plane.");
}

}  // namespace hyra
