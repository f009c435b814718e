#include "core/radial_moments.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void radial_moments(const std::string& dtype, Address power_a, Address power_b, Address cross, Address count,
                    Address partials, Address partial_counts, Address a, Address b, std::int64_t planes,
                    std::int64_t height, std::int64_t width, std::int64_t rings, std::int64_t bands, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const RadialMomentsArgs<T> args{pointer<double>(power_a),
                                    pointer<double>(power_b),
                                    pointer<double>(cross),
                                    pointer<std::int64_t>(count),
                                    pointer<double>(partials),
                                    pointer<std::int64_t>(partial_counts),
                                    pointer<const T>(a),
                                    pointer<const T>(b),
                                    planes,
                                    height,
                                    width,
                                    rings,
                                    bands};
    HYRA_RUN(radial_moments, args, context);
  });
}

}  // namespace

void bind_radial_moments(py::module_& m) {
  m.def("radial_moments", &radial_moments, py::arg("dtype"), py::arg("power_a"), py::arg("power_b"), py::arg("cross"),
        py::arg("count"), py::arg("partials"), py::arg("partial_counts"), py::arg("a"), py::arg("b"), py::arg("planes"),
        py::arg("height"), py::arg("width"), py::arg("rings"), py::arg("bands"), py::arg("context"),
        py::call_guard<py::gil_scoped_release>(), "Power and cross power of two half spectra per ring.");
}

}  // namespace hyra
