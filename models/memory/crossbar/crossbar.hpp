#pragma once
#include "models/memory/crossbar/switch.hpp"
#include "models/memory/unit_record.hpp"

namespace triad::memory::crossbar {

/// A crossbar between links of one clock: a Switch that is stepped in the cycles in which it has something to do.
///
/// A request leaves by Packet::destination, a reply by Packet::source, which the crossbar of the requests has set to
/// the port at which the request entered. Requests and replies go over two crossbars: then a reply never waits for a
/// request, so consumers that answer every request they take, and take every reply they are owed, cannot deadlock.
///
/// Actions: packets, and flits with their energy. State: busy while an output moves flits.
class Crossbar : public kit::Unit {
 public:
  Crossbar(const sc_core::sc_module_name& name, const kit::Clock& clock, const Parameters& parameters,
           activity::Recorder& recorder, const activity::Technology& technology);

  /// Before the simulation starts: what comes in at an input, what goes out of an output. Each port once; a port
  /// without link is never used.
  void connect_input(int port, Link& link, kit::Unit& producer);
  void connect_output(int port, Link& link, kit::Unit& consumer);
  const Statistics& statistics() const { return switch_.statistics(); }
  /// Cycles that packets waited in a link before an input took them.
  std::uint64_t entry_cycles() const { return entry_cycles_; }
  /// Records everything up to the run's end.
  void finish() { record_.finish(); }
  std::string waits_for() const override;

 private:
  void step() override;
  void record(const std::vector<Switch::Grant>& grants, Cycle now);

  Switch switch_;
  std::vector<Link*> inputs_, outputs_;
  std::uint64_t entry_cycles_ = 0;

  UnitRecord record_;
  std::size_t packets_action_, flits_action_;
};

}  // namespace triad::memory::crossbar
