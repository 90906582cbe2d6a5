#include "models/memory/contents.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

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

void Contents::visit(std::uint64_t end,
                     const std::function<void(std::uint64_t address, std::byte* data, std::uint64_t bytes)>& see) {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, page] : pages_) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  for (const std::uint64_t number : numbers) {
    const std::uint64_t address = number * page_bytes;
    if (address < end) see(address, pages_[number]->data(), std::min(page_bytes, end - address));
  }
}

}  // namespace triad::memory
