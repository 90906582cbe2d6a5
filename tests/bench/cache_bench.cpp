#include <benchmark/benchmark.h>

#include "../unit/models/memory/cache/harness.hpp"
#include "models/kit/simulation.hpp"
#include "models/memory/cache/unit.hpp"

/// What the simulator of a cache costs per access, as a GPU has it: 128 KiB of four ways, sectors of 32 B. `alone`: the
/// cache stepped by hand between links without SystemC; `unit`: as a unit between a requester and a memory that answers
/// after 200 cycles. `hits`: 32 B each out of 64 KiB, one a cycle; `stream`: every sector of memory once, a miss each
/// (fetch, fill, waiter, reply); `lines`: a whole line each, a miss.
namespace triad::memory::cache {
namespace {

Parameters gpu_l1() {
  return Parameters::read(
      config::parse("{size: 128 KiB, line: 128 B, sector: 32 B, ways: 4, hash: xor, replacement: lru, write: through,"
                    " write_allocate: false, banks: 4, bank_width: 128 B, ports: 1, tag_latency: 4, data_latency: 24,"
                    " fill_latency: 2, mshrs: {entries: 256, merges: 8},"
                    " queues: {replies: 8, misses: 16, writebacks: 1, writes: 256}}"));
}

struct Pattern {
  std::uint64_t bytes, range;
  Packet packet(std::uint64_t n) const {
    Packet p;
    p.id = n;
    p.address = n * bytes % range;
    p.bytes = static_cast<std::uint32_t>(bytes);
    return p;
  }
};
constexpr Pattern hits{32, 64 << 10}, stream{32, 1ull << 40}, lines{128, 1ull << 40};
constexpr std::uint64_t chunk = 100'000;

void alone(benchmark::State& state, const Pattern& pattern) {
  Cache cache(gpu_l1());
  Wire requests(4), replies(4), misses(4), fills(4);
  std::uint64_t sent = 0, answered = 0;
  Cycle now = 0;
  std::deque<std::pair<Cycle, Packet>> in_memory;
  for (auto _ : state) {
    for (const std::uint64_t end = answered + chunk; answered < end; ++now) {
      if (requests.has_room(now)) requests.push(pattern.packet(sent++), now);
      cache.step(now, Wires<Wire>{&requests, &replies, &misses, &fills});
      for (; replies.front(now) != nullptr; ++answered) replies.pop(now);
      while (const Packet* miss = misses.front(now)) {
        in_memory.emplace_back(now + 200, *miss);
        in_memory.back().second.reply = true;
        misses.pop(now);
      }
      while (!in_memory.empty() && in_memory.front().first <= now && fills.has_room(now)) {
        fills.push(in_memory.front().second, now);
        in_memory.pop_front();
      }
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(answered));
  state.counters["hit_rate"] =
      static_cast<double>(cache.counters()[Event::hit]) / static_cast<double>(cache.counters()[Event::read]);
}

/// Requester and memory in one unit, so that what is measured is mostly the cache.
class Surroundings : public kit::Unit {
 public:
  Surroundings() : Unit("surroundings", kit::Clock(1'000'000'000)) { wake_at(0); }
  std::string waits_for() const override { return {}; }
  Link requests{4}, replies{4}, misses{4}, fills{4};
  Pattern pattern{};
  std::uint64_t answered = 0, until = 0;

 private:
  void step() override {
    const Cycle now = cycle();
    for (; replies.front(now) != nullptr; ++answered) replies.pop(now);
    while (const Packet* miss = misses.front(now)) {
      in_memory_.emplace_back(now + 200, *miss);
      in_memory_.back().second.reply = true;
      misses.pop(now);
    }
    while (!in_memory_.empty() && in_memory_.front().first <= now && fills.has_room(now)) {
      fills.push(in_memory_.front().second, now);
      in_memory_.pop_front();
    }
    if (sent_ < until && requests.has_room(now)) requests.push(pattern.packet(sent_++), now);
    if (answered < until) wake_at(now + 1);
  }
  std::uint64_t sent_ = 0;
  std::deque<std::pair<Cycle, Packet>> in_memory_;
};

void unit(benchmark::State& state, const Pattern& pattern) {
  // SystemC elaborates once in a process.
  struct Machine {
    Machine() { kit::begin_elaboration(); }
  };
  static Machine machine;
  static Surroundings around;
  static activity::Recorder recorder(1'000'000'000, 1);
  static const activity::Technology technology(config::load(config::presets() / "technology/7nm.yaml"));
  static CacheUnit cache("cache", kit::Clock(1'000'000'000), gpu_l1(),
                         {&around.requests, &around.replies, &around.misses, &around.fills}, recorder, technology);
  static const bool connected = [] {
    around.requests.connect(around, cache);
    around.replies.connect(cache, around);
    around.misses.connect(cache, around);
    around.fills.connect(around, cache);
    return true;
  }();
  benchmark::DoNotOptimize(connected);
  around.pattern = pattern;
  const std::uint64_t before = around.answered;
  for (auto _ : state) {
    around.until += chunk;
    around.wake_at(around.cycle() + 1);
    kit::simulate({&cache}, cache.clock(), {}, [] { return around.answered == around.until; });
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(around.answered - before));
}

BENCHMARK_CAPTURE(alone, hits, hits);
BENCHMARK_CAPTURE(alone, stream, stream);
BENCHMARK_CAPTURE(alone, lines, lines);
BENCHMARK_CAPTURE(unit, hits, hits);
BENCHMARK_CAPTURE(unit, stream, stream);
BENCHMARK_CAPTURE(unit, lines, lines);

}  // namespace
}  // namespace triad::memory::cache
