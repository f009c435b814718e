#include "core/radial_moments_backward.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void radial_moments_backward(const std::string& dtype, Address gradient, Address a, Address b, Address gain_a,
                             Address gain_b, std::int64_t planes, std::int64_t height, std::int64_t width,
                             std::int64_t rings, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const RadialMomentsBackwardArgs<T> args{pointer<T>(gradient),
                                            pointer<const T>(a),
                                            pointer<const T>(b),
                                            pointer<const double>(gain_a),
                                            pointer<const double>(gain_b),
                                            planes,
                                            height,
                                            width,
                                            rings};
    HYRA_RUN(radial_moments_backward, args, context);
  });
}

}  // namespace

void bind_radial_moments_backward(py::module_& m) {
  m.def("radial_moments_backward", &radial_moments_backward, py::arg("dtype"), py::arg("gradient"), py::arg("a"),
        py::arg("b"), py::arg("gain_a"), py::arg("gain_b"), py::arg("planes"), py::arg("height"), py::arg("width"),
        py::arg("rings"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "Gradient of the radial moments.");
}

}  // namespace hyra
