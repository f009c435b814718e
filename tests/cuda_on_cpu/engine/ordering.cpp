#include "ordering.hpp"

#include "sanitizers.hpp"

namespace cuda_on_cpu {

void Ordering::launch_begins() { release(&launch_); }

void Ordering::launch_ends() {
  acquire(&done_);
  publications_.clear();
  fence_tokens_.clear();
}

void Ordering::block_begins() {
  if constexpr (!kThreadSanitizer) return;
  const Unobserved scope;
  meetings_ = std::make_unique<Token[]>(kMeetings);  // fresh memory: no order left from an earlier block
  fences_.assign(Schedule::kMaxThreads, {});
}

void Ordering::thread_begins() { acquire(&launch_); }

void Ordering::thread_ends() { release(&done_); }

void* Ordering::new_meeting() {
  if constexpr (!kThreadSanitizer) return nullptr;
  return &meetings_[next_meeting_++ % kMeetings];
}

void Ordering::fence(unsigned thread) {
  if constexpr (!kThreadSanitizer) return;
  const Unobserved scope;
  Fences& fences = fences_[thread];
  for (const auto& [address, count] : fences.observed) {
    for (std::size_t i = 0; i < count; ++i) acquire(publications_[address][i].token);
  }
  fences.observed.clear();
  fence_tokens_.push_back(std::make_unique<Token>());
  fences.published = fence_tokens_.back().get();
  release(fences.published);
}

void Ordering::atomic(unsigned thread, const void* address) {
  if constexpr (!kThreadSanitizer) return;
  const Unobserved scope;
  Fences& fences = fences_[thread];
  std::vector<Publication>& here = publications_[address];
  if (fences.published != nullptr) here.push_back({fences.published});
  fences.observed.emplace_back(address, here.size());
}

}  // namespace cuda_on_cpu
