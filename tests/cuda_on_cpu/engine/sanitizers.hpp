// What the sanitizers are told, in one place: every function here is empty unless CMake built for that sanitizer.
#pragma once

#include <cstddef>

#ifdef CUDA_ON_CPU_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CUDA_ON_CPU_TSAN
#include <sanitizer/tsan_interface.h>
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace cuda_on_cpu {

inline void poison([[maybe_unused]] const void* begin, [[maybe_unused]] std::size_t bytes) {
#ifdef CUDA_ON_CPU_ASAN
  __asan_poison_memory_region(begin, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const void* begin, [[maybe_unused]] std::size_t bytes) {
#ifdef CUDA_ON_CPU_ASAN
  __asan_unpoison_memory_region(begin, bytes);
#endif
}

// Everything before `release(token)` happens before everything after a later `acquire(token)`.
inline void release([[maybe_unused]] void* token) {
#ifdef CUDA_ON_CPU_TSAN
  __tsan_release(token);
#endif
}

inline void acquire([[maybe_unused]] void* token) {
#ifdef CUDA_ON_CPU_TSAN
  __tsan_acquire(token);
#endif
}

// The engine's bookkeeping is no access of the CUDA thread that happens to run it: not in here. Memory allocated in
// here starts without a history. Must not span a switch of fibers.
struct Unobserved {
#ifdef CUDA_ON_CPU_TSAN
  Unobserved() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unobserved() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
#else
  Unobserved() {}
  ~Unobserved() {}
#endif
  Unobserved(const Unobserved&) = delete;
  Unobserved& operator=(const Unobserved&) = delete;
};

#ifdef CUDA_ON_CPU_ASAN
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif
#ifdef CUDA_ON_CPU_TSAN
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

}  // namespace cuda_on_cpu
