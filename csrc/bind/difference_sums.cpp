#include "core/difference_sums.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void difference_sums(const std::string& dtype, Address sums, Address partials, const PixelsAddress& preds,
                     const PixelsAddress& target, std::int64_t images, std::int64_t channels, std::int64_t rows,
                     std::int64_t columns, std::int64_t chunk, Context context) {
  visit_pixels(dtype, [&](auto* pixel) {
    using T = std::remove_pointer_t<decltype(pixel)>;
    const DifferenceSumsArgs<T> args{pointer<double>(sums),
                                     pointer<Sum<T>>(partials),
                                     preds.as<T>(),
                                     target.as<T>(),
                                     {channels, rows, columns},
                                     images,
                                     chunk};
    HYRA_RUN(difference_sums, args, context);
  });
}

}  // namespace

void bind_difference_sums(py::module_& m) {
  m.def("difference_sums", &difference_sums, py::arg("dtype"), py::arg("sums"), py::arg("partials"), py::arg("preds"),
        py::arg("target"), py::arg("images"), py::arg("channels"), py::arg("rows"), py::arg("columns"),
        py::arg("chunk"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "Sums of the absolute and the squared differences of pairs of images.");
}

}  // namespace hyra
