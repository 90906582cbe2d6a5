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
      track_(recorder, static_cast<const char*>(name), clock, activity::Resource::memory),
      packets_action_(track_.add_action("packets", 0)),
      flits_action_(track_.add_action("flits", parameters.picojoules_per_flit(technology))),
      period_(std::max<Cycle>(1, clock.hz() / 1'000'000)) {}

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

/// What was granted in this cycle passes the outputs from now on, a flit a cycle. Busy are the cycles in which any
/// output moves a flit, for the op of the latest grant.
void Crossbar::record(const std::vector<Switch::Grant>& grants, Cycle now) {
  if (grants.empty()) return;
  if (now >= counted_since_ + period_) {
    flush_counts();
    counted_since_ = now;
  }
  counted_to_ = now + 1;
  packets_ += grants.size();
  Cycle to = now;
  for (const Switch::Grant& grant : grants) {
    flits_ += static_cast<std::uint64_t>(grant.flits);
    to = std::max(to, now + static_cast<Cycle>(grant.flits));
  }
  const activity::Tag tag = grants.back().tag;
  if (now <= busy_to_ && tag.op == busy_tag_.op && tag.step == busy_tag_.step) {
    busy_to_ = std::max(busy_to_, to);
    return;
  }
  track_.state(activity::State::busy, busy_tag_, busy_from_, std::min(busy_to_, now));
  busy_from_ = now;
  busy_to_ = std::max(busy_to_, to);
  busy_tag_ = tag;
}

void Crossbar::flush_counts() {
  track_.count(packets_action_, packets_, counted_since_, counted_to_);
  track_.count(flits_action_, flits_, counted_since_, counted_to_);
  packets_ = flits_ = 0;
}

void Crossbar::finish() {
  flush_counts();
  track_.state(activity::State::busy, busy_tag_, busy_from_, busy_to_);
  busy_from_ = busy_to_;
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
