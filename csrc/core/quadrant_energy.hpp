// Energy of the quadrant integrals of half spectra; the definition is in python/hyra/ops/quadrant_energy.py.
#pragma once

#include "core/op.hpp"
#include "core/quadrant.hpp"

namespace hyra {

template <typename T>
struct QuadrantEnergyArgs {
  double* partials;     // [planes, 2, bands]: the energy of each band of rows
  double* column_sums;  // [planes, 2, bands, columns] complex workspace of the GPU; unused on a CPU
  const T* spectrum;    // [planes, rows, columns] complex
  std::int64_t planes, rows, columns, bands;
  Weighting weighting;
};

}  // namespace hyra

HYRA_DECLARE_OP(quadrant_energy, QuadrantEnergyArgs)
