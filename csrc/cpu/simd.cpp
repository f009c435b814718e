#include "cpu/simd.hpp"

#include <stdexcept>

namespace hyra {
namespace {

const char* const kNames[] = {"baseline", "avx2", "avx512"};

SimdLevel widest() {
#ifdef HYRA_HAS_AVX512
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return SimdLevel::kAvx512;
  }
#endif
#ifdef HYRA_HAS_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    return SimdLevel::kAvx2;
  }
#endif
  return SimdLevel::kBaseline;
}

SimdLevel& active() {
  static SimdLevel level = widest();
  return level;
}

}  // namespace

SimdLevel simd_level() { return active(); }

std::string simd_level_name() { return kNames[static_cast<int>(active())]; }

std::vector<std::string> simd_levels() { return {kNames, kNames + static_cast<int>(widest()) + 1}; }

void set_simd_level(const std::string& level) {
  std::string available;
  int index = 0;
  for (const std::string& name : simd_levels()) {
    if (name == level) {
      active() = static_cast<SimdLevel>(index);
      return;
    }
    available += (index++ == 0 ? "" : ", ") + name;
  }
  throw std::invalid_argument("SIMD level must be one of " + available + " on this machine, got '" + level + "'");
}

}  // namespace hyra
