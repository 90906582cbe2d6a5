#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "models/gpu/l2/parameters.hpp"
#include "models/memory/cache/unit.hpp"
#include "models/memory/crossbar/crossbar.hpp"
#include "models/memory/link_port.hpp"

namespace triad::gpu {

/// The way from the SMs to memory through the L2 cache:
///
///     SM --> [queue] --> | crossbar | --> slice --> memory
///     SM <-------------- |   two    | <-- slice <-- memory
///
/// This unit is the SMs' side of it: it cuts requests into packets of at most a line, sends one a cycle and SM, takes
/// one reply a cycle and SM, and says when a request is answered. What is sent in cycle t enters the crossbar's link in
/// t + 1. The L2 is the only one of its kind, so what the SMs write is visible to all of them and nothing has to be
/// flushed between kernels.
class L2 : public kit::Unit {
 public:
  L2(const sc_core::sc_module_name& name, const kit::Clock& clock, const L2Parameters& parameters, int sms,
     memory::Memory& memory, activity::Recorder& recorder, const activity::Technology& technology);

  /// An SM sends a request in this cycle; `done` is called in the cycle in which its last reply is taken. The caller
  /// keeps to `parameters.in_flight`.
  void send(int sm, const memory::Request& request, memory::Memory::Handler done);
  /// Writes every dirty line to memory, then calls `done`: for a memory whose bytes somebody else looks at. No request
  /// is under way.
  void flush(std::function<void()> done);
  const L2Parameters& parameters() const { return parameters_; }
  /// Records everything up to the run's end.
  void finish();
  std::string waits_for() const override;

 private:
  void step() override;
  void take_reply(const memory::Packet& reply, Cycle now);

  /// A request of an SM.
  struct Access {
    memory::Memory::Handler done;
    std::uint64_t unanswered = 0;
    kit::Time first = 0;
  };
  struct Queued {
    Cycle from;
    memory::Packet packet;
  };
  struct Port {
    std::deque<Queued> queue;
    memory::Link out{2}, in{2};
  };
  struct Slice {
    Slice(L2& l2, int number, memory::Memory& memory, activity::Recorder& recorder,
          const activity::Technology& technology);
    memory::Link requests{2}, replies{2}, misses{2}, fills{2};
    memory::cache::CacheUnit cache;
    memory::LinkPort port;
  };

  L2Parameters parameters_;
  activity::Recorder& recorder_;
  memory::crossbar::Crossbar requests_, replies_;
  std::vector<std::unique_ptr<Port>> ports_;  ///< by SM
  std::vector<std::unique_ptr<Slice>> slices_;
  memory::crossbar::PortSet queued_;  ///< SMs with packets in their queues
  std::vector<Access> accesses_;
  std::vector<std::size_t> free_;  ///< places in accesses_
  int flushing_ = 0;               ///< slices
  std::function<void()> flushed_;
  std::uint64_t moved_ = 0;  ///< flits of replies that have not been covered yet
  Cycle covered_ = 0;        ///< end of the last cover
};

}  // namespace triad::gpu
