#include "core/standardized_difference.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void standardized_difference(const std::string& dtype, Address out, Address preds, Address target,
                             Address preds_moments, Address target_moments, std::int64_t planes, std::int64_t targets,
                             std::int64_t size, bool with_target, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const StandardizedDifferenceArgs<T> args{pointer<T>(out),
                                             pointer<const T>(preds),
                                             pointer<const T>(target),
                                             pointer<const double>(preds_moments),
                                             pointer<const double>(target_moments),
                                             planes,
                                             targets,
                                             size,
                                             with_target};
    HYRA_RUN(standardized_difference, args, context);
  });
}

}  // namespace

void bind_standardized_difference(py::module_& m) {
  m.def("standardized_difference", &standardized_difference, py::arg("dtype"), py::arg("out"), py::arg("preds"),
        py::arg("target"), py::arg("preds_moments"), py::arg("target_moments"), py::arg("planes"), py::arg("targets"),
        py::arg("size"), py::arg("with_target"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "The difference of two standardised images.");
}

}  // namespace hyra
