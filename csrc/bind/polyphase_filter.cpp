#include "core/polyphase_filter.hpp"

#include "bind/backend.hpp"
#include "bind/names.hpp"

namespace hyra {
namespace {

void polyphase_filter(const std::string& dtype, Address out, Address image, Address taps, std::int64_t batch,
                      std::int64_t out_channels, std::int64_t in_channels, std::int64_t height, std::int64_t width,
                      std::int64_t scale, std::int64_t taps_y, std::int64_t taps_x, std::int64_t first_y,
                      std::int64_t first_x, bool matrix, const std::string& boundary, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const PolyphaseFilterArgs<T> args{pointer<T>(out),
                                      pointer<const T>(image),
                                      pointer<const T>(taps),
                                      batch,
                                      out_channels,
                                      in_channels,
                                      height,
                                      width,
                                      scale,
                                      taps_y,
                                      taps_x,
                                      first_y,
                                      first_x,
                                      matrix,
                                      boundary_of(boundary)};
    HYRA_RUN(polyphase_filter, args, context);
  });
}

}  // namespace

void bind_polyphase_filter(py::module_& m) {
  m.def("polyphase_filter", &polyphase_filter, py::arg("dtype"), py::arg("out"), py::arg("image"), py::arg("taps"),
        py::arg("batch"), py::arg("out_channels"), py::arg("in_channels"), py::arg("height"), py::arg("width"),
        py::arg("scale"), py::arg("taps_y"), py::arg("taps_x"), py::arg("first_y"), py::arg("first_x"),
        py::arg("matrix"), py::arg("boundary"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "Convolution of a zero-inserted image with an impulse response, phase by phase.");
}

}  // namespace hyra
