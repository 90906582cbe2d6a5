#include <gtest/gtest.h>

#include "harness.hpp"
#include "sim/device/device.hpp"

/// Exact cycles. A hit takes tag 2 + data 3 cycles. A miss that is taken at t: fetch sent at t + 2, taken by the memory
/// a cycle later, its answer taken by the cache 20 cycles after that, at t + 23; the reply is sent a cycle
/// (fill_latency) later, at t + 24.
namespace triad::memory::cache {
namespace {

constexpr std::uint64_t line = 128;

TEST(CacheTiming, AMissThenHits) {
  Bench bench(small());
  const auto miss = bench.read(10, 0, 32);
  const auto hit = bench.read(50, 0, 32);
  const auto part = bench.read(51, 12, 4);
  bench.run();
  EXPECT_EQ(bench.answered[miss], 10 + 24);
  EXPECT_EQ(bench.answered[hit], 50 + 5);
  EXPECT_EQ(bench.answered[part], 51 + 5);  // pipelined: one a cycle
  ASSERT_EQ(bench.below.size(), 1u);
  EXPECT_EQ(bench.below[0].sent, 12u);
  EXPECT_EQ(bench.below[0].packet.address, 0u);
  EXPECT_EQ(bench.below[0].packet.bytes, 32u);  // the sector, not the line
}

/// A memory that answers at once does not make a miss faster than a hit: taken 10, sent 12, answer here 14, 14 + 1 =
/// 15 is 10 + 5. With a fill latency of 0 it would be 14.
TEST(CacheTiming, AMissIsNotFasterThanAHit) {
  Parameters p = small();
  p.fill_latency = 0;
  Bench bench(p, 1);
  const auto miss = bench.read(10, 0, 32);
  bench.run();
  EXPECT_EQ(bench.answered[miss], 10 + 5);
}

/// The same of a write that goes on: acknowledged at 14.
TEST(CacheTiming, AWriteThroughIsNotFasterThanAHit) {
  Parameters p = small();
  p.write = WritePolicy::through;
  p.write_allocate = false;
  p.fill_latency = 0;
  Bench bench(p, 1);
  const auto write = bench.write(10, 0, 32);
  bench.run();
  EXPECT_EQ(bench.answered[write], 10 + 5);
}

/// Sectors 1 and 3 are here; a read of the line fetches 0 and 2, a packet each: sent at 52 and 53; here at 73 and 74;
/// the reply when both are: 75.
TEST(CacheTiming, OnlyMissingSectorsAreFetched) {
  Bench bench(small());
  bench.read(10, 32, 32);
  bench.read(11, 96, 32);
  const auto all = bench.read(50, 0, 128);
  bench.run();
  ASSERT_EQ(bench.below.size(), 4u);
  EXPECT_EQ(bench.below[2].packet.address, 0u);
  EXPECT_EQ(bench.below[2].sent, 52u);
  EXPECT_EQ(bench.below[3].packet.address, 64u);
  EXPECT_EQ(bench.below[3].sent, 53u);
  EXPECT_EQ(bench.answered[all], 75u);
  EXPECT_EQ(bench.cache.counters()[Event::sector_miss], 2u);  // that of 11, too: the line was there
  EXPECT_EQ(bench.cache.counters()[Event::miss], 1u);
}

/// Neighbouring missing sectors are one packet.
TEST(CacheTiming, ALineIsOneFetch) {
  Bench bench(small());
  const auto all = bench.read(10, 0, 128);
  bench.run();
  ASSERT_EQ(bench.below.size(), 1u);
  EXPECT_EQ(bench.below[0].packet.bytes, 128u);
  EXPECT_EQ(bench.answered[all], 34u);
}

/// The second waits for the first's fetch and is released in the cycle after it; another sector of the line is fetched
/// by itself, through the same register.
TEST(CacheTiming, MergedMisses) {
  Parameters p = small();
  p.mshrs = 1;
  Bench bench(p);
  const auto first = bench.read(10, 0, 32);
  const auto second = bench.read(11, 16, 16);
  const auto other = bench.read(12, 64, 32);
  bench.run();
  EXPECT_EQ(bench.answered[first], 34u);   // fill at 33
  EXPECT_EQ(bench.answered[second], 35u);  // released at 34
  EXPECT_EQ(bench.answered[other], 36u);   // 12 + 24: sent 14, here 35
  EXPECT_EQ(bench.below.size(), 2u);
  EXPECT_EQ(bench.cache.counters()[Event::merged], 1u);
  EXPECT_EQ(bench.cache.counters()[Event::sector_miss], 1u);
}

TEST(CacheTiming, AHitOvertakesAMiss) {
  Bench bench(small());
  bench.read(10, 0, 32);
  bench.read(50, line, 32);
  bench.read(51, 0, 32);
  bench.run();
  EXPECT_EQ(bench.order, (std::vector<std::uint64_t>{0, 2, 1}));
}

/// Two ports, two banks (sets 0 and 1): lines 0 and 1 in one cycle, lines 0 and 2 (both bank 0) not.
TEST(CacheTiming, BankConflict) {
  Parameters p = small();
  p.ports = 2;
  p.banks = 2;
  Bench bench(p);
  for (const Cycle number : {0, 1, 2}) bench.read(10 + number, number * line, 32);
  const auto a = bench.read(50, 0, 32), b = bench.read(50, line, 32);
  const auto c = bench.read(60, 0, 32), d = bench.read(60, 2 * line, 32);
  bench.run();
  EXPECT_EQ(bench.answered[a], 55u);
  EXPECT_EQ(bench.answered[b], 55u);
  EXPECT_EQ(bench.answered[c], 65u);
  EXPECT_EQ(bench.answered[d], 66u);
  EXPECT_EQ(bench.cache.counters()[Stall::bank], 1u);
}

/// A bank of 32 B a cycle gives a line in four: the last bytes three cycles later, the next access four.
TEST(CacheTiming, ANarrowBank) {
  Parameters p = small();
  p.bank_width = 32;
  Bench bench(p);
  bench.read(10, 0, 128);
  const auto wide = bench.read(60, 0, 128), next = bench.read(61, 0, 32);
  bench.run();
  EXPECT_EQ(bench.answered[wide], 60u + 5 + 3);
  EXPECT_EQ(bench.answered[next], 64u + 5);
  EXPECT_EQ(bench.cache.counters()[Stall::bank], 3u);
}

/// A fill goes before a request: it is taken at 33, the hit that came for 33 at 34.
TEST(CacheTiming, AFillOccupiesItsBank) {
  Bench bench(small());
  bench.read(2, 2 * line, 32);  // fill at 25
  bench.read(10, 0, 32);        // fill at 33
  const auto hit = bench.read(33, 2 * line, 32);
  bench.run();
  EXPECT_EQ(bench.answered[hit], 34u + 5);
}

/// One register: the second line is taken when the first's fill has released its waiter, at 33; 33 + 24 = 57.
TEST(CacheTiming, NoRegisterIsFree) {
  Parameters p = small();
  p.mshrs = 1;
  Bench bench(p);
  bench.read(10, 0, 32);
  const auto second = bench.read(11, line, 32);
  bench.run();
  // At 33 the fill occupies the bank: taken at 34.
  EXPECT_EQ(bench.answered[second], 34u + 24);
  EXPECT_EQ(bench.cache.counters()[Stall::mshr], 33u - 11);
  EXPECT_EQ(bench.cache.counters()[Stall::bank], 1u);
}

/// One access per register: the second to the sector is a hit once it is here.
TEST(CacheTiming, ARegisterIsFull) {
  Parameters p = small();
  p.merges = 1;
  Bench bench(p);
  bench.read(10, 0, 32);
  const auto second = bench.read(11, 0, 32);
  bench.run();
  EXPECT_EQ(bench.answered[second], 34u + 5);
  EXPECT_EQ(bench.cache.counters()[Stall::merge], 33u - 11);
  EXPECT_EQ(bench.cache.counters()[Event::hit], 1u);
}

/// Five lines of one set of four ways: the fifth is taken when the first (fill at 33) is not under way any more.
TEST(CacheTiming, AllWaysOfASetAreUnderWay) {
  Parameters p = small();
  p.mshrs = 8;
  p.miss_queue = 8;
  Bench bench(p);
  for (const Cycle number : {0, 1, 2, 3}) bench.read(10 + number, number * 2 * line, 32);  // fills at 33 .. 36
  const auto fifth = bench.read(14, 8 * line, 32);
  bench.run();
  // Fills occupy the bank in 33, 34, 35 and 36.
  EXPECT_EQ(bench.answered[fifth], 37u + 24);
  EXPECT_EQ(bench.cache.counters()[Stall::set], 33u - 14);
  EXPECT_EQ(bench.cache.counters()[Stall::bank], 4u);
}

/// One place in the miss queue: a fetch leaves it two cycles after its request was taken, so a miss every three (taken
/// at 10, sent at 12, the place free for 13).
TEST(CacheTiming, AFullMissQueue) {
  Parameters p = small();
  p.miss_queue = 1;
  Bench bench(p);
  bench.read(10, 0, 32);
  bench.read(11, line, 32);
  bench.read(12, 2 * line, 32);
  bench.run();
  ASSERT_EQ(bench.below.size(), 3u);
  EXPECT_EQ(bench.below[0].sent, 12u);
  EXPECT_EQ(bench.below[1].sent, 15u);
  EXPECT_EQ(bench.below[2].sent, 18u);
  EXPECT_EQ(bench.cache.counters()[Stall::miss_queue], 2u + 2);  // 11, 12; the third: 14, 15
}

/// A whole sector is written without a fetch. Line 0, the least recently used of set 0, leaves for line 8: the fetch is
/// sent at 20 + 2, the dirty sector at 20 + 5.
TEST(CacheTiming, AWriteBack) {
  Bench bench(small());
  std::vector<std::uint64_t> writes;
  for (const Cycle number : {0, 1, 2, 3}) writes.push_back(bench.write(10 + number, number * 2 * line + 64, 32));
  const auto read = bench.read(20, 8 * line, 32);
  bench.run();
  for (const Cycle number : {0, 1, 2, 3}) EXPECT_EQ(bench.answered[writes[number]], 10 + number + 5);
  EXPECT_EQ(bench.answered[read], 20u + 24);
  ASSERT_EQ(bench.below.size(), 2u);
  EXPECT_FALSE(bench.below[0].packet.write);
  EXPECT_EQ(bench.below[0].sent, 22u);
  EXPECT_TRUE(bench.below[1].packet.write);
  EXPECT_EQ(bench.below[1].sent, 25u);
  EXPECT_EQ(bench.below[1].packet.address, 64u);
  EXPECT_EQ(bench.below[1].packet.bytes, 32u);
  EXPECT_EQ(bench.cache.counters()[Event::eviction], 1u);
  EXPECT_EQ(bench.cache.counters()[Event::writeback], 1u);
}

/// One place for evicted lines: the second victim waits until the first is sent, at 25, and leaves a cycle later.
TEST(CacheTiming, AFullWritebackQueue) {
  Parameters p = small();
  p.writeback_queue = 1;
  Bench bench(p);
  for (const Cycle number : {0, 1, 2, 3}) bench.write(10 + number, number * 2 * line, 32);
  bench.read(20, 8 * line, 32);
  const auto second = bench.read(21, 10 * line, 32);
  bench.run();
  EXPECT_EQ(bench.answered[second], 26u + 24);
  EXPECT_EQ(bench.cache.counters()[Stall::writeback_queue], 26u - 21);
}

/// A part of a sector that is not here: fetched first, then written; the answer is that of a miss.
TEST(CacheTiming, APartialWriteFetches) {
  Bench bench(small());
  const auto write = bench.write(10, 4, 8);
  bench.run();
  EXPECT_EQ(bench.answered[write], 34u);
  EXPECT_TRUE(bench.cache.directory().has_dirty(0, 32));
  bench.flush(false);
  EXPECT_EQ(bench.below.back().packet.bytes, 32u);  // the sector is here, so all of it goes back
}

/// ... or kept with a mask: no fetch, the answer is that of a hit; what goes back are runs of written bytes.
TEST(CacheTiming, APartialWriteWithAMask) {
  Parameters p = small();
  p.partial_write = PartialWrite::mask;
  Bench bench(p);
  const auto write = bench.write(10, 4, 8);
  bench.write(11, 20, 4);
  const auto own = bench.read(12, 8, 4), beyond = bench.read(13, 64 + 8, 4);
  bench.run();
  EXPECT_EQ(bench.answered[write], 15u);
  EXPECT_EQ(bench.answered[own], 17u);  // bytes 8 .. 11 were written here
  EXPECT_EQ(bench.answered[beyond], 13u + 24);
  ASSERT_EQ(bench.below.size(), 1u);
  bench.flush(false);
  ASSERT_EQ(bench.below.size(), 3u);
  EXPECT_EQ(bench.below[1].packet.address, 4u);
  EXPECT_EQ(bench.below[1].packet.bytes, 8u);
  EXPECT_EQ(bench.below[2].packet.address, 20u);
  EXPECT_EQ(bench.below[2].packet.bytes, 4u);
}

Parameters write_through() {
  Parameters p = small();
  p.write = WritePolicy::through;
  p.write_allocate = false;
  return p;
}

/// A write goes on at 12 and is answered when it is acknowledged: 10 + 24. It leaves no trace; a read then misses, and
/// is sent behind it. What is here is updated.
TEST(CacheTiming, WriteThrough) {
  Bench bench(write_through());
  const auto write = bench.write(10, 0, 4);
  const auto read = bench.read(11, 0, 32);
  const auto again = bench.write(60, 0, 4);
  const auto hit = bench.read(61, 0, 32);
  bench.run();
  EXPECT_EQ(bench.answered[write], 34u);
  EXPECT_EQ(bench.answered[read], 35u);
  EXPECT_EQ(bench.answered[again], 84u);
  EXPECT_EQ(bench.answered[hit], 66u);
  ASSERT_EQ(bench.below.size(), 3u);
  EXPECT_TRUE(bench.below[0].packet.write);
  EXPECT_EQ(bench.below[0].sent, 12u);
  EXPECT_EQ(bench.below[0].packet.bytes, 4u);
  EXPECT_FALSE(bench.below[1].packet.write);
  EXPECT_EQ(bench.below[1].sent, 13u);
  EXPECT_EQ(bench.cache.directory().dirty_lines(), 0);
}

/// One write under way: the second is taken when the first's acknowledgement is here, at 33, and its answer on its way.
TEST(CacheTiming, TooManyWritesUnderWay) {
  Parameters p = write_through();
  p.writes = 1;
  Bench bench(p);
  bench.write(10, 0, 4);
  const auto second = bench.write(11, 256, 4);
  bench.run();
  EXPECT_EQ(bench.answered[second], 33u + 24);
  EXPECT_EQ(bench.cache.counters()[Stall::writes], 33u - 11);
}

/// Nobody takes replies: the hit pipeline of 5 and one place fill, then requests wait.
TEST(CacheTiming, AFullReplyQueue) {
  Parameters p = small();
  p.reply_queue = 1;
  Cache cache(p);
  Wire requests(64), replies(1), misses(4), fills(4);
  const Wires<Wire> wires{&requests, &replies, &misses, &fills};
  for (std::uint64_t id = 0; id < 10; ++id) {
    Packet packet;
    packet.id = id;
    packet.bytes = 128;
    packet.write = true;  // a whole line: no fetch
    requests.push(packet, 0);
  }
  for (Cycle now = 1; now <= 100; ++now) cache.step(now, wires);
  // Six taken at 1 .. 6, at 6 the first is sent and stays on the link; its place is taken at 7; then nothing.
  EXPECT_EQ(cache.counters()[Event::write], 7u);
  EXPECT_EQ(cache.stall(), Stall::reply_queue);
  // Refused from 8 on: 8 .. 99 are accounted for at 100.
  EXPECT_EQ(cache.counters()[Stall::reply_queue], 92u);
}

/// Three dirty lines: walked at 40, 41, 42; sent 5 cycles later, the last at 47; acknowledged at 48 + 20 = 68, when the
/// flush is done. A request that came for 41 is taken then, and misses.
TEST(CacheTiming, AFlush) {
  Parameters p = small();
  p.writeback_queue = 3;
  Bench bench(p);
  for (const Cycle number : {0, 1, 2}) bench.write(10 + number, number * line, 128);
  while (bench.now < 40) bench.cycle();
  Cycle done = 0;
  bench.cache.flush(true, [&] { done = bench.now; });
  const auto read = bench.read(41, 0, 32);
  bench.run();
  EXPECT_EQ(done, 68u);
  ASSERT_EQ(bench.below.size(), 4u);
  EXPECT_EQ(bench.below[0].sent, 45u);
  EXPECT_EQ(bench.below[2].sent, 47u);
  EXPECT_EQ(bench.below[2].packet.bytes, 128u);
  EXPECT_EQ(bench.answered[read], 68u + 24);
  EXPECT_EQ(bench.cache.counters()[Stall::flush], 68u - 41);
}

/// Without invalidate the lines stay, clean.
TEST(CacheTiming, AFlushKeepsLines) {
  Bench bench(small());
  bench.write(10, 0, 128);
  bench.run();
  bench.flush(false);
  const Cycle at = bench.now + 10;
  const auto hit = bench.read(at, 0, 128);
  bench.run();
  EXPECT_EQ(bench.answered[hit], at + 5);
  bench.flush(false);
  EXPECT_EQ(bench.below.size(), 1u);  // nothing was dirty the second time
}

TEST(CacheErrors, NameTheFault) {
  Bench bench(small());
  bench.read(1, 120, 16);
  EXPECT_THROW(bench.run(), device::Fault);  // leaves its line
  Cache cache(small());
  cache.flush(false, {});
  EXPECT_THROW(cache.flush(false, {}), std::logic_error);
  Wire requests(1), replies(1), misses(1), fills(1);
  Packet reply;
  reply.reply = true;
  reply.id = 5 << 12;
  fills.push(reply, 0);
  EXPECT_THROW(cache.step(1, Wires<Wire>{&requests, &replies, &misses, &fills}), std::logic_error);
}

}  // namespace
}  // namespace triad::memory::cache
