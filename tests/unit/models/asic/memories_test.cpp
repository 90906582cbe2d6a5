#include "support.hpp"

/// The machine with memories of every kind.
namespace triad::asic {
namespace {

std::unique_ptr<device::Device> tiny(const test::Settings& settings) {
  return test::make("tiny", settings);
}

TEST(Memories, DramChangesTimesAndNoValues) {
  test::expect_same_with_dram(tiny, test::load("linear", {"steps=5"}));
}

TEST(Memories, TheSameOfALargerStep) {
  test::expect_same_with_dram(tiny, test::load("dense-relu", {"steps=2"}));
}

TEST(Memories, WithoutValuesTakesTheSameTime) {
  test::expect_same_time_without_values(tiny, "dense-relu");
}

}  // namespace
}  // namespace triad::asic
