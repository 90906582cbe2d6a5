#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support.hpp"

/// What a result names as its limit is the limit: that resource ten times as fast shortens the run by nine tenths of
/// its share, another one ten times as fast does not.
namespace triad::gpu {
namespace {

struct Machine {
  std::string preset;
  double clock_mhz, bandwidth_gbps, launch_us;
  test::Settings others = {};
  test::Settings settings() const {
    test::Settings all = {fmt::format("clock={} MHz", clock_mhz),
                          fmt::format("memory.bandwidth={} GB/s", bandwidth_gbps),
                          fmt::format("launch.latency={} us", launch_us)};
    all.insert(all.end(), others.begin(), others.end());
    return all;
  }
};

void expect_limit(const std::string& limit, const Machine& machine, const device::Job& job) {
  const auto measure = [&](const Machine& m) { return test::run(*test::make(m.preset, m.settings()), job, {}); };
  const device::RunResult base = measure(machine);
  ASSERT_EQ(base.bound_by, limit);
  const double share = static_cast<double>(base.bound_cycles.at(limit)) / static_cast<double>(base.cycles);
  ASSERT_GT(share, 0.95);

  Machine compute = machine, memory = machine, launch = machine;
  compute.clock_mhz *= 10;
  memory.bandwidth_gbps *= 10;
  launch.launch_us /= 10;
  for (const auto& [name, faster] : {std::pair{"compute", compute}, {"memory", memory}, {"launch", launch}}) {
    const double ratio = measure(faster).seconds / base.seconds;
    EXPECT_NEAR(ratio, name == limit ? 1 - 0.9 * share : 1, 0.02) << limit << " limits, " << name << " is faster";
  }
}

TEST(Limits, Launch) {
  expect_limit("launch", {"tiny", 1000, 16, 500}, test::load("linear", {"steps=4"}));
}

/// Dense layers of a perceptron through memory of a thousandth of its bandwidth.
TEST(Limits, Memory) {
  expect_limit("memory", {"a100", 1410, 1.8, 1.7}, test::load("mlp", {"steps=1", "input.shape=[4, 784]"}));
}

}  // namespace
}  // namespace triad::gpu
