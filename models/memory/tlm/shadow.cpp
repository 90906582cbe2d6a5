#include "models/memory/tlm/shadow.hpp"

namespace triad::memory::tlm {

void Shadow::write(std::uint64_t address, const std::byte* in, std::uint64_t bytes) {
  for (std::uint64_t i = 0; i < bytes; ++i) {
    std::unique_ptr<Page>& page = pages_[(address + i) / page_bytes];
    if (!page) page = std::make_unique<Page>();
    page->bytes[(address + i) % page_bytes] = in[i];
    page->written.set((address + i) % page_bytes);
  }
}

std::uint64_t Shadow::difference(std::uint64_t address, const std::byte* read, std::uint64_t bytes) const {
  for (std::uint64_t i = 0; i < bytes; ++i) {
    const auto page = pages_.find((address + i) / page_bytes);
    const std::uint64_t at = (address + i) % page_bytes;
    if (page != pages_.end() && page->second->written[at] && page->second->bytes[at] != read[i]) return address + i;
  }
  return ~std::uint64_t{0};
}

}  // namespace triad::memory::tlm
