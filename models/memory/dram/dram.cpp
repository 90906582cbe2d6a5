#include "models/memory/dram/dram.hpp"

#include <fmt/format.h>

namespace triad::memory::dram {

namespace {

/// Two observers as one.
struct Both : Observer {
  Both(Observer* first, Observer* second) : first(first), second(second) {}
  void command(const Issued& issued) override {
    first->command(issued);
    second->command(issued);
  }
  Observer* first;
  Observer* second;
};

}  // namespace

Dram::Dram(const Parameters& parameters, bool check, const std::function<Observer*(int controller)>& observer)
    : mapping_(parameters) {
  const Organization& o = parameters.organization;
  controllers_.reserve(static_cast<std::size_t>(o.controllers()));
  for (int c = 0; c < o.controllers(); ++c) {
    const int channel = c / o.pseudo_channels, pseudo = c % o.pseudo_channels;
    Observer* watch = observer ? observer(c) : nullptr;
    if (check) {
      std::string name = fmt::format("channel {}", channel);
      if (o.pseudo_channels > 1) name += fmt::format(", pseudo channel {}", pseudo);
      Observer* checker = observers_.emplace_back(std::make_unique<Checker>(parameters, name)).get();
      watch = watch == nullptr ? checker : observers_.emplace_back(std::make_unique<Both>(checker, watch)).get();
    }
    controllers_.emplace_back(parameters, pseudo, watch);
  }
}

}  // namespace triad::memory::dram
