#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "bench.hpp"

namespace triad::memory::crossbar {
namespace {

/// A crossbar, its traffic and the moods of its sinks, all from one number.
struct Pattern {
  Parameters parameters;
  int packets = 0;
  std::uint32_t refuse = 0;  ///< of 256 cycles, for every sink
  std::uint32_t seed = 0;

  explicit Pattern(std::uint32_t number) : seed(number) {
    std::mt19937 engine(number);
    const auto up_to = [&](std::uint32_t most) { return 1 + engine() % most; };
    Parameters& p = parameters;
    p.inputs = static_cast<int>(up_to(6));
    p.outputs = static_cast<int>(up_to(6));
    p.flit_bytes = up_to(64);
    p.header_bytes = up_to(16);
    p.largest_data = up_to(140);
    p.latency_cycles = static_cast<int>(up_to(12));
    p.queue_flits = p.largest_flits() + static_cast<int>(engine() % 20);
    p.output_packets = static_cast<int>(up_to(5));
    p.virtual_output_queues = engine() % 2 == 0;
    p.arbitration = engine() % 2 == 0 ? Arbitration::round_robin : Arbitration::oldest_first;
    packets = static_cast<int>(up_to(60));
    refuse = engine() % 4 == 0 ? 0 : engine() % 250;
  }
  Bench bench() const {
    Bench b(parameters);
    std::mt19937 engine(seed + 1);
    const bool hot = engine() % 3 == 0;  // all to one output
    const std::uint32_t pace = engine() % 8;
    std::vector<Cycle> from(static_cast<std::size_t>(parameters.inputs));
    for (int k = 0; k < packets; ++k) {
      const auto input = engine() % static_cast<unsigned>(parameters.inputs);
      const auto output = hot ? 0 : engine() % static_cast<unsigned>(parameters.outputs);
      from[input] += pace == 0 ? 0 : engine() % (pace * pace);
      b.offer(static_cast<int>(input), static_cast<int>(output), from[input],
              engine() % 2 == 0 ? 0 : 1 + engine() % parameters.largest_data);
    }
    b.sink = [seed = seed, refuse = refuse](int output, Cycle now) {  // the same whenever it is asked
      std::uint32_t x =
          seed + 0x9e3779b9u * static_cast<std::uint32_t>(output + 1) + 0x85ebca6bu * static_cast<std::uint32_t>(now);
      x = (x ^ x >> 15) * 0x2c1b3c6du;
      x = (x ^ x >> 12) * 0x297a2d39u;
      return (x >> 17) % 256 >= refuse;
    };
    return b;
  }
};

/// In 10,000 crossbars: everything arrives, once, where it should, in order of each pair, never two flits on a port in
/// a cycle, and every cycle of every packet's way has its cause.
TEST(RandomTraffic, ArrivesOnceInOrderAndOnTime) {
  for (std::uint32_t number = 0; number < 10000; ++number) {
    const Pattern pattern(number);
    const Parameters& p = pattern.parameters;
    Bench bench = pattern.bench();
    bench.run(1'000'000);
    ASSERT_EQ(bench.deliveries.size(), static_cast<std::size_t>(pattern.packets)) << number;
    ASSERT_EQ(bench.inside.packets(), 0u) << number;
    ASSERT_EQ(bench.inside.describe_waiting(), "") << number;

    std::map<std::pair<int, int>, std::uint64_t> last_of_pair;
    std::map<int, std::set<std::pair<Cycle, Cycle>>> flits_in;
    std::map<int, Cycle> last_out;
    std::set<std::uint64_t> seen;
    Cycle way = 0;
    for (const Bench::Delivery& d : bench.deliveries) {
      ASSERT_TRUE(seen.insert(d.packet.id).second) << number;
      ASSERT_EQ(d.output, d.packet.destination) << number;
      const auto pair = last_of_pair.try_emplace({d.input, d.output}, d.packet.id).first;
      ASSERT_LE(pair->second, d.packet.id) << number;
      pair->second = d.packet.id;
      const auto flits = static_cast<Cycle>(p.flits(d.packet));
      ASSERT_GE(d.delivered, d.taken + static_cast<Cycle>(p.latency_cycles) + flits - 1) << number;
      ASSERT_TRUE(last_out.try_emplace(d.output, 0).second || last_out[d.output] < d.delivered) << number;
      last_out[d.output] = d.delivered;
      flits_in[d.input].insert({d.taken, d.taken + flits});
      way += d.delivered - d.taken - (static_cast<Cycle>(p.latency_cycles) + flits - 1);
    }
    for (const auto& [input, spans] : flits_in) {
      Cycle end = 0;
      for (const auto& [from, to] : spans) {
        ASSERT_GE(from, end) << number;
        end = to;
      }
    }
    const Statistics& s = bench.inside.statistics();
    ASSERT_EQ(s.queued + s.blocked + s.contended + s.held, way) << number;
    if (pattern.refuse == 0) {
      ASSERT_EQ(s.held, 0u) << number;
    }
  }
}

/// Stepping it only when it asks for it is the same as stepping it in every cycle.
TEST(RandomTraffic, NothingHappensInCyclesThatAreLeftOut) {
  for (std::uint32_t number = 20000; number < 22000; ++number) {
    const Pattern pattern(number);
    Bench sparse = pattern.bench(), dense = pattern.bench();
    sparse.run(1'000'000);
    dense.run(1'000'000, true);
    ASSERT_EQ(sparse.deliveries, dense.deliveries) << number;
    ASSERT_EQ(sparse.inside.statistics().contended, dense.inside.statistics().contended) << number;
  }
}

}  // namespace
}  // namespace triad::memory::crossbar
