// A fiber: a stack of its own, entered and left by `switch_fiber`. CUDA threads run on these.
#pragma once

#include <cstddef>

namespace cuda_on_cpu {

class Fiber {
 public:
  Fiber();                                      // the fiber that the caller is running on
  Fiber(void (*entry)(void*), void* argument);  // a new one: the first switch to it calls entry, which must not return
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

 private:
  friend void switch_fiber(Fiber& from, Fiber& to);
  static void enter();

  void* stack_pointer_ = nullptr;  // while it does not run
  void* mapping_ = nullptr;        // guard page and stack; null for the caller's own fiber
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  // What the sanitizers know this fiber by.
  const void* stack_bottom_ = nullptr;
  std::size_t stack_size_ = 0;
  void* fake_stack_ = nullptr;
  void* race_context_ = nullptr;
};

// Suspends `from`, which must be running, and resumes `to`. For ThreadSanitizer this orders nothing.
void switch_fiber(Fiber& from, Fiber& to);

}  // namespace cuda_on_cpu
