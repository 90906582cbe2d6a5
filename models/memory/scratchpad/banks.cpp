#include "models/memory/scratchpad/banks.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

#include "models/memory/scratchpad/bank_load.hpp"

namespace triad::memory::scratchpad {

Banks::Banks(const Parameters& parameters)
    : parameters_(parameters),
      ports_of_bank_(
          static_cast<std::size_t>(parameters.read_ports + parameters.write_ports + parameters.shared_ports)),
      free_(parameters.banks * ports_of_bank_) {}

Banks::Range Banks::ports(std::uint64_t bank, bool write) const {
  const std::size_t first = bank * ports_of_bank_;
  const std::size_t writes = first + static_cast<std::size_t>(parameters_.read_ports);
  const std::size_t shared = writes + static_cast<std::size_t>(parameters_.write_ports);
  return {write ? writes : first, write ? shared : writes, shared, first + ports_of_bank_};
}

/// The port that is free first; its own kind before one for either.
std::size_t Banks::first_free(const Range& range) const {
  std::size_t best = range.own < range.own_end ? range.own : range.shared;
  for (std::size_t p = range.own; p < range.own_end; ++p) best = free_[p] < free_[best] ? p : best;
  for (std::size_t p = range.shared; p < range.end; ++p) best = free_[p] < free_[best] ? p : best;
  return best;
}

Cycle Banks::free(std::uint64_t bank, bool write) const {
  return free_[first_free(ports(bank, write))];
}

Service Banks::serve(std::span<const std::uint64_t> lanes, std::uint64_t bytes, bool write, Cycle now) {
  const std::uint64_t word_bytes = parameters_.word_bytes;
  if (bytes == 0 || bytes > parameters_.width_bytes || (word_bytes % bytes != 0 && bytes % word_bytes != 0)) {
    throw std::logic_error(fmt::format("scratchpad: lanes of {} bytes; words have {} bytes, a part {}", bytes,
                                       word_bytes, parameters_.width_bytes));
  }
  const int kind_ports = (write ? parameters_.write_ports : parameters_.read_ports) + parameters_.shared_ports;
  const std::size_t part = std::max<std::size_t>(1, parameters_.width_bytes / std::max(bytes, word_bytes));
  Service service{~Cycle{0}, now, now, 0, 0};
  for (std::size_t first = 0; first < lanes.size(); first += part) {
    const Cycle start = service.end;
    BankLoad<2 * Parameters::most_words, Parameters::most_banks> load;
    for (const std::uint64_t lane : lanes.subspan(first, std::min(part, lanes.size() - first))) {
      if (lane == no_lane) continue;
      for (std::uint64_t word = lane / word_bytes; word <= (lane + bytes - 1) / word_bytes; ++word) {
        const std::uint64_t bank = parameters_.bank_of(word * word_bytes);
        if (!load.add(word, bank)) continue;
        Cycle& free = free_[first_free(ports(bank, write))];
        const Cycle at = std::max(start, free);
        free = at + 1;
        service.begin = std::min(service.begin, at);
        service.end = std::max(service.end, at + 1);
      }
    }
    if (load.words() == 0) continue;
    service.words += load.words();
    service.conflicts += static_cast<Cycle>((load.most() + kind_ports - 1) / kind_ports - 1);
  }
  service.begin = std::min(service.begin, service.end);
  service.ready = service.end - (service.words > 0 ? 1 : 0) + static_cast<Cycle>(parameters_.latency_cycles);
  return service;
}

Service Banks::serve(std::uint64_t base, std::int64_t stride, std::size_t count, std::uint64_t bytes, bool write,
                     Cycle now) {
  lanes_.resize(count);
  for (std::size_t lane = 0; lane < count; ++lane) {
    lanes_[lane] = base + static_cast<std::uint64_t>(stride * static_cast<std::int64_t>(lane));
  }
  return serve(lanes_, bytes, write, now);
}

}  // namespace triad::memory::scratchpad
