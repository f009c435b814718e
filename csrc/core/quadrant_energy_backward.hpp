// Gradient of the energy of the quadrant integrals; see python/hyra/ops/quadrant_energy.py.
#pragma once

#include "core/op.hpp"
#include "core/quadrant.hpp"

namespace hyra {

template <typename T>
struct QuadrantEnergyBackwardArgs {
  T* gradient;          // [planes, rows, columns] complex; holds the integral in between
  double* column_sums;  // [planes, 2, bands, columns] complex workspace of the GPU; unused on a CPU
  const T* spectrum;    // [planes, rows, columns] complex
  const double* grad;   // [planes]: the gradient with respect to the energies
  std::int64_t planes, rows, columns, bands;
  Weighting weighting;
};

}  // namespace hyra

HYRA_DECLARE_OP(quadrant_energy_backward, QuadrantEnergyBackwardArgs)
