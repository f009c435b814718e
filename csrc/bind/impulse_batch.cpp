#include "core/impulse_batch.hpp"

#include "bind/backend.hpp"

namespace hyra {
namespace {

void impulse_batch(const std::string& dtype, Address images, Address background, Address positions, Address amplitudes,
                   std::int64_t count, std::int64_t channels, std::int64_t height, std::int64_t width,
                   std::int64_t impulses, Context context) {
  visit_real(dtype, [&](auto* real) {
    using T = std::remove_pointer_t<decltype(real)>;
    const ImpulseBatchArgs<T> args{pointer<T>(images),
                                   pointer<const T>(background),
                                   pointer<const std::int64_t>(positions),
                                   pointer<const T>(amplitudes),
                                   count,
                                   channels,
                                   height,
                                   width,
                                   impulses};
    HYRA_RUN(impulse_batch, args, context);
  });
}

}  // namespace

void bind_impulse_batch(py::module_& m) {
  m.def("impulse_batch", &impulse_batch, py::arg("dtype"), py::arg("images"), py::arg("background"),
        py::arg("positions"), py::arg("amplitudes"), py::arg("count"), py::arg("channels"), py::arg("height"),
        py::arg("width"), py::arg("impulses"), py::arg("context"), py::call_guard<py::gil_scoped_release>(),
        "Copies of a background with impulses at given positions.");
}

}  // namespace hyra
