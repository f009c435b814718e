// The difference of two standardised images; see python/hyra/ops/standardized_difference.py.
#pragma once

#include "core/op.hpp"

namespace hyra {

template <typename T>
struct StandardizedDifferenceArgs {
  T* out;                        // [planes (+ targets), size]
  const T* preds;                // [planes, size]
  const T* target;               // [targets, size]
  const double* preds_moments;   // [planes, 2]: mean, standard deviation
  const double* target_moments;  // [targets, 2]
  std::int64_t planes, targets, size;
  bool with_target;
};

}  // namespace hyra

HYRA_DECLARE_OP(standardized_difference, StandardizedDifferenceArgs)
