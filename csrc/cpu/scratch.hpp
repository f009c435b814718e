// A small array for the length of one chunk, aligned to a cache line, of zeros unless it is to be left as it comes.
// (Anything that grows with the image is allocated by torch.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace hyra::HYRA_TARGET {

constexpr std::size_t kCacheLine = 64;

enum class Fill { kZeros, kNone };

template <typename T>
class Scratch {
 public:
  explicit Scratch(std::int64_t size, Fill fill = Fill::kZeros) {
    const std::size_t lines = (static_cast<std::size_t>(size) * sizeof(T) + kCacheLine - 1) / kCacheLine;
    if (lines == 0) return;
    data_ = static_cast<T*>(std::aligned_alloc(kCacheLine, lines * kCacheLine));
    if (data_ == nullptr) throw std::bad_alloc();
    if (fill == Fill::kZeros) std::memset(data_, 0, lines * kCacheLine);
  }
  ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() { return data_; }
  T& operator[](std::int64_t i) { return data_[i]; }

 private:
  T* data_ = nullptr;
};

}  // namespace hyra::HYRA_TARGET
