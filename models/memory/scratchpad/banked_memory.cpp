#include "models/memory/scratchpad/banked_memory.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "sim/device/device.hpp"

namespace triad::memory::scratchpad {

BankedMemory::BankedMemory(const sc_core::sc_module_name& name, const kit::Clock& clock, const Parameters& parameters,
                           activity::Recorder& recorder, const activity::Technology& technology)
    : Unit(name, clock),
      parameters_(parameters),
      banks_(parameters),
      record_(recorder, static_cast<const char*>(name), clock) {
  const double bank_bytes = static_cast<double>(parameters.bytes) / static_cast<double>(parameters.banks);
  const double word = static_cast<double>(parameters.word_bytes) * technology.sram_picojoules_per_byte(bank_bytes);
  read_action_ = record_.add_action("words_read", word);
  written_action_ = record_.add_action("words_written", word);
}

void BankedMemory::connect(Link& requests, Link& replies, kit::Unit& requester) {
  requests.connect(requester, *this);
  replies.connect(*this, requester);
  requesters_.push_back({&requests, &replies, {}});
}

void BankedMemory::step() {
  const Cycle now = cycle();
  Cycle next = never;
  for (Requester& r : requesters_) {
    if (r.unanswered.empty()) continue;
    if (r.unanswered.front().ready <= now && r.replies->has_room(now)) {
      r.replies->push(r.unanswered.front().packet, now);
      r.unanswered.pop_front();
      if (!r.unanswered.empty()) next = std::min(next, std::max(now + 1, r.unanswered.front().ready));
    } else if (r.unanswered.front().ready > now) {
      next = std::min(next, r.unanswered.front().ready);
    }
  }
  const std::size_t first = turn_;
  for (std::size_t k = 0; k < requesters_.size(); ++k) {
    const std::size_t number = first + k < requesters_.size() ? first + k : first + k - requesters_.size();
    Requester& r = requesters_[number];
    const Packet* packet = r.requests->front(now);
    if (packet == nullptr) continue;                                                   // one that comes wakes us
    if (r.unanswered.size() == static_cast<std::size_t>(parameters_.queue)) continue;  // so does a reply that leaves
    if (turn_ == first) turn_ = number + 1 == requesters_.size() ? 0 : number + 1;
    serve(*packet, r, now);
    next = std::min(next, std::max(now + 1, r.unanswered.front().ready));
    r.requests->pop(now);
    if (!r.requests->empty()) next = now + 1;
  }
  if (next != never) wake_at(next);
}

void BankedMemory::serve(const Packet& packet, Requester& requester, Cycle now) {
  if (packet.bytes == 0 || packet.address + packet.bytes > parameters_.bytes) {
    throw device::Fault(fmt::format("cycle {}: {} of {} bytes is asked for {:#x}..{:#x}", now, name(),
                                    parameters_.bytes, packet.address, packet.address + packet.bytes));
  }
  const std::uint64_t word = parameters_.word_bytes;
  const std::uint64_t first = packet.address / word, last = (packet.address + packet.bytes - 1) / word;
  const Service service =
      banks_.serve(first * word, static_cast<std::int64_t>(word), last - first + 1, word, packet.write, now);
  const std::uint64_t part = parameters_.width_bytes / word, parts = (service.words + part - 1) / part;
  conflict_cycles_ += service.conflicts;
  wait_cycles_ += service.end - now - parts - service.conflicts;
  record_.busy(packet.tag, now, service.end);
  record_.count(packet.write ? written_action_ : read_action_, service.words, now);
  Packet reply = packet;
  reply.reply = true;
  requester.unanswered.push_back({service.ready, reply});
}

std::string BankedMemory::waits_for() const {
  std::string text;
  for (std::size_t i = 0; i < requesters_.size(); ++i) {
    const Requester& r = requesters_[i];
    if (r.unanswered.empty() && r.requests->empty()) continue;
    text += fmt::format("{}requester {}: {} accesses not answered, {} not taken", text.empty() ? "" : "; ", i,
                        r.unanswered.size(), r.requests->size());
  }
  return text;
}

}  // namespace triad::memory::scratchpad
