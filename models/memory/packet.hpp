#pragma once
#include "models/kit/channel.hpp"
#include "sim/activity/recorder.hpp"

namespace triad::memory {

/// One access on its way through caches and crossbars, or the answer to one. Data do not travel: contents are apart
/// from timing.
struct Packet {
  std::uint64_t id = 0;  ///< the sender's; comes back in the reply
  std::uint64_t address = 0;
  std::uint32_t bytes = 0;  ///< within one line
  bool write = false;
  bool reply = false;
  int source = 0;       ///< port of the crossbar at which the request entered; replies go back there
  int destination = 0;  ///< port of the crossbar to leave by
  activity::Tag tag = {};
};

/// The one kind of wire between the units of the memory system: bounded, one cycle of latency, back-pressure.
using Link = kit::Channel<Packet>;

}  // namespace triad::memory
