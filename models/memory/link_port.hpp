#pragma once
#include <deque>

#include "models/memory/memory.hpp"
#include "models/memory/packet.hpp"

namespace triad::memory {

/// Device memory at the end of links: what a cache's misses go into and its fills come out of. Takes a request each
/// cycle while the memory has credits, and answers in the order in which the memory is done: the reply to a request
/// whose last byte is there at time t is pushed at the first edge strictly later, one each cycle.
///
/// Replies wait here without bound: whoever asks bounds them by what it has under way (a cache by its registers), so a
/// request never waits for a reply to be taken.
class LinkPort : public kit::Unit {
 public:
  /// `requester`: Request::requester of what goes to the memory.
  LinkPort(const sc_core::sc_module_name& name, const kit::Clock& clock, Memory& memory, int requester);
  void connect(Link& requests, Link& replies, kit::Unit& above);
  /// The address in the memory of what this port is asked for, where it is not the same (parts of a memory behind
  /// several ports).
  void set_addresses(std::function<std::uint64_t(std::uint64_t)> address) { address_ = std::move(address); }
  std::string waits_for() const override;

 private:
  void step() override;

  Memory& memory_;
  int requester_;
  Link *requests_ = nullptr, *replies_ = nullptr;
  std::function<std::uint64_t(std::uint64_t)> address_;
  std::deque<Packet> under_way_;   ///< by slot
  std::vector<std::size_t> free_;  ///< slots
  std::deque<std::size_t> done_;   ///< slots whose replies wait
};

}  // namespace triad::memory
