// `_cuda_on_cpu`: the functions of `_cuda`, from the same sources, and what the tests set.
#include "bind/backend.hpp"

#include "engine.hpp"
#include "stores.hpp"

namespace hyra {

void bind_rings(py::module_& m);

void bind_backend(py::module_& m) {
  m.attr("backend") = "cuda";
  m.def("runtime_version", [] { return 0; }, "The CUDA runtime that this module was built with: none.");
  m.def("driver_version", [] { return 0; }, "The newest CUDA runtime that the driver supports; 0 without a driver.");
  m.def("set_schedule", &cuda_on_cpu::set_schedule, py::arg("schedule"),
        "The order in which blocks and threads run: forward, reverse or random:SEED.");
  m.def("set_double_ratio", &cuda_on_cpu::set_double_ratio, py::arg("ratio"),
        "How many times slower float64 is than float32 on the device: 64 at first.");
  m.def("launch_count", &cuda_on_cpu::launch_count, "Kernels launched so far.");
  m.def("record_stores", &cuda_on_cpu::record_stores, "Keep, from now on, what kernels store by __stwb.");
  m.def(
      "recorded_stores",
      [] {
        py::list stores;
        for (const auto& store : cuda_on_cpu::recorded_stores()) {
          stores.append(py::make_tuple(store.block, store.thread, store.threads, store.address, store.bytes));
        }
        return stores;
      },
      "Those since `record_stores`, each (block, thread, address, bytes), a thread's in its order; then none are "
      "kept.");
  m.def(
      "mark_device_memory",
      [](Address begin, std::size_t bytes) { cuda_on_cpu::mark_device_memory(pointer<void>(begin), bytes); },
      py::arg("begin"), py::arg("bytes"), "Host code may not touch this memory: AddressSanitizer reports it.");
  m.def(
      "unmark_device_memory", [](Address begin) { cuda_on_cpu::unmark_device_memory(pointer<void>(begin)); },
      py::arg("begin"), "Undo mark_device_memory.");
  bind_rings(m);
}

}  // namespace hyra
