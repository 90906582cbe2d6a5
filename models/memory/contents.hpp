#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace triad::memory {

/// What a memory holds: sparse 64 KiB pages, zero until written. Separate from timing.
class Contents {
 public:
  void read(std::uint64_t address, std::byte* out, std::uint64_t bytes) const;
  void write(std::uint64_t address, const std::byte* in, std::uint64_t bytes);
  /// Visits what has been written, page by page in order of address, below `end`.
  void visit(std::uint64_t end,
             const std::function<void(std::uint64_t address, std::byte* data, std::uint64_t bytes)>& see);
  /// Bytes of host memory in use.
  std::uint64_t touched_bytes() const { return pages_.size() * page_bytes; }

 private:
  static constexpr std::uint64_t page_bytes = 65536;
  using Page = std::array<std::byte, page_bytes>;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;
};

}  // namespace triad::memory
