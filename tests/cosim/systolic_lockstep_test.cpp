// The matrix unit's core: recurrences against RTL, in every cycle and every bit.
#include <gtest/gtest.h>

#include "sim/device/device.hpp"
#include "sim/numerics/format.hpp"
#include "sim/numerics/systolic_chain.hpp"
#include "tests/cosim/scenario.hpp"

namespace triad::systolic {
namespace {

CoreOptions options(int rows, int columns, Backend backend, int stall_percent = 0, std::uint64_t seed = 1) {
  CoreOptions result;
  result.rows = rows;
  result.columns = columns;
  result.backend = backend;
  result.stalls = {.seed = seed, .percent = stall_percent};
  result.waveforms = testing::TempDir();
  return result;
}

void expect_equal(const Report& a, const Report& b, const std::string& what) {
  ASSERT_EQ(a.weights.size(), b.weights.size()) << what;
  ASSERT_EQ(a.rows.size(), b.rows.size()) << what;
  for (std::size_t i = 0; i < a.weights.size(); ++i) {
    ASSERT_EQ(a.weights[i].first_accept, b.weights[i].first_accept) << what << " tile " << i;
    ASSERT_EQ(a.weights[i].last_accept, b.weights[i].last_accept) << what << " tile " << i;
  }
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    ASSERT_EQ(a.rows[i].first_admit, b.rows[i].first_admit) << what << " burst " << i;
    ASSERT_EQ(a.rows[i].last_admit, b.rows[i].last_admit) << what << " burst " << i;
    ASSERT_EQ(a.rows[i].first_take, b.rows[i].first_take) << what << " burst " << i;
    ASSERT_EQ(a.rows[i].last_take, b.rows[i].last_take) << what << " burst " << i;
    ASSERT_EQ(a.rows[i].values.size(), b.rows[i].values.size()) << what << " burst " << i;
    for (std::size_t v = 0; v < a.rows[i].values.size(); ++v) {
      ASSERT_EQ(numerics::bits_of(a.rows[i].values[v]), numerics::bits_of(b.rows[i].values[v]))
          << what << " burst " << i;
    }
  }
}

class EveryBackend : public testing::TestWithParam<Backend> {};

// 4x4: L = 4 + 4 + 2 = 10.
TEST_P(EveryBackend, SingleRow) {
  const auto core = make_core(options(4, 4, GetParam()));
  std::mt19937 random(5);
  const auto weights = random_numbers(random, 16, false), row = random_numbers(random, 4, false);
  core->push_weights({.first_cycle = 3, .values = weights});
  core->push_rows({.first_cycle = 0, .count = 1, .swap = true, .values = row});
  core->advance_to(8);  // 3 arrives, 4 .. 7 accepted
  const auto tile = core->next_weights();
  ASSERT_TRUE(tile);
  EXPECT_EQ(tile->first_accept, 4u);
  EXPECT_EQ(tile->last_accept, 7u);
  core->advance_to(18);  // 8 admitted, 8 + L 10 = 18 taken, so not yet done
  EXPECT_FALSE(core->next_rows());
  core->advance_to(19);
  const auto done = core->next_rows();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->first_admit, 8u);
  EXPECT_EQ(done->first_take, 18u);
  std::vector<float> want(4);
  numerics::systolic_chain(row.data(), 1, weights.data(), 4, 4, want.data());
  EXPECT_EQ(done->values, want);
  core->finish();
}

TEST_P(EveryBackend, TilesBackToBack) {
  const auto core = make_core(options(4, 4, GetParam()));
  std::mt19937 random(6);
  for (int tile = 0; tile < 4; ++tile) {
    core->push_weights({.first_cycle = 0, .values = random_numbers(random, 16, false)});
    core->push_rows({.first_cycle = 0, .count = 8, .swap = true, .values = random_numbers(random, 32, false)});
  }
  core->advance_to(100);
  // weights arrive in 0, are accepted in 1 .. 4; rows admitted from 5 on without a gap: 8 rows hide the next tile's 4 +
  // 1
  for (std::uint64_t tile = 0; tile < 4; ++tile) {
    const auto done = core->next_rows();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->first_admit, 5 + 8 * tile);
    EXPECT_EQ(done->last_take, 5 + 8 * tile + 7 + 10);  // + 7 more rows + L 10
  }
  core->finish();
}

TEST_P(EveryBackend, TheShadowBankIsFreeTheCycleAfterTheSwap) {
  const auto core = make_core(options(4, 4, GetParam()));
  core->push_weights({.first_cycle = 0, .values = {}});
  core->push_weights({.first_cycle = 0, .values = {}});  // prefetched: waits at the port
  core->push_rows({.first_cycle = 20, .count = 1, .swap = true, .values = {}});
  core->push_rows({.first_cycle = 20, .count = 1, .swap = true, .values = {}});
  core->advance_to(100);
  EXPECT_EQ(core->next_weights()->last_accept, 4u);
  const auto second = core->next_weights();
  EXPECT_EQ(second->first_accept, 22u);  // 20 arrives, 21 admitted, 22 free
  EXPECT_EQ(second->last_accept, 25u);
  EXPECT_EQ(core->next_rows()->first_admit, 21u);
  EXPECT_EQ(core->next_rows()->first_admit, 26u);
  core->finish();
}

TEST_P(EveryBackend, ResetInTheMiddle) {
  const auto core = make_core(options(4, 4, GetParam(), 30));
  std::mt19937 random(8);
  for (std::uint64_t round = 0; round < 20; ++round) {
    const std::uint64_t now = 60 * round;  // round 0 starts at 0, later ones after a reset in the middle of the last
    core->advance_to(now + 1);
    core->push_weights({.first_cycle = now + 1, .values = random_numbers(random, 16, true)});
    core->push_weights({.first_cycle = now + 2, .values = random_numbers(random, 16, true)});
    core->push_rows({.first_cycle = now + 2, .count = 30, .swap = true, .values = random_numbers(random, 120, true)});
    core->advance_to(now + 10 + 2 * round);
    core->reset();
  }
  core->advance_to(2000);
  EXPECT_EQ(core->outstanding(), "");
  const auto weights = random_numbers(random, 16, false), row = random_numbers(random, 4, false);
  EXPECT_EQ(core->push_weights({.first_cycle = 2000, .values = weights}), 0u);
  EXPECT_EQ(core->push_rows({.first_cycle = 2000, .count = 1, .swap = true, .values = row}), 0u);
  core->advance_to(2200);
  std::vector<float> want(4);
  numerics::systolic_chain(row.data(), 1, weights.data(), 4, 4, want.data());
  const auto done = core->next_rows();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->values, want);
  core->finish();
}

TEST_P(EveryBackend, LeftOversAreAFault) {
  const auto core = make_core(options(4, 4, GetParam()));
  core->push_rows({.first_cycle = 0, .count = 3, .swap = true, .values = {}});  // never gets its weights
  core->advance_to(500);
  EXPECT_EQ(core->next_cycle(), never);  // a deadlock that a run can report
  EXPECT_NE(core->outstanding(), "");
  EXPECT_THROW(core->finish(), device::Fault);
}

TEST_P(EveryBackend, NothingMayBePushedIntoThePast) {
  const auto core = make_core(options(4, 4, GetParam()));
  core->advance_to(10);
  EXPECT_THROW(core->push_weights({.first_cycle = 9, .values = {}}), std::logic_error);
}

INSTANTIATE_TEST_SUITE_P(Systolic, EveryBackend, testing::Values(Backend::model, Backend::rtl, Backend::lockstep));

struct Shape {
  int rows, columns;
};
class EveryShape : public testing::TestWithParam<Shape> {};

// Stalls on both sides from none to 80 %: lockstep compares every pin; the closed loop must report the same cycles and
// bits.
TEST_P(EveryShape, RandomProgramsWithStalls) {
  const auto [rows, columns] = GetParam();
  for (std::uint32_t seed = 0; seed < 120; ++seed) {
    const int percent = static_cast<int>(seed % 5) * 20;
    const auto program = random_program(seed, rows, columns, 6);
    const Report lockstep = run(*make_core(options(rows, columns, Backend::lockstep, percent, seed)), program);
    const Report rtl = run(*make_core(options(rows, columns, Backend::rtl, percent, seed)), program);
    const Report model = run(*make_core(options(rows, columns, Backend::model, percent, seed)), program);
    ASSERT_EQ(model.weights.size(), 6u);
    expect_equal(model, lockstep, "lockstep, seed " + std::to_string(seed));
    expect_equal(model, rtl, "rtl, seed " + std::to_string(seed));
  }
}

TEST_P(EveryShape, ValuesOffLeavesTheTimingAsItIs) {
  const auto [rows, columns] = GetParam();
  auto program = random_program(77, rows, columns, 5);
  const Report with = run(*make_core(options(rows, columns, Backend::lockstep, 20)), program);
  for (Push& push : program) {
    push.tile.values.clear();
    push.burst.values.clear();
  }
  for (const Backend backend : {Backend::model, Backend::rtl, Backend::lockstep}) {
    Report without = run(*make_core(options(rows, columns, backend, 20)), program);
    for (std::size_t i = 0; i < with.rows.size(); ++i) {
      EXPECT_TRUE(without.rows[i].values.empty());
      without.rows[i].values = with.rows[i].values;
    }
    expect_equal(with, without, "values off");
  }
}

INSTANTIATE_TEST_SUITE_P(Systolic, EveryShape, testing::Values(Shape{4, 4}, Shape{3, 5}, Shape{8, 8}));

TEST(Systolic, AShapeThatIsNotBuiltIsNamed) {
  try {
    make_core(options(128, 128, Backend::rtl));
    FAIL();
  } catch (const device::Unsupported& error) {
    EXPECT_STREQ(error.what(), "mxu0: no RTL twin of a 128x128 matrix unit is built; built are 4x4, 3x5, 8x8");
  }
}

}  // namespace
}  // namespace triad::systolic
