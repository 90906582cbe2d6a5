#include "sim/reference/memory.hpp"

#include <algorithm>
#include <new>

namespace triad::reference {
namespace {

constexpr std::align_val_t alignment{64};

}  // namespace

Pool::Shared::~Shared() {
  for (const auto& [bytes, memory] : free) ::operator delete(memory, alignment);
}

std::shared_ptr<std::byte> Pool::take(std::int64_t bytes) {
  const std::int64_t wanted = (std::max<std::int64_t>(bytes, 1) + 63) / 64 * 64;
  const std::scoped_lock lock(shared_->mutex);
  // A block that is up to a quarter too large serves: more would waste what the next one needs.
  auto found = shared_->free.lower_bound(wanted);
  if (found != shared_->free.end() && found->first > wanted + wanted / 4) found = shared_->free.end();
  std::int64_t size = wanted;
  std::byte* memory = nullptr;
  if (found != shared_->free.end()) {
    size = found->first;
    memory = found->second;
    shared_->free.erase(found);
  } else {
    memory = static_cast<std::byte*>(::operator new(static_cast<std::size_t>(size), alignment));
  }
  shared_->used += size;
  shared_->peak = std::max(shared_->peak, shared_->used);
  return {memory, [shared = shared_, size](std::byte* returned) {
            const std::scoped_lock returning(shared->mutex);
            shared->used -= size;
            shared->free.emplace(size, returned);
          }};
}

std::int64_t Pool::peak_bytes() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->peak;
}

}  // namespace triad::reference
