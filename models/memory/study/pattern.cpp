#include <fmt/format.h>

#include "models/memory/study/source.hpp"

namespace triad::memory::study {

Pattern::Pattern(const device::Traffic& traffic, std::uint64_t capacity)
    : pattern_(traffic.pattern),
      bytes_(traffic.bytes),
      stride_(traffic.stride),
      capacity_(capacity),
      left_(traffic.requests.value_or(1'000'000)),
      writes_(traffic.writes),
      all_(traffic.reads + traffic.writes),
      interval_(traffic.interval),
      random_(traffic.seed) {}

/// Uniform in [0, limit): the upper half of a product (Lemire, "Fast Random Integer Generation in an Interval", 2019,
/// without its rejection: the bias is below limit / 2^64).
std::uint64_t Pattern::below(std::uint64_t limit) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{random_()} * limit) >> 64);
}

std::optional<Access> Pattern::next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  Access access;
  if (pattern_ == device::Traffic::Pattern::random) {
    access.address = below(capacity_ / bytes_) * bytes_;
  } else {
    access.address = address_;
    address_ += pattern_ == device::Traffic::Pattern::strided ? stride_ : bytes_;
    // From the begin again, so that no request lies across the end.
    if (capacity_ - bytes_ < address_) address_ = 0;
  }
  access.write = writes_ > 0 && (writes_ == all_ || below(all_) < writes_);
  if (interval_) {
    access.cycle = cycle_;
    cycle_ += *interval_;
  }
  return access;
}

std::unique_ptr<Source> make_source(const device::Traffic& traffic, std::uint64_t capacity) {
  if (traffic.bytes == 0) throw config::Error("a request of 0 B: expected 1 B or more");
  if (traffic.bytes > capacity) {
    throw config::Error(
        fmt::format("a request of {} B is larger than the memory, which has {} B", traffic.bytes, capacity));
  }
  const bool strided = traffic.trace == nullptr && traffic.pattern == device::Traffic::Pattern::strided;
  if (strided && traffic.stride > capacity - traffic.bytes) {
    throw config::Error(
        fmt::format("a stride of {} B leads out of the memory, which has {} B: all would be one address",
                    traffic.stride, capacity));
  }
  if (traffic.reads == 0 && traffic.writes == 0) throw config::Error("a ratio of 0:0: nothing is read or written");
  if (traffic.trace != nullptr) return std::make_unique<Trace>(traffic, capacity);
  return std::make_unique<Pattern>(traffic, capacity);
}

std::string line_of(const Access& access) {
  std::string line = fmt::format("{:#x} {}", access.address, access.write ? 'W' : 'R');
  if (access.cycle) line += fmt::format(" {}", *access.cycle);
  return line + "\n";
}

}  // namespace triad::memory::study
