#include "sim/activity/spans.hpp"

#include <gtest/gtest.h>

#include <random>

namespace triad::activity {
namespace {

TEST(Spans, MergeWhatOverlapsOrTouches) {
  Spans spans;
  spans.add({10, 20});
  spans.add({40, 50});
  spans.add({0, 5});
  EXPECT_EQ(spans.all().size(), 3u);
  spans.add({20, 30});  // touches
  spans.add({25, 35});  // overlaps
  ASSERT_EQ(spans.all().size(), 3u);
  EXPECT_EQ(spans.all()[1].from, 10u);
  EXPECT_EQ(spans.all()[1].to, 35u);
  spans.add({4, 41});  // swallows
  ASSERT_EQ(spans.all().size(), 1u);
  EXPECT_EQ(spans.all()[0].from, 0u);
  EXPECT_EQ(spans.all()[0].to, 50u);
}

/// 1 MHz: an edge every 10^9 fs. Edges in [0.5, 3) us are 1 and 2, in [3, 3.1) us 3.
TEST(Spans, CountEdges) {
  Spans spans;
  spans.add({500'000'000, 3'000'000'000});
  EXPECT_EQ(spans.cycles(1'000'000), 2u);
  spans.add({3'000'000'000, 3'100'000'000});
  EXPECT_EQ(spans.cycles(1'000'000), 3u);
}

TEST(Spans, AgreeWithASetOfPoints) {
  std::mt19937 engine(3);
  for (int round = 0; round < 50; ++round) {
    Spans spans;
    std::vector<bool> in(200, false);
    for (int i = 0; i < 20; ++i) {
      const Time from = engine() % 190, to = from + 1 + engine() % 9;
      spans.add({from, to});
      for (Time t = from; t < to; ++t) in[t] = true;
    }
    std::vector<bool> got(200, false);
    for (std::size_t i = 0; i < spans.all().size(); ++i) {
      const Span span = spans.all()[i];
      ASSERT_LT(span.from, span.to);
      if (i > 0) {
        ASSERT_GT(span.from, spans.all()[i - 1].to) << "neither overlaps nor touches";
      }
      for (Time t = span.from; t < span.to; ++t) got[t] = true;
    }
    ASSERT_EQ(got, in);
  }
}

}  // namespace
}  // namespace triad::activity
