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
  /// `resource`: the class of machine work that its busy cycles are.
  Crossbar(const sc_core::sc_module_name& name, const kit::Clock& clock, const Parameters& parameters,
           activity::Recorder& recorder, const activity::Technology& technology,
           activity::Resource resource = activity::Resource::memory);

  /// Before the simulation starts: what comes in at an input, what goes out of an output. Each port once; a port
  /// without link is never used.
  void connect_input(int port, Link& link, kit::Unit& producer);
  void connect_output(int port, Link& link, kit::Unit& consumer);
  const Statistics& statistics() const { return switch_.statistics(); }
  /// Records everything up to the run's end.
  void finish() { record_.finish(); }
  std::string waits_for() const override;

 private:
  void step() override;

  Switch switch_;
  std::vector<Link*> inputs_, outputs_;

  UnitRecord record_;
  std::size_t packets_action_, flits_action_;
};

}  // namespace triad::memory::crossbar
