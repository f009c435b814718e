// Sums of the SSIM map and of its contrast-structure factor over each plane; see python/hyra/ops/ssim_sums.py.
#pragma once

#include "core/op.hpp"
#include "core/ssim.hpp"

namespace hyra {

template <typename T>
struct SsimSumsArgs {
  double* sums;      // [planes, 2]: SSIM, contrast-structure
  double* partials;  // [planes, tiles, 2] workspace: the same of each tile
  SsimPair<T> pair;
};

}  // namespace hyra

HYRA_DECLARE_OP(ssim_sums, SsimSumsArgs)
