#include "models/memory/study/latencies.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

namespace triad::memory::study {
namespace {

TEST(Latencies, NearestRank) {
  Latencies latencies;
  for (std::uint64_t cycles = 1; cycles <= 200; ++cycles) latencies.add(cycles);
  const device::Latency figures = latencies.figures();
  EXPECT_EQ(figures.requests, 200u);
  EXPECT_EQ(figures.mean, 100.5);
  EXPECT_EQ(figures.least, 1u);
  EXPECT_EQ(figures.median, 100u);
  EXPECT_EQ(figures.p95, 190u);
  EXPECT_EQ(figures.p99, 198u);
  EXPECT_EQ(figures.most, 200u);
}

TEST(Latencies, None) {
  EXPECT_EQ(Latencies().figures().requests, 0u);
}

RC_GTEST_PROP(Latencies, AreThoseOfTheSortedList, ()) {
  // From a cycle to more than a day of them.
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(
      rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 100), rc::gen::inRange<std::uint64_t>(0, 1u << 20),
                     rc::gen::inRange<std::uint64_t>(0, 1ull << 48))));
  Latencies latencies;
  for (const std::uint64_t value : values) latencies.add(value);
  auto sorted = values;
  std::ranges::sort(sorted);
  const auto rank = [&](double share) {
    return sorted[static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size()))) - 1];
  };
  const device::Latency figures = latencies.figures();
  RC_ASSERT(figures.least == sorted.front());
  RC_ASSERT(figures.most == sorted.back());
  for (const auto& [got, exact] :
       {std::pair{figures.median, rank(0.5)}, std::pair{figures.p95, rank(0.95)}, std::pair{figures.p99, rank(0.99)}}) {
    if (exact < (1u << 20)) {
      RC_ASSERT(got == exact);
    } else {  // rounded up, by less than a thousandth
      RC_ASSERT(got >= exact);
      RC_ASSERT(static_cast<double>(got - exact) <= 1e-3 * static_cast<double>(exact));
    }
  }
}

}  // namespace
}  // namespace triad::memory::study
