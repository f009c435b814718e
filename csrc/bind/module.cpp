// The index of a compiled module; `_cpu` and `_cuda` are built from the same bind files. One line per op.
#include "bind/backend.hpp"

namespace hyra {

void bind_difference_sums(py::module_& m);
void bind_impulse_batch(py::module_& m);
void bind_integral_energy(py::module_& m);
void bind_integral_energy_backward(py::module_& m);
void bind_mean_std(py::module_& m);
void bind_polyphase_filter(py::module_& m);
void bind_quadrant_energy(py::module_& m);
void bind_quadrant_energy_backward(py::module_& m);
void bind_radial_moments(py::module_& m);
void bind_radial_moments_backward(py::module_& m);
void bind_response_moments(py::module_& m);
void bind_ssim_sums(py::module_& m);
void bind_ssim_sums_backward(py::module_& m);
void bind_standardize_backward(py::module_& m);
void bind_standardized_difference(py::module_& m);

}  // namespace hyra

PYBIND11_MODULE(HYRA_MODULE, m, py::mod_gil_not_used()) {
  m.doc() = "hyra's kernels. Arguments are addresses and extents: call them through hyra._native alone.";
  hyra::bind_backend(m);
  hyra::bind_difference_sums(m);
  hyra::bind_impulse_batch(m);
  hyra::bind_integral_energy(m);
  hyra::bind_integral_energy_backward(m);
  hyra::bind_mean_std(m);
  hyra::bind_polyphase_filter(m);
  hyra::bind_quadrant_energy(m);
  hyra::bind_quadrant_energy_backward(m);
  hyra::bind_radial_moments(m);
  hyra::bind_radial_moments_backward(m);
  hyra::bind_response_moments(m);
  hyra::bind_ssim_sums(m);
  hyra::bind_ssim_sums_backward(m);
  hyra::bind_standardize_backward(m);
  hyra::bind_standardized_difference(m);
}
