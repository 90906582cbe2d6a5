#include "models/memory/dram/dram.hpp"

#include <fmt/format.h>

namespace triad::memory::dram {

Dram::Dram(const Parameters& parameters, bool check) : mapping_(parameters) {
  const Organization& o = parameters.organization;
  controllers_.reserve(static_cast<std::size_t>(o.controllers()));
  for (int c = 0; c < o.controllers(); ++c) {
    const int channel = c / o.pseudo_channels, pseudo = c % o.pseudo_channels;
    Checker* checker = nullptr;
    if (check) {
      std::string name = fmt::format("channel {}", channel);
      if (o.pseudo_channels > 1) name += fmt::format(", pseudo channel {}", pseudo);
      checker = checkers_.emplace_back(std::make_unique<Checker>(parameters, name)).get();
    }
    controllers_.emplace_back(parameters, pseudo, checker);
  }
}

}  // namespace triad::memory::dram
