#include "models/kit/clock.hpp"

#include <gtest/gtest.h>

#include <random>

namespace triad::kit {
namespace {

TEST(Clock, EdgesAreFloored) {
  const Clock clock(940'000'000);  // 1063829.787... fs
  EXPECT_EQ(clock.time_of(0), 0u);
  EXPECT_EQ(clock.time_of(1), 1'063'829u);
  EXPECT_EQ(clock.time_of(2), 2'127'659u);                        // floor(2127659.57), not twice the first
  EXPECT_EQ(clock.time_of(3), 3'191'489u);                        // floor(3191489.36)
  EXPECT_EQ(clock.time_of(47), 50'000'000u);                      // 47 / 940 MHz = 50 ns exactly
  EXPECT_EQ(clock.time_of(940'000'000), 1'000'000'000'000'000u);  // a second, without drift
}

TEST(Clock, EdgeAtAndAfterATime) {
  const Clock clock(940'000'000);
  EXPECT_EQ(clock.at(0), 0u);
  EXPECT_EQ(clock.after(0), 1u);
  EXPECT_EQ(clock.at(1), 1u);
  EXPECT_EQ(clock.at(1'063'829), 1u);  // the edge itself
  EXPECT_EQ(clock.after(1'063'828), 1u);
  EXPECT_EQ(clock.after(1'063'829), 2u);  // strictly later
  EXPECT_EQ(clock.at(1'063'830), 2u);
}

TEST(Clock, EdgesAndTimesAgreeEverywhere) {
  std::mt19937_64 engine(1);
  for (int i = 0; i < 10'000; ++i) {
    const Clock clock(engine() % 5'000'000'000 + 1);
    // Up to an hour of simulated time.
    const Cycle n = engine() % (clock.hz() * 3600);
    const Time edge = clock.time_of(n);
    ASSERT_EQ(clock.at(edge), n) << clock.hz();
    ASSERT_EQ(clock.after(edge), n + 1) << clock.hz();
    ASSERT_EQ(clock.at(edge + 1), n + 1) << clock.hz();
    ASSERT_LT(edge, clock.time_of(n + 1)) << clock.hz();
  }
}

}  // namespace
}  // namespace triad::kit
