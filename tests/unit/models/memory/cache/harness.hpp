#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <stdexcept>
#include <vector>

#include "models/memory/cache/cache.hpp"

namespace triad::memory::cache {

/// A link without SystemC: kit::Channel's rules (one cycle of latency both ways), and it says when the cache at its
/// other end is to be stepped.
class Wire {
 public:
  explicit Wire(std::size_t capacity) : capacity_(capacity) {}
  bool has_room(Cycle now) const { return items_.size() + (last_pop_ == now ? popped_ : 0) < capacity_; }
  void push(Packet packet, Cycle now) {
    if (!has_room(now)) throw std::logic_error("push into a full wire");
    items_.push_back({packet, now});
    changed = true;
  }
  const Packet* front(Cycle now) const {
    return items_.empty() || items_.front().pushed >= now ? nullptr : &items_.front().packet;
  }
  void pop(Cycle now) {
    items_.pop_front();
    popped_ = last_pop_ == now ? popped_ + 1 : 1;
    last_pop_ = now;
    changed = true;
  }
  bool empty() const { return items_.empty(); }
  bool changed = false;

 private:
  struct Item {
    Packet packet;
    Cycle pushed;
  };
  std::size_t capacity_, popped_ = 0;
  Cycle last_pop_ = Cache::never;
  std::deque<Item> items_;
};

/// A cache between a requester and a memory of the test's, cycle by cycle. The requester sends each request in its
/// cycle (or as soon as there is room after it) and takes replies at once; the memory takes requests at once, and its
/// answer can be taken by the cache `memory_latency` cycles after it has taken the request.
struct Bench {
  explicit Bench(const Parameters& parameters, Cycle latency = 20, std::size_t places = 64)
      : cache(parameters), requests(places), replies(places), misses(places), fills(places), memory_latency(latency) {}

  Cache cache;
  Wire requests, replies, misses, fills;
  Cycle memory_latency;
  Cycle now = 0;
  struct Request {
    Cycle at;
    Packet packet;
  };
  std::deque<Request> to_send;
  std::map<std::uint64_t, Cycle> answered;  ///< by id: the cycle in which the reply was sent
  std::vector<std::uint64_t> order;         ///< ids, as they were answered
  struct Below {
    Cycle sent;
    Packet packet;
  };
  std::vector<Below> below;  ///< what the cache sent
  std::deque<Below> in_memory;

  /// The cache takes it in cycle `at` if it can: it is pushed in the cycle before.
  std::uint64_t request(Cycle at, std::uint64_t address, std::uint32_t bytes, bool write = false) {
    Packet packet;
    packet.id = next_id_++;
    packet.address = address;
    packet.bytes = bytes;
    packet.write = write;
    to_send.push_back({at, packet});
    return packet.id;
  }
  std::uint64_t read(Cycle at, std::uint64_t address, std::uint32_t bytes) { return request(at, address, bytes); }
  std::uint64_t write(Cycle at, std::uint64_t address, std::uint32_t bytes) {
    return request(at, address, bytes, true);
  }

  void cycle() {
    while (!to_send.empty() && to_send.front().at <= now + 1 && requests.has_room(now)) {
      requests.push(to_send.front().packet, now);
      to_send.pop_front();
    }
    cache.step(now, Wires<Wire>{&requests, &replies, &misses, &fills});
    while (const Packet* reply = replies.front(now)) {
      if (!answered.emplace(reply->id, now - 1).second) throw std::logic_error("answered twice");
      order.push_back(reply->id);
      replies.pop(now);
    }
    while (const Packet* miss = misses.front(now)) {
      below.push_back({now - 1, *miss});
      in_memory.push_back({now, *miss});
      misses.pop(now);
    }
    while (!in_memory.empty() && in_memory.front().sent + memory_latency <= now + 1 && fills.has_room(now)) {
      Packet reply = in_memory.front().packet;
      reply.reply = true;
      fills.push(reply, now);
      in_memory.pop_front();
    }
    ++now;
  }
  /// Until everything is answered and nothing is under way.
  void run() {
    const Cycle limit = now + 1'000'000;
    do {
      cycle();
      if (now > limit) throw std::runtime_error("no end: " + cache.waits_for());
    } while (!to_send.empty() || !requests.empty() || !replies.empty() || !misses.empty() || !fills.empty() ||
             !in_memory.empty() || !cache.empty());
  }
  /// One access from its request to its reply, nothing else under way. Returns what it counted as.
  Event access(std::uint64_t address, std::uint32_t bytes, bool write = false) {
    const Counters before = cache.counters();
    request(now + 1, address, bytes, write);
    run();
    for (const Event event : {Event::hit, Event::miss, Event::sector_miss}) {
      if (cache.counters()[event] != before[event]) return event;
    }
    throw std::logic_error("an access that is alone has merged");
  }
  void flush(bool invalidate) {
    bool done = false;
    cache.flush(invalidate, [&] { done = true; });
    run();
    if (!done) throw std::runtime_error("the flush has no end");
  }

 private:
  std::uint64_t next_id_ = 0;
};

/// One bank, one port, 8 lines of 128 B in 4 sectors: 2 sets of 4 ways; a hit takes 2 + 3 cycles; write-back.
inline Parameters small() {
  Parameters p;
  p.size = 1024;
  p.line = 128;
  p.sector = 32;
  p.ways = 4;
  p.hashed = false;
  p.banks = 1;
  p.bank_width = 128;
  p.ports = 1;
  p.tag_latency = 2;
  p.data_latency = 3;
  p.fill_latency = 1;
  p.mshrs = 4;
  p.merges = 4;
  p.reply_queue = 4;
  p.miss_queue = 4;
  p.writeback_queue = 2;
  p.writes = 4;
  return p;
}

}  // namespace triad::memory::cache
