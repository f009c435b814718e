// Which instruction set runs: the widest that this machine has, or the one that was forced.
#pragma once

#include <string>
#include <vector>

namespace hyra {

enum class SimdLevel { kBaseline, kAvx2, kAvx512 };

SimdLevel simd_level();
std::vector<std::string> simd_levels();         // those that this build holds and this machine runs
void set_simd_level(const std::string& level);  // throws std::invalid_argument
std::string simd_level_name();

}  // namespace hyra
