// A small zero-filled array for the length of one chunk. (Anything that grows with the image is allocated by torch.)
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

namespace hyra::HYRA_TARGET {

template <typename T>
class Scratch {
 public:
  explicit Scratch(std::int64_t size) : data_(static_cast<T*>(std::calloc(static_cast<std::size_t>(size), sizeof(T)))) {
    if (data_ == nullptr && size > 0) throw std::bad_alloc();
  }
  ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() { return data_; }
  T& operator[](std::int64_t i) { return data_[i]; }

 private:
  T* data_;
};

}  // namespace hyra::HYRA_TARGET
