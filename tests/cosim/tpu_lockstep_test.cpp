// The matrix unit's twin in the chip that trains: the same cycles, cycle stacks, losses and weights with every backend.
#include <gtest/gtest.h>

#include "tests/unit/models/tpu/support.hpp"

namespace triad::tpu {
namespace {

device::RunResult train(const std::string& workload, const std::string& precision, const std::string& backend,
                        const test::Settings& settings = {}) {
  test::Settings all = {"mxu.backend=" + backend};
  all.insert(all.end(), settings.begin(), settings.end());
  const auto device = test::make("tiny", all);
  return test::run(*device, test::load(workload, {"precision=" + precision}));
}

void expect_same(const device::RunResult& a, const device::RunResult& b) {
  EXPECT_EQ(a.cycles, b.cycles);
  ASSERT_FALSE(a.loss.empty());
  EXPECT_EQ(a.loss, b.loss);
  ASSERT_EQ(a.units.size(), b.units.size());
  for (std::size_t i = 0; i < a.units.size(); ++i) {
    EXPECT_EQ(a.units[i].cycles, b.units[i].cycles) << a.units[i].name;
    EXPECT_EQ(a.units[i].actions, b.units[i].actions) << a.units[i].name;
  }
  ASSERT_EQ(a.weights.size(), b.weights.size());
  for (const auto& [name, tensor] : a.weights) EXPECT_EQ(tensor.floats(), b.weights.at(name).floats()) << name;
}

TEST(TpuLockstep, LinearInFp32) {
  const auto model = train("linear", "fp32", "model");
  expect_same(model, train("linear", "fp32", "lockstep"));
  expect_same(model, train("linear", "fp32", "rtl"));
}

TEST(TpuLockstep, LinearInBf16WithStallsOnBothSides) {
  const auto free = train("linear", "bf16", "model");
  const test::Settings stalls = {"mxu.stalls.seed=7", "mxu.stalls.percent=40"};
  const auto model = train("linear", "bf16", "model", stalls);
  expect_same(model, train("linear", "bf16", "lockstep", stalls));
  expect_same(model, train("linear", "bf16", "rtl", stalls));
  EXPECT_GT(model.cycles, free.cycles);
  EXPECT_EQ(model.loss, free.loss);  // stalls move cycles, never values
}

TEST(TpuLockstep, DenseReluInBf16OnTwoUnitsOfAnotherShape) {
  const test::Settings settings = {"mxu.rows=3", "mxu.columns=5", "mxu.count=2", "mxu.stalls.seed=3",
                                   "mxu.stalls.percent=20"};
  const auto model = train("dense-relu", "bf16", "model", settings);
  expect_same(model, train("dense-relu", "bf16", "lockstep", settings));
}

}  // namespace
}  // namespace triad::tpu
