#include "stores.hpp"

#include <utility>

#include "language.hpp"

namespace cuda_on_cpu {
namespace {

bool recording = false;
std::vector<Store> stores;

}  // namespace

void record_stores() {
  stores.clear();
  recording = true;
}

std::vector<Store> recorded_stores() {
  recording = false;
  return std::exchange(stores, {});
}

void on_store(const void* address, std::size_t bytes) {
  if (!recording) return;
  const auto number = [](uint3 index, dim3 extent) {
    return (std::uint64_t{index.z} * extent.y + index.y) * extent.x + index.x;
  };
  stores.push_back({number(blockIdx, gridDim), static_cast<unsigned>(number(threadIdx, blockDim)),
                    blockDim.x * blockDim.y * blockDim.z, reinterpret_cast<std::uintptr_t>(address), bytes});
}

}  // namespace cuda_on_cpu
