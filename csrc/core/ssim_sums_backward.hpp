// Gradient of the sums of SSIM with respect to the first plane; see python/hyra/ops/ssim_sums.py.
#pragma once

#include "core/op.hpp"
#include "core/ssim.hpp"

namespace hyra {

template <typename T>
struct SsimSumsBackwardArgs {
  T* gradient;         // [planes, rows, columns]
  T* maps;             // [planes, 3, windows down, windows across] workspace, on a GPU alone
  const double* grad;  // [planes, 2]: with respect to the sums of SSIM and of its contrast-structure factor
  SsimPair<T> pair;
};

}  // namespace hyra

HYRA_DECLARE_OP(ssim_sums_backward, SsimSumsBackwardArgs)
