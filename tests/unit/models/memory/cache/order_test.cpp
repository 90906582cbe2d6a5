#include <gtest/gtest.h>

#include "harness.hpp"

/// What a cache promises about order, case by case (random_traffic_test.cpp holds all of it with values). Timing as in
/// timing_test.cpp: a hit is answered 5 cycles after it was taken, a miss 24.
namespace triad::memory::cache {
namespace {

using Ids = std::vector<std::uint64_t>;

/// Notes the order in which accesses take effect.
class Effects : public Observer {
 public:
  Ids ids;
  void taken(const Packet&) override {}
  void applied(const Packet& request, bool, std::uint64_t) override { ids.push_back(request.id); }
  void filled(std::uint64_t, std::uint64_t) override {}
  void written_back(std::uint64_t) override {}
  void dropped(std::uint64_t) override {}
};

struct Watched : Bench {
  explicit Watched(const Parameters& p, Cycle latency = 20) : Bench(p, latency) { cache.set_observer(&effects); }
  Effects effects;
};

/// A read waits for its sector; the write behind it, which would find room at once, waits too: the read must not see
/// it. The read after both sees it.
TEST(CacheOrder, AWriteDoesNotPassAReadThatWaits) {
  Watched bench(small());
  bench.read(10, 0, 32);
  bench.write(11, 0, 32);
  bench.read(12, 0, 32);
  bench.run();
  EXPECT_EQ(bench.effects.ids, (Ids{0, 1, 2}));
  EXPECT_EQ(bench.order, (Ids{0, 1, 2}));
  EXPECT_EQ(bench.below.size(), 1u);  // one fetch serves all three
}

/// Sector 0 is here. A read of sectors 0 and 1 waits for 1; a write of sector 0 alone could go ahead and does not; one
/// of sector 2 does.
TEST(CacheOrder, AWriteDoesNotPassAReadThatWaitsForAnotherSector) {
  Watched bench(small());
  bench.read(10, 0, 32);
  bench.read(50, 0, 64);
  bench.write(51, 0, 32);
  bench.write(52, 64, 32);
  bench.run();
  EXPECT_EQ(bench.effects.ids, (Ids{0, 3, 1, 2}));
  EXPECT_EQ(bench.order, (Ids{0, 3, 1, 2}));
}

/// A memory that answers in a cycle: the read of sector 1 (a miss) is not answered before the read of the line's
/// sector 0 and 1 whose data takes four cycles out of a narrow bank.
TEST(CacheOrder, AQuickMissDoesNotPassASlowHit) {
  Parameters p = small();
  p.bank_width = 32;
  p.data_latency = 20;
  p.fill_latency = 0;
  Watched bench(p, 1);
  bench.read(10, 0, 64);
  bench.read(80, 0, 64);   // hit: 80 + 22 + 1
  bench.read(81, 32, 64);  // taken at 82, sector 2 is here at 86; answered at 82 + 22
  bench.run();
  EXPECT_EQ(bench.order, (Ids{0, 1, 2}));
  EXPECT_EQ(bench.answered[1], 103u);
  EXPECT_EQ(bench.answered[2], 104u);
}

/// Line 0 leaves dirty and is asked for again: its bytes go down before it is fetched, though they take longer to read
/// than a fetch, and fetches of other lines pass them.
TEST(CacheOrder, ALineIsWrittenBackBeforeItIsFetchedAgain) {
  Parameters p = small();
  p.ways = 1;
  p.size = 256;
  p.data_latency = 10;
  Watched bench(p);
  bench.write(10, 0, 128);
  bench.read(30, 256, 32);  // line 0 leaves: to be sent at 30 + 12
  bench.read(31, 128, 32);  // another set
  const auto again = bench.read(31, 128 + 32, 32);
  bench.run();
  EXPECT_EQ(bench.below.at(2).sent, 34u);  // fetches at 32, 33 and 34
  EXPECT_TRUE(bench.below.at(3).packet.write);
  EXPECT_EQ(bench.below.at(3).sent, 42u);
  EXPECT_EQ(bench.answered[again], 32u + 24);

  // Now with the line itself, right after: the set's only way is under way until 30 + 23, then line 0 comes back.
  Watched second(p, 1);
  second.write(10, 0, 128);
  second.read(30, 256, 32);
  second.read(31, 0, 32);
  second.run();
  ASSERT_EQ(second.below.size(), 3u);
  EXPECT_FALSE(second.below[0].packet.write);  // line 2, at 32
  EXPECT_TRUE(second.below[1].packet.write);   // line 0, at 42
  EXPECT_FALSE(second.below[2].packet.write);  // line 0, taken at 35, waits for it
  EXPECT_EQ(second.below[1].sent, 42u);
  EXPECT_EQ(second.below[2].sent, 43u);
}

/// Write-through: a read behind a write is sent behind it, and one that waits for the line keeps its place, too.
TEST(CacheOrder, AWriteThatGoesOnKeepsItsPlace) {
  Parameters p = small();
  p.write = WritePolicy::through;
  p.write_allocate = false;
  Watched bench(p);
  bench.read(10, 0, 32);
  bench.write(11, 0, 64);  // waits for the read of sector 0; touches sector 1, which is not here
  bench.read(12, 32, 32);  // sector 1: fetched when the write was sent, or it would come back without its bytes
  bench.run();
  EXPECT_EQ(bench.effects.ids, (Ids{0, 1, 2}));
  ASSERT_EQ(bench.below.size(), 3u);
  EXPECT_FALSE(bench.below[0].packet.write);
  EXPECT_TRUE(bench.below[1].packet.write);
  EXPECT_EQ(bench.below[1].sent, 36u);  // released at 34, a cycle after the read
  EXPECT_FALSE(bench.below[2].packet.write);
  EXPECT_EQ(bench.below[2].packet.address, 32u);
  EXPECT_EQ(bench.cache.counters()[Stall::merge], 33u - 12);  // at 33 the fill occupies the bank
}

/// What a write that waits will cover needs no fetch: the read of sector 1 behind it gets what the write brings.
TEST(CacheOrder, AReadWaitsForAWriteThatWaits) {
  Watched bench(small());
  bench.read(10, 0, 32);
  bench.write(11, 0, 64);
  bench.read(12, 32, 32);
  bench.run();
  EXPECT_EQ(bench.order, (Ids{0, 1, 2}));
  EXPECT_EQ(bench.below.size(), 1u);
}

/// A hit to another line, and to another sector of the same line, passes a miss.
TEST(CacheOrder, HitsPassMisses) {
  Watched bench(small());
  bench.read(10, 0, 32);
  bench.read(11, 128, 32);
  bench.read(50, 32, 32);
  bench.read(51, 0, 32);
  bench.read(52, 128, 32);
  bench.run();
  EXPECT_EQ(bench.order, (Ids{0, 1, 3, 4, 2}));
}

}  // namespace
}  // namespace triad::memory::cache
