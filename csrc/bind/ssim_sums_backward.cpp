#include "core/ssim_sums_backward.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

std::int64_t ssim_sums_backward_workspace([[maybe_unused]] std::int64_t rows, [[maybe_unused]] std::int64_t columns,
                                          [[maybe_unused]] std::int64_t taps_count) {
#ifdef HYRA_BACKEND_CPU
  return 0;
#else
  return 3 * window_count(rows, taps_count) * window_count(columns, taps_count);
#endif
}

void ssim_sums_backward(const std::string& dtype, Address gradient, Address maps, const PixelsAddress& preds,
                        const PixelsAddress& target, Address taps, Address constants, Address grad, std::int64_t images,
                        std::int64_t channels, std::int64_t rows, std::int64_t columns, std::int64_t taps_count,
                        Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const SsimPair<T> pair{preds.as<T>(), target.as<T>(), pointer<const double>(taps), pointer<const double>(constants),
                           images,        taps_count,     {channels, rows, columns}};
    const SsimSumsBackwardArgs<T> args{pointer<T>(gradient), pointer<T>(maps), pointer<const double>(grad), pair};
    HYRA_RUN(ssim_sums_backward, args, context);
  });
}

}  // namespace

void bind_ssim_sums_backward(py::module_& m) {
  m.def("ssim_sums_backward", &ssim_sums_backward, py::arg("dtype"), py::arg("gradient"), py::arg("maps"),
        py::arg("preds"), py::arg("target"), py::arg("taps"), py::arg("constants"), py::arg("grad"), py::arg("images"),
        py::arg("channels"), py::arg("rows"), py::arg("columns"), py::arg("taps_count"), py::arg("context"),
        py::call_guard<py::gil_scoped_release>(), "Gradient of the sums of SSIM with respect to the first plane.");
  m.def("ssim_sums_backward_workspace", &ssim_sums_backward_workspace, py::arg("rows"), py::arg("columns"),
        py::arg("taps_count"), "Numbers, of the type of the planes, of the workspace of one plane.");
}

}  // namespace hyra
