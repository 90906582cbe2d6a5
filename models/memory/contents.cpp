#include "models/memory/contents.hpp"

#include <algorithm>
#include <cstring>

namespace triad::memory {

void Contents::read(std::uint64_t address, std::byte* out, std::uint64_t bytes) const {
  while (bytes > 0) {
    const std::uint64_t offset = address % page_bytes, n = std::min(bytes, page_bytes - offset);
    const auto page = pages_.find(address / page_bytes);
    if (page == pages_.end()) {
      std::memset(out, 0, n);
    } else {
      std::memcpy(out, page->second->data() + offset, n);
    }
    address += n, out += n, bytes -= n;
  }
}

void Contents::write(std::uint64_t address, const std::byte* in, std::uint64_t bytes) {
  while (bytes > 0) {
    const std::uint64_t offset = address % page_bytes, n = std::min(bytes, page_bytes - offset);
    std::unique_ptr<Page>& page = pages_[address / page_bytes];
    if (!page) page = std::make_unique<Page>();
    std::memcpy(page->data() + offset, in, n);
    address += n, in += n, bytes -= n;
  }
}

}  // namespace triad::memory
