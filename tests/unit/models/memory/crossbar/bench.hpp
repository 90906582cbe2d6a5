#pragma once
#include <deque>
#include <functional>
#include <vector>

#include "models/memory/crossbar/switch.hpp"

namespace triad::memory::crossbar {

/// A switch with sources that offer packets in their order, and sinks that take or refuse.
class Bench {
 public:
  struct Offer {
    Cycle from = 0;
    Packet packet;
  };
  struct Delivery {
    Cycle taken = 0, delivered = 0;
    int input = 0, output = 0;
    Packet packet;
    bool operator==(const Delivery& other) const {
      return taken == other.taken && delivered == other.delivered && input == other.input && output == other.output &&
             packet.id == other.packet.id;
    }
  };
  explicit Bench(const Parameters& parameters)
      : inside(parameters), sources_(static_cast<std::size_t>(parameters.inputs)) {}

  /// Input `input` offers a request from cycle `from` on, behind what it was told before.
  void offer(int input, int output, Cycle from = 0, std::uint32_t bytes = 0) {
    const Packet packet{next_id_++, 0, bytes, bytes > 0, false, input, output, {}};
    sources_[static_cast<std::size_t>(input)].push_back({from, packet});
  }
  void offer(int input, const Packet& packet) { sources_[static_cast<std::size_t>(input)].push_back({0, packet}); }
  /// Does a sink take a packet in a cycle? Always, unless a test says so.
  std::function<bool(int output, Cycle now)> sink = [](int, Cycle) { return true; };
  /// Until nothing happens any more, at most up to `until`. `every`: also in the cycles in which nothing is to be done.
  void run(Cycle until, bool every = false) {
    for (Cycle now = 0; now < until;) {
      inside.arbitrate(now);
      bool refused = false;
      inside.deliver(now, [&](int output, const Packet& packet) {
        if (!sink(output, now)) {
          refused = true;
          return false;
        }
        deliveries.push_back({taken_[packet.id], now, packet.source, output, packet});
        return true;
      });
      Cycle next = ~Cycle{0};
      for (std::size_t i = 0; i < sources_.size(); ++i) {
        auto& source = sources_[i];
        if (source.empty()) continue;
        const int input = static_cast<int>(i);
        Cycle from = std::max(source.front().from, inside.takes(input, source.front().packet, now));
        if (from <= now) {
          const Packet& packet = source.front().packet;
          if (packet.id >= taken_.size()) taken_.resize(packet.id + 1);
          taken_[packet.id] = now;
          inside.take(input, packet, now);
          source.pop_front();
          from = now + 1;
        }
        next = std::min(next, from);
      }
      next = std::min(next, inside.next(now));
      if (every || refused) next = now + 1;
      if (next == ~Cycle{0} || (every && inside.packets() == 0 && offers() == 0)) break;
      now = next;
    }
  }
  std::size_t offers() const {
    std::size_t n = 0;
    for (const auto& source : sources_) n += source.size();
    return n;
  }
  /// The cycle in which a packet was delivered, by its number (in order of offers).
  Cycle delivered(std::uint64_t id) const {
    for (const Delivery& d : deliveries) {
      if (d.packet.id == id) return d.delivered;
    }
    return ~Cycle{0};
  }

  Switch inside;
  std::vector<Delivery> deliveries;

 private:
  std::vector<std::deque<Offer>> sources_;
  std::vector<Cycle> taken_;  ///< by packet
  std::uint64_t next_id_ = 0;
};

/// Flits of 32 bytes, headers of 8: a request without data is one flit, 128 bytes of data are 5.
inline Parameters parameters(int inputs, int outputs, int latency) {
  Parameters p;
  p.inputs = inputs;
  p.outputs = outputs;
  p.latency_cycles = latency;
  return p;
}

}  // namespace triad::memory::crossbar
