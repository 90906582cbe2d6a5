#pragma once
#include <algorithm>
#include <vector>

#include "models/memory/crossbar/near_cycles.hpp"
#include "models/memory/crossbar/parameters.hpp"
#include "models/memory/crossbar/port_set.hpp"

namespace triad::memory::crossbar {

/// What went through, and the cycles that packets waited, by cause.
struct Statistics {
  std::uint64_t packets = 0, flits = 0;
  std::uint64_t refused = 0;    ///< first in the link: the input moved another packet, or the queue had no room
  std::uint64_t queued = 0;     ///< behind an earlier packet of its queue, until that one began to leave
  std::uint64_t blocked = 0;    ///< first of its queue: the output had no place, because its consumer did not take
  std::uint64_t contended = 0;  ///< first of its queue: the output, or its own input, was moving another packet
  std::uint64_t held = 0;       ///< arrived at the output: the consumer's link was full
};

/// The inside of a crossbar, cycle by cycle, without SystemC. In each cycle in which it has something to do, in this
/// order: `arbitrate`, `deliver`, `take`; cycles only go on, and none that `next` names is left out.
///
/// A packet is a header and data in flits; a port moves one flit a cycle and one packet after the other (packets do
/// not interleave). Virtual cut-through: a packet is taken when its queue has room for all of it, and may go on before
/// its tail is there; once its header has left, the rest follows without a gap. With F flits, L cycles of latency:
///
///     taken in cycle a    the input takes its next packet in a + F at the earliest
///     granted in g >= a + 1    input and output are free for the next packet in g + F
///     its tail is at the output in d = g + L + F - 2: the cycle in which it can be delivered
///
/// so an unloaded crossbar delivers in a + L + F - 1. A place of a queue is free in the cycle after its flit has left,
/// a place of an output in the cycle after a packet was delivered.
///
/// Round robin is iSLIP (McKeown, IEEE/ACM Transactions on Networking 1999), until no more ports can be matched: each
/// free output offers itself to the next input in turn, each input takes the next output in turn; turns move on where
/// an offer of the first round was taken. Oldest first: outputs and inputs take the packet that entered first, of
/// several the one at the lowest input. Either way only ports that are free in the same cycle are matched, so with
/// packets of several lengths a port that falls free at other times may be passed over; a finite load always drains.
///
/// Packets from one input to one output stay in order: they share a queue, and an output delivers in order of grants.
class Switch {
 public:
  explicit Switch(const Parameters& parameters);

  struct Grant {
    int input, output, flits;
    activity::Tag tag;
  };
  /// Does what happens in cycle `now` between these links, by port: those of the inputs, those of the outputs. A Wire
  /// is a kit::Channel<Packet> or has its front, pop, has_room, push and empty; nullptr: a port that is never used.
  /// Returns the cycle in which there is something to do next if no packet comes and no room comes about before; ~0:
  /// none. Throws std::logic_error about a packet to an output without link. What was granted is in `grants`.
  template <class Wire>
  Cycle step(Cycle now, const std::vector<Wire*>& inputs, const std::vector<Wire*>& outputs);
  const std::vector<Grant>& grants() const { return grants_; }

  /// The same in three parts, for other surroundings. Matches inputs and outputs; returns what was granted.
  const std::vector<Grant>& arbitrate(Cycle now);
  /// Offers every packet that is at its output, one per output: `accept(output, packet)` says whether it is taken.
  template <class Accept>
  void deliver(Cycle now, const Accept& accept) {
    for (int o = arriving_.next(0); o >= 0; o = arriving_.next(o + 1)) {
      const int first = outputs_[o].first;
      if (entries_[first].due <= now && accept(o, static_cast<const Packet&>(entries_[first].packet))) left(o, now);
    }
  }
  /// The cycle from which the input can take this packet; ~0: not before another packet of its queue is granted.
  /// Throws std::logic_error about a packet that is larger than the largest or leaves by a port that there is not.
  Cycle takes(int input, const Packet& packet, Cycle now) const;
  /// Takes it: not before `takes` says. A request remembers the port at which it entered (Packet::source).
  void take(int input, const Packet& packet, Cycle now);
  /// After take: the cycle in which there is something to do, if nothing is delivered or taken before; ~0: none.
  Cycle next(Cycle now) {
    due_.done(now);
    return due_.next();
  }

  /// The output by which a packet leaves.
  static int output_of(const Packet& packet) { return packet.reply ? packet.source : packet.destination; }
  /// Packets inside.
  std::uint64_t packets() const { return inside_; }
  const Statistics& statistics() const { return statistics_; }
  const Parameters& parameters() const { return parameters_; }
  /// "2 packets wait for output 3, which is full; ...", or empty.
  std::string describe_waiting() const;

 private:
  struct Entry {
    Packet packet;
    Cycle taken = 0, due = 0;
    int flits = 0, next = -1;
  };
  struct Queue {
    int first = -1, last = -1;
    int flits = 0;              ///< of packets that wait
    Cycle gone = 0;             ///< the packet that left last has left from here on
    Cycle first_since = 0;      ///< the first packet may be granted from here on
    std::uint64_t blocked = 0;  ///< cycles its output was blocked before that
  };
  struct Input {
    Cycle taken = 0;            ///< its last packet is in from here on
    Cycle refused = ~Cycle{0};  ///< since when the link's first packet waits
    Cycle granted = 0;          ///< and the last that was granted has left from here on
    int turn = 0;               ///< the output that goes first
    int offer = -1;             ///< the best of this round
  };
  struct Output {
    Cycle free = 0;
    int turn = 0;               ///< the input that goes first
    int first = -1, last = -1;  ///< packets on their way, in order of grants
    int packets = 0;
    Cycle full_since = 0;       ///< when full: it could take a packet, if it had a place
    std::uint64_t blocked = 0;  ///< cycles it was full and otherwise free
  };

  Queue& queue(int input, int output) {
    const int at = parameters_.virtual_output_queues ? input * parameters_.outputs + output : input;
    return queues_[static_cast<std::size_t>(at)];
  }
  const Queue& queue(int input, int output) const { return const_cast<Switch*>(this)->queue(input, output); }
  bool full(const Output& output) const { return output.packets == parameters_.output_packets; }
  std::uint64_t blocked(const Output& output, Cycle before) const;
  void becomes_first(int input, Queue& queue, Cycle now);
  int choose_input(int output) const;
  bool better_offer(int input, int output) const;
  void grant(int input, int output, Cycle now);
  void left(int output, Cycle now);
  [[noreturn]] static void throw_unconnected(int output);

  Parameters parameters_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<Queue> queues_;
  std::vector<Entry> entries_;  ///< of all queues, linked
  int unused_ = -1;             ///< entries that hold no packet, linked
  std::vector<PortSet> wants_;  ///< by output: inputs with a packet for it that may be granted
  PortSet wanted_;              ///< outputs that some input wants
  PortSet arriving_;            ///< outputs with packets on their way
  PortSet free_inputs_, busy_inputs_;
  std::vector<int> matching_, offered_;  ///< ports of the arbitration's current round
  std::vector<Grant> grants_;
  NearCycles due_;
  Statistics statistics_;
  std::uint64_t inside_ = 0;
};

template <class Wire>
Cycle Switch::step(Cycle now, const std::vector<Wire*>& inputs, const std::vector<Wire*>& outputs) {
  arbitrate(now);
  deliver(now, [&](int output, const Packet& packet) {
    Wire* wire = outputs[static_cast<std::size_t>(output)];
    if (wire == nullptr) throw_unconnected(output);
    if (!wire->has_room(now)) return false;  // who makes room wakes us
    wire->push(packet, now);
    return true;
  });
  Cycle next = ~Cycle{0};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr || inputs[i]->empty()) continue;
    const Packet* packet = inputs[i]->front(now);
    if (packet == nullptr) continue;  // seen in the next cycle: the link wakes us
    const Cycle from = takes(static_cast<int>(i), *packet, now);
    Input& input = inputs_[i];
    if (from > now) {
      input.refused = std::min(input.refused, now);
      next = std::min(next, from);
      continue;
    }
    statistics_.refused += now - std::min(input.refused, now);
    input.refused = ~Cycle{0};
    take(static_cast<int>(i), *packet, now);
    inputs[i]->pop(now);
    if (!inputs[i]->empty()) next = now + 1;
  }
  return std::min(next, this->next(now));
}

}  // namespace triad::memory::crossbar
