#pragma once
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace triad::memory::tlm {

/// What a memory should hold: bytes that were written, and which have been.
class Shadow {
 public:
  void write(std::uint64_t address, const std::byte* in, std::uint64_t bytes);
  /// The first address from which `bytes` differ from what was written there; ~0 when none does.
  std::uint64_t difference(std::uint64_t address, const std::byte* read, std::uint64_t bytes) const;

 private:
  static constexpr std::uint64_t page_bytes = 4096;
  struct Page {
    std::byte bytes[page_bytes];
    std::bitset<page_bytes> written;
  };
  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
};

}  // namespace triad::memory::tlm
