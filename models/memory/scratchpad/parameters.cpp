#include "models/memory/scratchpad/parameters.hpp"

#include <fmt/core.h>

#include <bit>

namespace triad::memory::scratchpad {

using config::Quantity;

Parameters Parameters::read(const config::Node& node) {
  Parameters p;
  const auto bytes = [&](const char* key) {
    return static_cast<std::uint64_t>(node.at(key).quantity(Quantity::bytes));
  };
  p.bytes = bytes("size");
  p.banks = static_cast<std::uint64_t>(node.at("banks").integer(1, most_banks));
  p.word_bytes = bytes("word");
  p.interleave_bytes = bytes("interleave");
  p.width_bytes = bytes("width");
  if (!std::has_single_bit(p.word_bytes) || p.word_bytes > 4096) {
    node.at("word").fail("must be a power of two up to 4 KiB");
  }
  if (p.interleave_bytes % p.word_bytes != 0) {
    node.at("interleave").fail(fmt::format("must be whole words of {} B", p.word_bytes));
  }
  if (p.bytes % (p.banks * p.interleave_bytes) != 0) {
    node.at("size").fail(
        fmt::format("must be a multiple of {} banks x {} B of interleave", p.banks, p.interleave_bytes));
  }
  if (p.width_bytes % p.word_bytes != 0 || p.width_bytes > most_words * p.word_bytes) {
    node.at("width").fail(fmt::format("must be 1 to {} words of {} B", most_words, p.word_bytes));
  }
  const config::Node ports = node.at("ports");
  const auto number = [&](const char* key) {
    const auto found = ports.find(key);
    return found ? static_cast<int>(found->integer(0, 16)) : 0;
  };
  p.read_ports = number("read");
  p.write_ports = number("write");
  p.shared_ports = number("shared");
  if (p.shared_ports == 0 && (p.read_ports == 0 || p.write_ports == 0)) {
    ports.fail("a bank needs a port to read and one to write: {read: 1, write: 1} or {shared: 1}");
  }
  p.latency_cycles = static_cast<int>(node.at("latency").integer(1, 10000));
  p.queue = static_cast<int>(node.at("queue").integer(1, 1 << 20));
  return p;
}

std::vector<std::pair<std::string, std::string>> Parameters::describe(const std::string& name) const {
  const auto part = [](int n, const char* kind) { return n == 0 ? std::string() : fmt::format(", {} {}", n, kind); };
  return {
      {name, fmt::format("{:.4g} KiB in {} banks of {} B words", static_cast<double>(bytes) / 1024, banks, word_bytes)},
      {name + " ports", fmt::format("{} B wide{}{}{} a bank", width_bytes, part(read_ports, "to read"),
                                    part(write_ports, "to write"), part(shared_ports, "for either"))},
      {name + " latency", fmt::format("{} cycles", latency_cycles)}};
}

}  // namespace triad::memory::scratchpad
