// The engine's own tests: small kernels, each right and with one bug seeded. A case is true if the result is right.
#pragma once

#include <cstdint>
#include <vector>

#include "platform.cuh"

namespace selftest {

struct Case {
  const char* name;
  bool (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Register {
  Register(const char* name, bool (*run)()) { cases().push_back({name, run}); }
};

constexpr int kBlock = HYRA_BLOCK(256);
constexpr cudaStream_t kStream = nullptr;

// 0, 1, ..., as T: sums of these are exact.
template <typename T>
std::vector<T> count_up(std::size_t size) {
  std::vector<T> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<T>(i);
  return values;
}

}  // namespace selftest

#define SELFTEST(name, ...) \
  static const ::selftest::Register name##_registered(#name, []() -> bool { return __VA_ARGS__; })
