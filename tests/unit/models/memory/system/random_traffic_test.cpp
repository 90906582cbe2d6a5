#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

#include "../cache/harness.hpp"
#include "models/memory/crossbar/switch.hpp"

/// Requesters, a crossbar for their requests, caches behind it, memories behind these, and a crossbar for the replies:
/// sizes, policies, traffic, latencies and who holds up whom and when are random.
///
///     requester --> |          | --> cache --> memory (random latency, answers a line's packets in order)
///        ...        | crossbar |      ...
///     requester <-- |   two    | <-- cache <-- memory
namespace triad::memory {
namespace {

using cache::Cache;
using cache::Wire;
using kit::Cycle;
using Engine = std::mt19937;

struct Draw {
  Engine engine;
  std::uint32_t up_to(std::uint32_t most) { return 1 + engine() % most; }
  int up_to_int(std::uint32_t most) { return static_cast<int>(up_to(most)); }
  bool one_in(std::uint32_t n) { return engine() % n == 0; }
};

crossbar::Parameters random_crossbar(Draw& draw, int inputs, int outputs) {
  crossbar::Parameters p;
  p.inputs = inputs;
  p.outputs = outputs;
  p.flit_bytes = draw.up_to(64);
  p.header_bytes = draw.up_to(16);
  p.latency_cycles = draw.up_to_int(12);
  p.queue_flits = p.largest_flits() + static_cast<int>(draw.engine() % 20);
  p.output_packets = draw.up_to_int(4);
  p.virtual_output_queues = draw.one_in(2);
  p.arbitration = draw.one_in(2) ? crossbar::Arbitration::round_robin : crossbar::Arbitration::oldest_first;
  return p;
}

cache::Parameters random_cache(Draw& draw) {
  cache::Parameters p;
  p.line = 128;
  p.sector = draw.one_in(2) ? 32 : 128;
  p.ways = draw.up_to_int(4);
  const std::uint32_t sets = draw.up_to(4);
  p.size = sets * static_cast<std::uint64_t>(p.ways) * p.line;
  p.hashed = draw.one_in(2);
  p.write = draw.one_in(2) ? cache::WritePolicy::back : cache::WritePolicy::through;
  p.write_allocate = draw.one_in(2);
  p.partial_write = draw.one_in(2) ? cache::PartialWrite::fetch : cache::PartialWrite::mask;
  p.banks = sets % 2 == 0 ? draw.up_to_int(2) : 1;
  p.ports = draw.up_to_int(2);
  p.tag_latency = draw.up_to(4);
  p.data_latency = draw.up_to(6);
  p.fill_latency = 1;
  p.mshrs = draw.up_to_int(4);
  p.merges = draw.up_to_int(4);
  p.reply_queue = draw.up_to_int(4);
  p.miss_queue = p.sectors() + draw.up_to_int(4);
  p.writeback_queue = draw.up_to_int(3);
  p.writes = draw.up_to_int(4);
  return p;
}

/// Sends random accesses as fast as its mood is, takes replies when it likes.
struct Requester {
  Requester(Draw& draw, int number, int slices)
      : out(draw.up_to(4)), in(draw.up_to(4)), engine(draw.engine()), number(number), slices(slices) {
    left = draw.up_to_int(40);
    pause = draw.one_in(3) ? 0 : draw.up_to(12);
    laziness = draw.one_in(3) ? 1 : draw.up_to(20);
    lines = draw.up_to(24);
  }
  Wire out, in;
  Engine engine;
  int number, slices, left;
  std::uint32_t pause, laziness, lines;
  Cycle next = 0;
  std::uint64_t next_id = 0;
  std::map<std::uint64_t, Packet> open;  ///< not answered
  std::vector<bool> writes_end_here;     ///< by slice
  std::uint64_t answered = 0;

  void step(Cycle now) {
    if (const Packet* reply = in.front(now); reply != nullptr && engine() % laziness == 0) {
      const auto found = open.find(reply->id);
      ASSERT_NE(found, open.end()) << "requester " << number << ": a reply nobody is owed, " << reply->id;
      const Packet& request = found->second;
      ASSERT_TRUE(reply->reply);
      ASSERT_EQ(reply->address, request.address);
      ASSERT_EQ(reply->bytes, request.bytes);
      ASSERT_EQ(reply->write, request.write);
      ASSERT_EQ(reply->source, number);
      check_order(*reply);
      open.erase(found);
      ++answered;
      in.pop(now);
    }
    if (left == 0 || now < next || !out.has_room(now)) return;
    Packet packet;
    packet.id = next_id++;
    const std::uint64_t line = engine() % lines;
    const std::uint32_t from = engine() % 128;
    packet.address = 128 * line + from;
    packet.bytes = 1 + engine() % (128 - from);
    packet.write = engine() % 3 == 0;
    packet.destination = static_cast<int>(line % static_cast<std::uint64_t>(slices));
    open.emplace(packet.id, packet);
    out.push(packet, now);
    --left;
    next = now + 1 + (pause == 0 ? 0 : engine() % pause);
  }
  /// What a requester asks of the same bytes is answered in order: reads always, writes where they end in the cache
  /// (one that goes on is answered when its memory has it).
  void check_order(const Packet& reply) {
    const auto ordered = [&](const Packet& access) {
      return !access.write || writes_end_here[static_cast<std::size_t>(access.destination)];
    };
    if (!ordered(reply)) return;
    for (const auto& [id, other] : open) {
      if (id >= reply.id) break;
      const std::uint64_t begin = std::max(other.address, reply.address);
      const std::uint64_t end = std::min(other.address + other.bytes, reply.address + reply.bytes);
      ASSERT_FALSE(ordered(other) && begin < end) << "access " << reply.id << " overtook " << id;
    }
  }
};

/// Takes what comes when it likes, answers it after a random time; packets of one line in order.
struct Below {
  Below(Draw& draw) : in(draw.up_to(4)), out(draw.up_to(4)), engine(draw.engine()) {
    latency = draw.up_to(100);
    laziness = draw.one_in(2) ? 1 : draw.up_to(20);
  }
  Wire in, out;
  Engine engine;
  std::uint32_t latency, laziness;
  struct Pending {
    Cycle ready;
    Packet packet;
  };
  std::vector<Pending> pending;
  std::uint64_t taken = 0;

  void step(Cycle now) {
    if (const Packet* packet = in.front(now); packet != nullptr && engine() % laziness == 0) {
      pending.push_back({now + engine() % latency, *packet});
      ++taken;
      in.pop(now);
    }
    if (!out.has_room(now) || engine() % laziness != 0) return;
    for (std::size_t k = 0; k < pending.size(); ++k) {
      const auto line = [&](std::size_t i) { return pending[i].packet.address / 128; };
      bool first = pending[k].ready <= now;
      for (std::size_t before = 0; before < k && first; ++before) first = line(before) != line(k);
      if (!first) continue;
      Packet reply = pending[k].packet;
      reply.reply = true;
      out.push(reply, now);
      pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(k));
      return;
    }
  }
};

struct Slice {
  explicit Slice(Draw& draw) : cache(random_cache(draw)), requests(draw.up_to(4)), replies(draw.up_to(4)), below(draw) {
    cache.set_route(0, [](std::uint64_t) { return 0; });
  }
  Cache cache;
  Wire requests, replies;
  Below below;
  void step(Cycle now) { cache.step(now, cache::Wires<Wire>{&requests, &replies, &below.in, &below.out}); }
  bool empty() const {
    return cache.empty() && requests.empty() && replies.empty() && below.in.empty() && below.out.empty() &&
           below.pending.empty();
  }
};

struct System {
  explicit System(std::uint32_t number) {
    Draw draw{Engine(number)};
    const int n = draw.up_to_int(5), m = draw.up_to_int(4);
    for (int i = 0; i < n; ++i) requesters.push_back(std::make_unique<Requester>(draw, i, m));
    for (int i = 0; i < m; ++i) slices.push_back(std::make_unique<Slice>(draw));
    request = std::make_unique<crossbar::Switch>(random_crossbar(draw, n, m));
    reply = std::make_unique<crossbar::Switch>(random_crossbar(draw, m, n));
    for (const auto& r : requesters) {
      for (const auto& s : slices) {
        const cache::Parameters& p = s->cache.parameters();
        r->writes_end_here.push_back(p.write == cache::WritePolicy::back && p.write_allocate);
      }
    }
    for (const auto& r : requesters) request_in.push_back(&r->out), reply_out.push_back(&r->in);
    for (const auto& s : slices) request_out.push_back(&s->requests), reply_in.push_back(&s->replies);
  }
  std::vector<std::unique_ptr<Requester>> requesters;
  std::vector<std::unique_ptr<Slice>> slices;
  std::unique_ptr<crossbar::Switch> request, reply;
  std::vector<Wire*> request_in, request_out, reply_in, reply_out;

  void step(Cycle now) {
    for (const auto& r : requesters) r->step(now);
    request->step(now, request_in, request_out);
    for (const auto& s : slices) {
      s->step(now);
      s->below.step(now);
    }
    reply->step(now, reply_in, reply_out);
  }
  bool empty() const {
    for (const auto& r : requesters) {
      if (r->left > 0 || !r->open.empty() || !r->out.empty() || !r->in.empty()) return false;
    }
    for (const auto& s : slices) {
      if (!s->empty()) return false;
    }
    return request->packets() == 0 && reply->packets() == 0;
  }
};

TEST(MemorySystem, AnswersEveryRequestOnceWhateverHoldsItUp) {
  std::uint64_t accesses = 0, fetches = 0, hits = 0;
  for (std::uint32_t number = 0; number < 10000; ++number) {
    System system(number);
    Cycle now = 0;
    for (; !system.empty(); ++now) {
      system.step(now);
      ASSERT_FALSE(testing::Test::HasFatalFailure()) << "pattern " << number;
      ASSERT_LT(now, 200'000u) << "pattern " << number << ": deadlock; " << system.request->describe_waiting() << " / "
                               << system.slices[0]->cache.waits_for() << " / " << system.reply->describe_waiting();
    }
    for (const auto& r : system.requesters) {
      ASSERT_EQ(r->answered, r->next_id) << number;
      accesses += r->answered;
    }
    for (const auto& s : system.slices) {
      fetches += s->cache.counters()[cache::Event::fetch];
      hits += s->cache.counters()[cache::Event::hit];
    }
  }
  // The traffic does what it is for.
  EXPECT_GT(accesses, 400'000u);
  EXPECT_GT(fetches, 50'000u);
  EXPECT_GT(hits, 50'000u);
}

}  // namespace
}  // namespace triad::memory
