// The shared memory of a block: filled with NaN for every block, each variable between two red zones.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <source_location>
#include <vector>

namespace cuda_on_cpu {

class SharedVariable {
 public:
  SharedVariable(const void* identity, const char* name, std::size_t bytes, std::source_location where);
  ~SharedVariable();
  SharedVariable(SharedVariable&&) = default;

  void renew();          // for the next block
  bool damaged() const;  // whether something was written to a red zone (AddressSanitizer stops at once instead)

  void* data() const { return memory_.get() + zone_; }
  const void* identity() const { return identity_; }
  const char* name() const { return name_; }
  std::size_t bytes() const { return bytes_; }
  std::source_location where() const { return where_; }

 private:
  struct Free {
    void operator()(unsigned char* p) const { std::free(p); }
  };
  void allocate();

  const void* identity_;
  const char* name_;
  std::size_t bytes_, zone_;
  std::source_location where_;
  std::unique_ptr<unsigned char, Free> memory_;  // zone, data, zone
};

class SharedMemory {
 public:
  void begin_block();
  void* find(const void* identity) const;  // null if no thread of this launch has reached its declaration yet
  void* add(const void* identity, const char* name, std::size_t bytes, std::source_location where);
  std::size_t bytes() const;
  const SharedVariable* damaged() const;

 private:
  std::vector<SharedVariable> variables_;
};

}  // namespace cuda_on_cpu
