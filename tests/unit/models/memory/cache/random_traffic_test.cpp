#include <gtest/gtest.h>

#include "harness.hpp"
#include "oracle.hpp"

/// Random traffic through tiny caches with tiny queues, stalled at random above and below, held to an oracle that
/// carries values: what each read gets, what memory holds in the end, which bytes are in the cache and which are dirty.
namespace triad::memory::cache {
namespace {

/// A number that depends on its arguments alone (the finalizer of splitmix64).
std::uint64_t mix(std::uint64_t seed, std::uint64_t stream, std::uint64_t n) {
  std::uint64_t x = seed * 0x9E3779B97F4A7C15ull + stream * 0xD1B54A32D192ED03ull + n + 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

Parameters random_parameters(std::uint64_t seed) {
  std::uint64_t n = 0;
  const auto below = [&](std::uint64_t limit) { return mix(seed, 1, ++n) % limit; };
  const auto from_1_to = [&](std::uint64_t most) { return static_cast<int>(1 + below(most)); };
  Parameters p;
  p.line = 16ull << below(3);
  p.sector = std::max<std::uint64_t>(8, p.line >> below(3));
  p.ways = from_1_to(4);
  const std::uint64_t sets = 1 + below(4);
  p.size = sets * static_cast<std::uint64_t>(p.ways) * p.line;
  p.hashed = below(2) == 0;
  p.replacement = below(4) == 0 ? Replacement::fifo : Replacement::lru;
  p.write = below(2) == 0 ? WritePolicy::back : WritePolicy::through;
  p.write_allocate = below(3) != 0;
  p.partial_write = below(2) == 0 ? PartialWrite::fetch : PartialWrite::mask;
  p.banks = below(2) == 0 ? 1 : static_cast<int>(sets);
  p.bank_width = p.sector * (1 + below(3));
  p.ports = from_1_to(3);
  p.tag_latency = static_cast<Cycle>(from_1_to(3));
  p.data_latency = below(5);
  p.fill_latency = below(p.hit_latency() + 1);
  p.mshrs = from_1_to(4);
  p.merges = from_1_to(4);
  p.reply_queue = from_1_to(3);
  p.miss_queue = from_1_to(3);
  p.writeback_queue = from_1_to(2);
  p.writes = from_1_to(3);
  return p;
}

struct Ran {
  std::vector<std::pair<std::uint64_t, Cycle>> log;
  Counters counters;
  std::uint64_t steps = 0;
};

/// One pattern of traffic. With `sparse` the cache is stepped only when it asked for it or a link changed.
Ran run(std::uint64_t seed, bool sparse) {
  const Parameters p = random_parameters(seed);
  const std::uint64_t lines = 2 + mix(seed, 2, 0) % (3 * p.size / p.line), bytes = lines * p.line;
  const std::uint64_t requests = 20 + mix(seed, 2, 1) % 60;
  // Out of 8 cycles, in so many each side does nothing.
  const std::uint64_t lazy[4] = {mix(seed, 2, 2) % 7, mix(seed, 2, 3) % 7, mix(seed, 2, 4) % 7, mix(seed, 2, 5) % 7};
  const std::size_t served_at_once = 1 + mix(seed, 2, 6) % 4;  // the memory's places
  const std::uint64_t slowest = 1 + mix(seed, 2, 7) % 30;
  const std::uint64_t writes = mix(seed, 2, 8) % 9;  // of 8
  const auto active = [&](int port, Cycle now) {
    return mix(seed, 10 + static_cast<std::uint64_t>(port), now) % 8 >= lazy[port];
  };

  Cache cache(p);
  Oracle oracle(p, bytes);
  cache.set_observer(&oracle);
  Wire up(1 + mix(seed, 2, 9) % 3), replies(1 + mix(seed, 2, 10) % 3), down(1 + mix(seed, 2, 11) % 3),
      fills(1 + mix(seed, 2, 12) % 3);
  struct InMemory {
    Cycle ready;
    Packet packet;
    std::vector<std::uint32_t> values;
  };
  std::vector<InMemory> in_memory;
  Ran ran;
  std::uint64_t sent = 0;
  int flushes = 0;
  bool flushing = false, last_flush = false;
  const auto flushed = [&] {
    flushing = false;
    oracle.flushed();
  };
  Cycle wake = 0;
  for (Cycle now = 0;; ++now) {
    if (now > 100'000) {
      ADD_FAILURE() << "no end; " << cache.waits_for();
      break;
    }
    if (!flushing && sent == requests && !last_flush && up.empty()) {
      last_flush = flushing = true;
      cache.flush(mix(seed, 3, 0) % 2 == 0, flushed);
      wake = now;
    } else if (!flushing && !last_flush && flushes < 2 && mix(seed, 3, now) % 200 == 0) {
      ++flushes;
      flushing = true;
      cache.flush(mix(seed, 4, now) % 2 == 0, flushed);
      wake = now;
    }
    const bool changed = up.changed || replies.changed || down.changed || fills.changed;
    up.changed = replies.changed = down.changed = fills.changed = false;
    if (!sparse || changed || wake <= now) {
      wake = cache.step(now, Wires<Wire>{&up, &replies, &down, &fills});
      ++ran.steps;
    }
    // What the cache did itself needs no waking; what the others do from here on is seen in the next cycle.
    up.changed = replies.changed = down.changed = fills.changed = false;
    if (sent < requests && active(0, now) && up.has_room(now)) {
      Packet packet;
      packet.id = sent;
      packet.write = mix(seed, 5, sent) % 8 < writes;
      const std::uint64_t line = mix(seed, 6, sent) % lines, begin = mix(seed, 7, sent) % p.line;
      packet.bytes = static_cast<std::uint32_t>(1 + mix(seed, 8, sent) % (p.line - begin));
      packet.address = line * p.line + begin;
      if (mix(seed, 9, sent) % 2 == 0) {  // whole sectors
        packet.address = packet.address / p.sector * p.sector;
        packet.bytes = static_cast<std::uint32_t>(p.sector);
      }
      up.push(packet, now);
      ++sent;
    }
    if (const Packet* reply = replies.front(now); reply != nullptr && active(1, now)) {
      oracle.answered(*reply, now);
      replies.pop(now);
    }
    if (const Packet* packet = down.front(now);
        packet != nullptr && active(2, now) && in_memory.size() < served_at_once) {
      // They take effect in order and are answered in any.
      const Cycle ready = now + mix(seed, 20, now) % slowest;
      in_memory.push_back({ready, *packet, oracle.serve(*packet)});
      in_memory.back().packet.reply = true;
      down.pop(now);
    }
    if (active(3, now) && fills.has_room(now)) {
      const auto ready =
          std::find_if(in_memory.begin(), in_memory.end(), [&](const InMemory& i) { return i.ready <= now; });
      if (ready != in_memory.end()) {
        if (!ready->packet.write) oracle.fills[ready->packet.address] = ready->values;
        fills.push(ready->packet, now);
        in_memory.erase(ready);
      }
    }
    if (now % 64 == 0) oracle.compare(cache.directory());
    if (last_flush && !flushing && cache.empty() && replies.empty()) break;
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_EQ(sent, requests);
  EXPECT_EQ(cache.directory().dirty_lines(), 0);
  oracle.compare(cache.directory());
  oracle.flushed();
  EXPECT_TRUE(oracle.all_answered());
  ran.log = oracle.log;
  ran.counters = cache.counters();
  return ran;
}

class RandomTraffic : public testing::TestWithParam<std::uint64_t> {};

/// 10,000 patterns in ten tests, each run twice: stepped every cycle, and only when there is something to do.
TEST_P(RandomTraffic, AnswersAllWithTheRightValues) {
  Counters all;
  std::uint64_t dense_steps = 0, sparse_steps = 0;
  for (std::uint64_t seed = GetParam() * 1000; seed < (GetParam() + 1) * 1000; ++seed) {
    SCOPED_TRACE(testing::Message() << "pattern " << seed);
    const Ran dense = run(seed, false), sparse = run(seed, true);
    EXPECT_EQ(dense.log, sparse.log);
    EXPECT_EQ(dense.counters.events, sparse.counters.events);
    EXPECT_EQ(dense.counters.stall_cycles, sparse.counters.stall_cycles);
    const Counters& c = dense.counters;
    EXPECT_EQ(c[Event::hit] + c[Event::miss] + c[Event::sector_miss] + c[Event::merged],
              c[Event::read] + c[Event::write]);
    EXPECT_EQ(c[Event::fetch], c[Event::fill]);
    if (HasFailure()) return;
    for (std::size_t i = 0; i < event_count; ++i) all.events[i] += c.events[i];
    for (std::size_t i = 0; i < stall_count; ++i) all.stall_cycles[i] += c.stall_cycles[i];
    dense_steps += dense.steps;
    sparse_steps += sparse.steps;
  }
  // The patterns reach everything that can happen.
  for (std::size_t i = 0; i < event_count; ++i) EXPECT_GT(all.events[i], 100u) << to_string(static_cast<Event>(i));
  for (std::size_t i = 1; i < stall_count; ++i) {
    EXPECT_GT(all.stall_cycles[i], 100u) << to_string(static_cast<Stall>(i));
  }
  EXPECT_LT(sparse_steps, dense_steps);
}
INSTANTIATE_TEST_SUITE_P(Thousands, RandomTraffic, testing::Range<std::uint64_t>(0, 10));

}  // namespace
}  // namespace triad::memory::cache
