#pragma once
#include <deque>

#include "models/memory/packet.hpp"
#include "models/memory/scratchpad/banks.hpp"
#include "models/memory/unit_record.hpp"
#include "sim/activity/technology.hpp"

namespace triad::memory::scratchpad {

/// On-chip memory of banks between links: several requesters, each with a link for requests and one for replies.
/// (What software may read and write when, and the contents, is kit::Scratchpad's.)
///
/// In a cycle the first packet of every requester that has fewer than `queue` unanswered is presented to the banks,
/// requesters in turn: who went first goes last in the next cycle in which any does. A packet's bytes are an access of
/// consecutive words. Its reply is pushed in the cycle `Service::ready` at the earliest; the replies of a requester
/// come in the order of its requests, one a cycle.
///
/// Actions: words read and written, with the energy of an SRAM of a bank's size. State: busy while any word moves.
class BankedMemory : public kit::Unit {
 public:
  BankedMemory(const sc_core::sc_module_name& name, const kit::Clock& clock, const Parameters& parameters,
               activity::Recorder& recorder, const activity::Technology& technology);
  /// Before the simulation starts: the next requester, from 0 on.
  void connect(Link& requests, Link& replies, kit::Unit& requester);

  /// Cycles that accesses took beyond one for each part, because of their own words; and that they waited for ports
  /// which served others.
  Cycle conflict_cycles() const { return conflict_cycles_; }
  Cycle wait_cycles() const { return wait_cycles_; }
  /// Records everything up to the run's end.
  void finish() { record_.finish(); }
  std::string waits_for() const override;

 private:
  void step() override;
  struct Reply {
    Cycle ready;
    Packet packet;
  };
  struct Requester {
    Link *requests, *replies;
    std::deque<Reply> unanswered;
  };
  void serve(const Packet& packet, Requester& requester, Cycle now);
  Parameters parameters_;
  Banks banks_;
  std::vector<Requester> requesters_;
  std::size_t turn_ = 0;
  Cycle conflict_cycles_ = 0, wait_cycles_ = 0;
  UnitRecord record_;
  std::size_t read_action_, written_action_;
};

}  // namespace triad::memory::scratchpad
