#include "models/gpu/l2/parameters.hpp"

#include <fmt/core.h>

namespace triad::gpu {

L2Parameters L2Parameters::read(const config::Node& node, int sms) {
  L2Parameters p;
  p.slices = static_cast<int>(node.at("slices").integer(1, memory::crossbar::Parameters::most_ports));
  p.slice = memory::cache::Parameters::read(node.at("slice"));
  p.requests = memory::crossbar::Parameters::read(node.at("crossbar"), sms, p.slices);
  p.replies = memory::crossbar::Parameters::read(node.at("crossbar"), p.slices, sms);
  if (p.requests.largest_data < p.slice.line) {
    node.at("crossbar").at("largest_data").fail(fmt::format("must hold a line of the slices ({} B)", p.slice.line));
  }
  p.in_flight = static_cast<int>(node.at("requests").integer(1, 1 << 20));
  return p;
}

std::vector<std::pair<std::string, std::string>> L2Parameters::describe() const {
  auto rows = slice.describe("L2 slice");
  rows.insert(rows.begin(), {"L2", fmt::format("{:.4g} MiB in {} slices",
                                               static_cast<double>(slice.size) * slices / (1 << 20), slices)});
  for (auto& row : requests.describe()) rows.push_back(std::move(row));
  rows.push_back({"L2 requests in flight", std::to_string(in_flight)});
  return rows;
}

std::uint64_t L2Parameters::rotation(std::uint64_t group) const {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15u;
  std::uint64_t mixed = group * odd;
  mixed = (mixed ^ mixed >> 32) * odd;
  return (mixed >> 32) % static_cast<std::uint64_t>(slices);
}

L2Parameters::Place L2Parameters::place(std::uint64_t address) const {
  const std::uint64_t line = address / slice.line, n = static_cast<std::uint64_t>(slices), group = line / n;
  return {static_cast<int>((line + rotation(group)) % n), group * slice.line + address % slice.line};
}

std::uint64_t L2Parameters::address(const Place& place) const {
  const std::uint64_t n = static_cast<std::uint64_t>(slices), group = place.address / slice.line;
  const std::uint64_t turn = (static_cast<std::uint64_t>(place.slice) + n - rotation(group)) % n;
  return (group * n + turn) * slice.line + place.address % slice.line;
}

}  // namespace triad::gpu
