#include "models/memory/link_port.hpp"

#include <fmt/core.h>

namespace triad::memory {

LinkPort::LinkPort(const sc_core::sc_module_name& name, const kit::Clock& clock, Memory& memory, int requester)
    : Unit(name, clock), memory_(memory), requester_(requester) {
  memory.add_listener(*this);
}

void LinkPort::connect(Link& requests, Link& replies, kit::Unit& above) {
  requests_ = &requests;
  replies_ = &replies;
  requests.connect(above, *this);
  replies.connect(*this, above);
}

void LinkPort::step() {
  const Cycle now = cycle();
  if (!done_.empty() && replies_->has_room(now)) {
    const std::size_t slot = done_.front();
    done_.pop_front();
    replies_->push(under_way_[slot], now);
    free_.push_back(slot);
    if (!done_.empty()) wake_at(now + 1);
  }
  const Packet* packet = requests_->front(now);
  if (packet == nullptr) return;
  std::size_t slot = under_way_.size();
  if (free_.empty()) {
    under_way_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  const std::uint64_t address = address_ ? address_(packet->address) : packet->address;
  const Request request{address, packet->bytes, 1, 0, packet->write, packet->tag, requester_};
  const bool accepted = memory_.accept(request, [this, slot](const Completion&) {
    done_.push_back(slot);
    wake_at(clock().after(kit::now()));
  });
  if (!accepted) {
    free_.push_back(slot);
    return;  // the memory wakes its listeners
  }
  under_way_[slot] = *packet;
  under_way_[slot].reply = true;
  requests_->pop(now);
  if (!requests_->empty()) wake_at(now + 1);
}

std::string LinkPort::waits_for() const {
  if (under_way_.size() == free_.size() && requests_->empty()) return {};
  return fmt::format("{} requests under way, {} replies not taken, {} requests not accepted",
                     under_way_.size() - free_.size(), done_.size(), requests_->size());
}

}  // namespace triad::memory
