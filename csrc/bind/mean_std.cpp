#include "core/mean_std.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void mean_std(const std::string& dtype, Address moments, Address partials, const PixelsAddress& images,
              const PixelsAddress& others, std::int64_t count, std::int64_t first, std::int64_t channels,
              std::int64_t rows, std::int64_t columns, std::int64_t chunk, Context context) {
  visit_pixels(dtype, [&](auto* pixel) {
    using T = std::remove_pointer_t<decltype(pixel)>;
    const MeanStdArgs<T> args{pointer<double>(moments),
                              pointer<Sum<T>>(partials),
                              {images.as<T>(), others.as<T>()},
                              {channels, rows, columns},
                              count,
                              first,
                              chunk};
    HYRA_RUN(mean_std, args, context);
  });
}

}  // namespace

void bind_mean_std(py::module_& m) {
  m.def("mean_std", &mean_std, py::arg("dtype"), py::arg("moments"), py::arg("partials"), py::arg("images"),
        py::arg("others"), py::arg("count"), py::arg("first"), py::arg("channels"), py::arg("rows"), py::arg("columns"),
        py::arg("chunk"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "Mean and unbiased standard deviation of each image, of the first ones and of others of their size.");
}

}  // namespace hyra
