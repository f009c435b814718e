#include "runtime.hpp"

#include <atomic>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>

#include "block.hpp"
#include "describe.hpp"
#include "sanitizers.hpp"

namespace cuda_on_cpu {
namespace {

constexpr int kMultiprocessors = 132;
constexpr std::size_t kSharedBytes = 48 << 10;        // without asking
constexpr std::size_t kSharedBytesOptIn = 227 << 10;  // after cudaFuncSetAttribute

struct Device {
  std::mutex mutex;  // launches run one after another, as on a stream
  Schedule schedule{std::getenv("HYRA_CUDA_SCHEDULE") ? std::getenv("HYRA_CUDA_SCHEDULE") : "forward"};
  Ordering ordering;
  ThreadPool pool;
  std::int64_t launches = 0;
  std::map<const void*, std::size_t> shared_limits;  // by kernel: dynamic bytes
  std::map<const void*, std::size_t> memory;         // marked as the device's: begin, bytes
  std::atomic<int> double_ratio = 64;                // as most GPUs have
  cudaError_t last_error = cudaSuccess;
};

Device& device() {
  static Device the_device;
  return the_device;
}

// Holds the device, and lets the marked memory be touched meanwhile.
class DeviceAccess {
 public:
  DeviceAccess() : lock_(device().mutex) {
    for (const auto& [begin, bytes] : device().memory) unpoison(begin, bytes);
  }
  ~DeviceAccess() {
    for (const auto& [begin, bytes] : device().memory) poison(begin, bytes);
  }

 private:
  const std::lock_guard<std::mutex> lock_;
};

bool within(dim3 extent, dim3 limit) {
  return extent.x >= 1 && extent.y >= 1 && extent.z >= 1 && extent.x <= limit.x && extent.y <= limit.y &&
         extent.z <= limit.z;
}

void check_limits(const Launch& launch, std::size_t dynamic_limit) {
  std::string problem;
  const std::uint64_t threads = std::uint64_t{launch.block.x} * launch.block.y * launch.block.z;
  if (!within(launch.grid, {INT_MAX, 65535, 65535})) {
    problem = "the grid " + describe(launch.grid) + " is not between (1,1,1) and (2147483647,65535,65535)";
  } else if (!within(launch.block, {1024, 1024, 64}) || threads > Schedule::kMaxThreads) {
    problem = "the block " + describe(launch.block) + " is not between 1 and 1024 threads (64 in z)";
  } else if (launch.dynamic_shared_bytes > dynamic_limit) {
    problem = std::to_string(launch.dynamic_shared_bytes) + " bytes of dynamic shared memory, more than " +
              std::to_string(dynamic_limit) + " (cudaFuncSetAttribute allows a kernel more)";
  }
  if (!problem.empty()) {
    throw std::runtime_error(std::string(launch.kernel) + " launched at " + describe(launch.where) +
                             ": invalid configuration argument: " + problem);
  }
}

}  // namespace

void run_kernel(const Launch& launch, void (*body)(const void*), const void* arguments) {
  const DeviceAccess access;
  const auto raised = device().shared_limits.find(launch.function);
  ++device().launches;
  const bool is_raised = raised != device().shared_limits.end();
  check_limits(launch, is_raised ? raised->second : kSharedBytes);
  const std::size_t shared_limit = is_raised ? kSharedBytesOptIn : kSharedBytes;
  const std::int64_t x = launch.grid.x, y = launch.grid.y, z = launch.grid.z;
  Block block(launch, shared_limit, body, arguments, device().schedule, device().ordering, device().pool);
  for (const std::int64_t number : device().schedule.begin_launch(x * y * z)) {
    block.run({static_cast<unsigned>(number % x), static_cast<unsigned>(number / x % y),
               static_cast<unsigned>(number / (x * y))});
  }
}

void set_double_ratio(int ratio) { device().double_ratio = ratio; }

void set_schedule(const std::string& schedule) {
  const std::lock_guard lock(device().mutex);
  device().schedule = Schedule(schedule);
}

std::int64_t launch_count() {
  const std::lock_guard lock(device().mutex);
  return device().launches;
}

void mark_device_memory(const void* begin, std::size_t bytes) {
  const std::lock_guard lock(device().mutex);
  device().memory[begin] = bytes;
  poison(begin, bytes);
}

void unmark_device_memory(const void* begin) {
  const std::lock_guard lock(device().mutex);
  const auto found = device().memory.find(begin);
  if (found == device().memory.end()) return;
  unpoison(begin, found->second);
  device().memory.erase(found);
}

}  // namespace cuda_on_cpu

using cuda_on_cpu::device;

namespace {

cudaError_t report(bool valid) {
  if (!valid) device().last_error = cudaErrorInvalidValue;
  return valid ? cudaSuccess : cudaErrorInvalidValue;
}

}  // namespace

const char* cudaGetErrorString(cudaError_t error) { return error == cudaSuccess ? "no error" : "invalid argument"; }

cudaError_t cudaGetLastError() {
  const cudaError_t error = device().last_error;
  device().last_error = cudaSuccess;
  return error;
}

cudaError_t cudaGetDevice(int* number) {
  *number = 0;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int number) {
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = cuda_on_cpu::kMultiprocessors;
      break;
    case cudaDevAttrSingleToDoublePrecisionPerfRatio:
      *value = device().double_ratio;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(cuda_on_cpu::kSharedBytesOptIn);
      break;
    default:
      return report(false);
  }
  return report(number == 0);
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t) {
  const cuda_on_cpu::DeviceAccess access;
  std::memset(memory, value, bytes);
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  const std::lock_guard lock(device().mutex);
  const bool valid = attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && value >= 0 &&
                     static_cast<std::size_t>(value) <= cuda_on_cpu::kSharedBytesOptIn;
  if (valid) device().shared_limits[function] = static_cast<std::size_t>(value);
  return report(valid);
}
