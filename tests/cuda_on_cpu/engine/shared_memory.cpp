#include "shared_memory.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "sanitizers.hpp"

namespace cuda_on_cpu {
namespace {

constexpr unsigned char kUnset = 0xff;  // in every byte: NaN as float and as double, -1 as an integer
constexpr std::size_t kAlignment = 128;
constexpr std::size_t kLargestZone = 16 << 10;

bool is_unset(const unsigned char* begin, std::size_t bytes) {
  return begin[0] == kUnset && std::memcmp(begin, begin + 1, bytes - 1) == 0;
}

std::size_t round_up(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

SharedVariable::SharedVariable(const void* identity, const char* name, std::size_t bytes, std::source_location where)
    : identity_(identity),
      name_(name),
      bytes_(bytes),
      zone_(std::min(kAlignment + round_up(bytes), kLargestZone)),
      where_(where) {
  allocate();
}

SharedVariable::~SharedVariable() {
  if (memory_) unpoison(memory_.get(), 2 * zone_ + round_up(bytes_));
}

void SharedVariable::allocate() {
  const std::size_t total = 2 * zone_ + round_up(bytes_);
  memory_.reset(static_cast<unsigned char*>(std::aligned_alloc(kAlignment, total)));
  if (!memory_) throw std::bad_alloc();
  std::memset(memory_.get(), kUnset, total);
  poison(memory_.get(), zone_);
  poison(memory_.get() + zone_ + bytes_, total - zone_ - bytes_);
}

void SharedVariable::renew() {
  if constexpr (kThreadSanitizer) {
    allocate();  // memory without a history: nothing orders this block after the last one
  } else {
    std::memset(data(), kUnset, bytes_);
  }
}

bool SharedVariable::damaged() const {
  if constexpr (kAddressSanitizer) return false;
  const std::size_t data_end = zone_ + bytes_, total = 2 * zone_ + round_up(bytes_);
  return !is_unset(memory_.get(), zone_) || !is_unset(memory_.get() + data_end, total - data_end);
}

void SharedMemory::begin_block() {
  const Unobserved scope;
  for (SharedVariable& variable : variables_) variable.renew();
}

void* SharedMemory::find(const void* identity) const {
  for (const SharedVariable& variable : variables_) {
    if (variable.identity() == identity) return variable.data();
  }
  return nullptr;
}

void* SharedMemory::add(const void* identity, const char* name, std::size_t bytes, std::source_location where) {
  const Unobserved scope;
  return variables_.emplace_back(identity, name, bytes, where).data();
}

std::size_t SharedMemory::bytes() const {
  std::size_t sum = 0;
  for (const SharedVariable& variable : variables_) sum += variable.bytes();
  return sum;
}

const SharedVariable* SharedMemory::damaged() const {
  for (const SharedVariable& variable : variables_) {
    if (variable.damaged()) return &variable;
  }
  return nullptr;
}

}  // namespace cuda_on_cpu
