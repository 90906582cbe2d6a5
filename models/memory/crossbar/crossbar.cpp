#include "models/memory/crossbar/crossbar.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

namespace triad::memory::crossbar {

namespace {

void connect(std::vector<Link*>& ports, int port, Link& link) {
  if (port < 0 || static_cast<std::size_t>(port) >= ports.size() || ports[static_cast<std::size_t>(port)] != nullptr) {
    throw std::logic_error(fmt::format("crossbar: port {} of {} cannot be connected", port, ports.size()));
  }
  ports[static_cast<std::size_t>(port)] = &link;
}

}  // namespace

Crossbar::Crossbar(const sc_core::sc_module_name& name, const kit::Clock& clock, const Parameters& parameters,
                   activity::Recorder& recorder, const activity::Technology& technology, activity::Resource resource)
    : Unit(name, clock),
      switch_(parameters),
      inputs_(static_cast<std::size_t>(parameters.inputs)),
      outputs_(static_cast<std::size_t>(parameters.outputs)),
      record_(recorder, static_cast<const char*>(name), clock, resource),
      packets_action_(record_.add_action("packets", 0)),
      flits_action_(record_.add_action("flits", parameters.picojoules_per_flit(technology))) {}

void Crossbar::connect_input(int port, Link& link, kit::Unit& producer) {
  connect(inputs_, port, link);
  link.connect(producer, *this);
}

void Crossbar::connect_output(int port, Link& link, kit::Unit& consumer) {
  connect(outputs_, port, link);
  link.connect(*this, consumer);
}

void Crossbar::step() {
  const Cycle now = cycle();
  const Cycle next = switch_.step(now, inputs_, outputs_);
  // What was granted passes the outputs from now on, a flit a cycle.
  for (const Switch::Grant& grant : switch_.grants()) {
    const auto flits = static_cast<std::uint64_t>(grant.flits);
    record_.count(packets_action_, 1, now);
    record_.count(flits_action_, flits, now);
    record_.busy(grant.tag, now, now + flits);
  }
  if (next != never) wake_at(next);
}

std::string Crossbar::waits_for() const {
  std::string text = switch_.describe_waiting();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i] == nullptr || inputs_[i]->empty()) continue;
    text += fmt::format("{}input {}: {} packets in its link", text.empty() ? "" : "; ", i, inputs_[i]->size());
  }
  return text;
}

}  // namespace triad::memory::crossbar
