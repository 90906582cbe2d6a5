#include "support.hpp"

/// The machine with memories of every kind.
namespace triad::gpu {
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

/// What is stored is never looked at for times.
TEST(Memories, WithoutValuesTakesTheSameTime) {
  for (const std::string preset : {"ddr4-3200", "hbm2"}) {
    const auto device = tiny({"memory.preset=" + preset, "memory.channels=1"});
    const device::RunResult with = test::run(*device, test::load("dense-relu", {"steps=2"}));
    const device::RunResult without = test::run(*device, test::load("dense-relu", {"steps=2", "values=off"}));
    EXPECT_EQ(with.cycles, without.cycles) << preset;
    EXPECT_EQ(with.energy_joules, without.energy_joules) << preset;
  }
}

}  // namespace
}  // namespace triad::gpu
