#include "core/response_moments.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void response_moments(const std::string& dtype, Address count, Address mean, Address m2, Address deviations,
                      Address outputs, Address reference, Address origins, Address count_before, Address mean_before,
                      Address m2_before, std::int64_t images, std::int64_t impulses, std::int64_t channels,
                      std::int64_t height, std::int64_t width, std::int64_t window_height, std::int64_t window_width,
                      std::int64_t origin_y, std::int64_t origin_x, std::int64_t parts, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const ResponseMomentsArgs<T> args{pointer<std::int64_t>(count),
                                      pointer<double>(mean),
                                      pointer<double>(m2),
                                      pointer<double>(deviations),
                                      pointer<const T>(outputs),
                                      pointer<const T>(reference),
                                      pointer<const std::int64_t>(origins),
                                      pointer<const std::int64_t>(count_before),
                                      pointer<const double>(mean_before),
                                      pointer<const double>(m2_before),
                                      images,
                                      impulses,
                                      channels,
                                      height,
                                      width,
                                      window_height,
                                      window_width,
                                      origin_y,
                                      origin_x,
                                      parts};
    HYRA_RUN(response_moments, args, context);
  });
}

}  // namespace

void bind_response_moments(py::module_& m) {
  m.def("response_moments", &response_moments, py::arg("dtype"), py::arg("count"), py::arg("mean"), py::arg("m2"),
        py::arg("deviations"), py::arg("outputs"), py::arg("reference"), py::arg("origins"), py::arg("count_before"),
        py::arg("mean_before"), py::arg("m2_before"), py::arg("images"), py::arg("impulses"), py::arg("channels"),
        py::arg("height"), py::arg("width"), py::arg("window_height"), py::arg("window_width"), py::arg("origin_y"),
        py::arg("origin_x"), py::arg("parts"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "Running mean and M2 of windows, and each window's deviation from a reference.");
}

}  // namespace hyra
