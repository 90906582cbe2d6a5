#include "models/memory/tlm/parameters.hpp"

#include <fmt/core.h>

#include <bit>

namespace triad::memory::tlm {

Parameters Parameters::read(const config::Node& node) {
  Parameters p;
  const config::Node protocol = node.at("protocol");
  p.protocol =
      protocol.choice({"blocking", "non-blocking"}) == "blocking" ? Protocol::blocking : Protocol::non_blocking;
  p.burst = static_cast<std::uint64_t>(node.at("burst").quantity(config::Quantity::bytes));
  if (!std::has_single_bit(p.burst)) node.at("burst").fail("must be a power of two");
  // A thread each where transport blocks.
  p.outstanding = static_cast<int>(node.at("outstanding").integer(1, 1024));
  p.data = node.at("data").boolean();
  return p;
}

std::vector<std::pair<std::string, std::string>> Parameters::describe() const {
  return {{"memory socket", fmt::format("TLM-2.0, {}", protocol == Protocol::blocking ? "b_transport" : "four phases")},
          {"memory transactions", fmt::format("{} of up to {} B", outstanding, burst)},
          {"memory holds the data", data ? "yes" : "no: timing alone"}};
}

}  // namespace triad::memory::tlm
