#include "core/standardize_backward.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void standardize_backward(const std::string& dtype, Address out, Address partials, Address lines, Address grad,
                          Address images, Address moments, std::int64_t count, std::int64_t size, std::int64_t chunk,
                          Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const StandardizeBackwardArgs<T> args{pointer<T>(out),
                                          pointer<double>(partials),
                                          pointer<Line>(lines),
                                          pointer<const T>(grad),
                                          pointer<const T>(images),
                                          pointer<const double>(moments),
                                          count,
                                          size,
                                          chunk};
    HYRA_RUN(standardize_backward, args, context);
  });
}

}  // namespace

void bind_standardize_backward(py::module_& m) {
  m.def("standardize_backward", &standardize_backward, py::arg("dtype"), py::arg("out"), py::arg("partials"),
        py::arg("lines"), py::arg("grad"), py::arg("images"), py::arg("moments"), py::arg("count"), py::arg("size"),
        py::arg("chunk"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "Gradient of standardised images with respect to their pixels.");
}

}  // namespace hyra
