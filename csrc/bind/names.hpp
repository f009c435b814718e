// Settings by the names that the ops declare in Python.
#pragma once

#include <stdexcept>
#include <string>

#include "core/boundary.hpp"
#include "core/quadrant.hpp"

namespace hyra {

inline Boundary boundary_of(const std::string& name) {
  if (name == "zeros") return Boundary::kZeros;
  if (name == "replicate") return Boundary::kReplicate;
  if (name == "reflect") return Boundary::kReflect;
  if (name == "circular") return Boundary::kCircular;
  throw std::invalid_argument("boundary must be zeros, replicate, reflect or circular, got " + name);
}

inline Weighting weighting_of(const std::string& name) {
  if (name == "integral") return Weighting::kIntegral;
  if (name == "shift_invariant") return Weighting::kShiftInvariant;
  throw std::invalid_argument("weighting must be integral or shift_invariant, got " + name);
}

}  // namespace hyra
