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
                   activity::Recorder& recorder, const activity::Technology& technology)
    : Unit(name, clock),
      switch_(parameters),
      inputs_(static_cast<std::size_t>(parameters.inputs)),
      outputs_(static_cast<std::size_t>(parameters.outputs)),
      record_(recorder, static_cast<const char*>(name), clock),
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
  record(switch_.arbitrate(now), now);
  switch_.deliver(now, [&](int output, const Packet& packet) {
    Link* link = outputs_[static_cast<std::size_t>(output)];
    if (link == nullptr) throw std::logic_error(fmt::format("{}: output {} is not connected", name(), output));
    if (!link->has_room(now)) return false;
    link->push(packet, now);
    return true;
  });
  Cycle next = never;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i] == nullptr || inputs_[i]->empty()) continue;
    const Packet* packet = inputs_[i]->front(now);
    if (packet == nullptr) continue;  // seen in the next cycle: the link wakes us
    const Cycle from = switch_.takes(static_cast<int>(i), *packet, now);
    if (from > now) {
      next = std::min(next, from);
      continue;
    }
    entry_cycles_ += now - (inputs_[i]->front_pushed() + 1);
    switch_.take(static_cast<int>(i), *packet, now);
    inputs_[i]->pop(now);
    if (!inputs_[i]->empty()) next = now + 1;
  }
  next = std::min(next, switch_.next(now));
  if (next != never) wake_at(next);
}

/// What was granted in this cycle passes the outputs from now on, a flit a cycle.
void Crossbar::record(const std::vector<Switch::Grant>& grants, Cycle now) {
  for (const Switch::Grant& grant : grants) {
    const auto flits = static_cast<std::uint64_t>(grant.flits);
    record_.count(packets_action_, 1, now);
    record_.count(flits_action_, flits, now);
    record_.busy(grant.tag, now, now + flits);
  }
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
