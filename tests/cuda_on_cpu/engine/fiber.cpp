#include "fiber.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <new>

#include "sanitizers.hpp"

// void cuda_on_cpu_switch_stack(void** save, void* load): pushes the registers that a call preserves, stores the stack
// pointer in *save, continues on the stack `load` where an earlier call (or a new fiber's first frame) left them.
extern "C" void cuda_on_cpu_switch_stack(void** save, void* load);

#if defined(__x86_64__)
asm(R"(
.text
.globl cuda_on_cpu_switch_stack
.hidden cuda_on_cpu_switch_stack
.type cuda_on_cpu_switch_stack, @function
cuda_on_cpu_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_on_cpu_switch_stack, . - cuda_on_cpu_switch_stack
)");
constexpr std::size_t kFrameWords = 8;  // six registers, the return address, the end of the chain of callers
constexpr std::size_t kReturnAddress = 6;
#elif defined(__aarch64__)
asm(R"(
.text
.globl cuda_on_cpu_switch_stack
.hidden cuda_on_cpu_switch_stack
.type cuda_on_cpu_switch_stack, %function
cuda_on_cpu_switch_stack:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size cuda_on_cpu_switch_stack, . - cuda_on_cpu_switch_stack
)");
constexpr std::size_t kFrameWords = 20;
constexpr std::size_t kReturnAddress = 11;  // x30
#else
#error "cuda_on_cpu switches stacks on x86-64 and aarch64 only"
#endif

namespace cuda_on_cpu {
namespace {

constexpr std::size_t kStackBytes = kAddressSanitizer || kThreadSanitizer ? 256 << 10 : 64 << 10;
constexpr std::size_t kColours = 16;  // stacks start on different cache lines, or thousands of them share one set

Fiber* entering = nullptr;   // the argument of a first switch
Fiber* suspended = nullptr;  // the other party of the switch under way

}  // namespace

Fiber::Fiber() {
#ifdef CUDA_ON_CPU_TSAN
  race_context_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(void (*entry)(void*), void* argument) : entry_(entry), argument_(argument) {
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  mapping_ =
      mmap(nullptr, page + kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping_ == MAP_FAILED) throw std::bad_alloc();
  mprotect(mapping_, page, PROT_NONE);
  stack_bottom_ = static_cast<char*>(mapping_) + page;
  stack_size_ = kStackBytes;

  static std::size_t colour = 0;
  const std::size_t offset = kFrameWords * sizeof(void*) + (colour++ % kColours) * 64;
  void** frame = reinterpret_cast<void**>(static_cast<char*>(mapping_) + page + kStackBytes - offset);
  frame[kReturnAddress] = reinterpret_cast<void*>(&Fiber::enter);
  stack_pointer_ = frame;
#ifdef CUDA_ON_CPU_TSAN
  race_context_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
  if (mapping_ == nullptr) return;
#ifdef CUDA_ON_CPU_TSAN
  // Whatever it did comes before the end of it: switching to its context and back, unlike elsewhere, orders that.
  void* const self = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(race_context_, 0);
  __tsan_switch_to_fiber(self, 0);
  __tsan_destroy_fiber(race_context_);
#endif
  unpoison(stack_bottom_, stack_size_);
  munmap(mapping_, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + kStackBytes);
}

void Fiber::enter() {
  Fiber& self = *entering;
#ifdef CUDA_ON_CPU_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &suspended->stack_bottom_, &suspended->stack_size_);
#endif
  self.entry_(self.argument_);
  __builtin_trap();
}

void switch_fiber(Fiber& from, Fiber& to) {
  entering = &to;
  suspended = &from;
#ifdef CUDA_ON_CPU_ASAN
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.stack_bottom_, to.stack_size_);
#endif
#ifdef CUDA_ON_CPU_TSAN
  __tsan_switch_to_fiber(to.race_context_, __tsan_switch_to_fiber_no_sync);
#endif
  cuda_on_cpu_switch_stack(&from.stack_pointer_, to.stack_pointer_);
#ifdef CUDA_ON_CPU_ASAN
  // The host's own stack is learnt here, on the first switch away from it.
  __sanitizer_finish_switch_fiber(from.fake_stack_, &suspended->stack_bottom_, &suspended->stack_size_);
#endif
}

}  // namespace cuda_on_cpu
