#include "core/ssim_sums.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

std::int64_t ssim_sums_workspace(std::int64_t rows, std::int64_t columns, std::int64_t taps_count) {
#ifdef HYRA_BACKEND_CPU
  constexpr std::int64_t kRows = kSsimRows, kColumns = kSsimColumns;
#else
  constexpr std::int64_t kRows = kSsimBlockRows, kColumns = kSsimBlockColumns;
#endif
  const std::int64_t down = window_count(rows, taps_count), across = window_count(columns, taps_count);
  return 2 * ((down + kRows - 1) / kRows) * ((across + kColumns - 1) / kColumns);
}

void ssim_sums(const std::string& dtype, Address sums, Address partials, const PixelsAddress& preds,
               const PixelsAddress& target, Address taps, Address constants, std::int64_t images, std::int64_t channels,
               std::int64_t rows, std::int64_t columns, std::int64_t taps_count, Context context) {
  visit_pixels(dtype, [&](auto* pixel) {
    using T = std::remove_pointer_t<decltype(pixel)>;
    const SsimPair<T> pair{preds.as<T>(), target.as<T>(), pointer<const double>(taps), pointer<const double>(constants),
                           images,        taps_count,     {channels, rows, columns}};
    const SsimSumsArgs<T> args{pointer<double>(sums), pointer<double>(partials), pair};
    HYRA_RUN(ssim_sums, args, context);
  });
}

}  // namespace

void bind_ssim_sums(py::module_& m) {
  m.def("ssim_sums", &ssim_sums, py::arg("dtype"), py::arg("sums"), py::arg("partials"), py::arg("preds"),
        py::arg("target"), py::arg("taps"), py::arg("constants"), py::arg("images"), py::arg("channels"),
        py::arg("rows"), py::arg("columns"), py::arg("taps_count"), py::arg("context"),
        py::call_guard<py::gil_scoped_release>(),
        "Sums of the SSIM map and of its contrast-structure factor over each plane.");
  m.def("ssim_sums_workspace", &ssim_sums_workspace, py::arg("rows"), py::arg("columns"), py::arg("taps_count"),
        "Numbers of the workspace of one plane.");
}

}  // namespace hyra
