#include "bind/backend.hpp"

#include <cuda_runtime_api.h>

namespace hyra {

void bind_backend(py::module_& m) {
  m.attr("backend") = "cuda";
  m.def("runtime_version", [] { return CUDART_VERSION; }, "The CUDA runtime that this module was built with.");
  m.def(
      "driver_version",
      [] {
        int version = 0;
        return cudaDriverGetVersion(&version) == cudaSuccess ? version : 0;
      },
      "The newest CUDA runtime that the driver supports; 0 without a driver.");
}

}  // namespace hyra
