// A checker that never fires proves nothing: twins with one fault each, and the same MACs written the other way.
#include <gtest/gtest.h>

#include <fstream>

#include "Vsystolic_flipped_bit.h"
#include "Vsystolic_greedy_bank.h"
#include "Vsystolic_grid.h"
#include "Vsystolic_late_valid.h"
#include "Vsystolic_stuck_result.h"
#include "rtl/tpu/systolic_twin.hpp"
#include "tests/cosim/scenario.hpp"

namespace triad::systolic {
namespace {

CoreOptions options(int stall_percent = 0, std::uint64_t seed = 1) {
  CoreOptions result;
  result.rows = 4;
  result.columns = 4;
  result.backend = Backend::lockstep;
  result.stalls = {.seed = seed, .percent = stall_percent};
  result.waveforms = testing::TempDir();
  result.name = testing::UnitTest::GetInstance()->current_test_info()->name();
  return result;
}

template <class Model>
std::unique_ptr<cosim::Twin> make() {
  return std::make_unique<rtl::SystolicTwin<Model>>(4, 4);
}

/// One tile of ones, two rows of ones from cycle 10 on: 10 arrives, 11 and 12 admitted, results in 21 and 22.
template <class Model>
cosim::Mismatch mismatch_of_two_rows() {
  LockstepCore core(options(), make<Model>);
  core.push_weights({.first_cycle = 0, .values = std::vector<std::uint16_t>(16, 0x3f80)});
  core.push_weights({.first_cycle = 0, .values = std::vector<std::uint16_t>(16, 0x3f80)});
  core.push_rows({.first_cycle = 10, .count = 2, .swap = true, .values = std::vector<std::uint16_t>(8, 0x3f80)});
  try {
    core.advance_to(100);
  } catch (const cosim::Mismatch& mismatch) {
    return mismatch;
  }
  throw std::logic_error("the checker did not fire");
}

TEST(SystolicMutation, AFlippedBitIsFoundInItsCycleAndLane) {
  const auto mismatch = mismatch_of_two_rows<Vsystolic_flipped_bit>();
  EXPECT_EQ(mismatch.cycle, 21u);  // 11 admitted + L 10
  EXPECT_EQ(mismatch.port, "results");
  EXPECT_EQ(mismatch.pin, "data");
  EXPECT_EQ(mismatch.lane, 2);
  EXPECT_EQ(mismatch.model, 0x40800000u);  // 1 + 1 + 1 + 1
  EXPECT_EQ(mismatch.rtl, 0x40810000u);    // each product is 1 + 2^-7: 4 + 2^-5
}

TEST(SystolicMutation, ALateValidIsFoundInItsCycle) {
  const auto mismatch = mismatch_of_two_rows<Vsystolic_late_valid>();
  EXPECT_EQ(mismatch.cycle, 21u);
  EXPECT_EQ(mismatch.port, "results");
  EXPECT_EQ(mismatch.pin, "valid");
  EXPECT_EQ(mismatch.lane, -1);
  EXPECT_EQ(mismatch.model, 1u);
  EXPECT_EQ(mismatch.rtl, 0u);
}

TEST(SystolicMutation, WeightsAcceptedTooEarlyAreFoundInTheirCycle) {
  const auto mismatch = mismatch_of_two_rows<Vsystolic_greedy_bank>();
  EXPECT_EQ(mismatch.cycle, 5u);  // 0 arrives, 1 .. 4 fill the bank; the next tile's first row must wait in 5
  EXPECT_EQ(mismatch.port, "accept");
  EXPECT_EQ(mismatch.model, 0u);
  EXPECT_EQ(mismatch.rtl, 1u);
}

TEST(SystolicMutation, AResultThatTheModelDoesNotKnowIsFoundAtTheEnd) {
  LockstepCore core(options(), make<Vsystolic_stuck_result>);
  core.push_weights({.first_cycle = 0, .values = std::vector<std::uint16_t>(16, 0x3f80)});
  core.push_rows({.first_cycle = 10, .count = 2, .swap = true, .values = std::vector<std::uint16_t>(8, 0x3f80)});
  core.advance_to(23);
  EXPECT_TRUE(core.next_rows());  // all that the model knows of, taken in 21 and 22
  try {
    core.finish();
    FAIL() << "the twin still shows a result";
  } catch (const cosim::Mismatch& mismatch) {
    EXPECT_EQ(mismatch.cycle, 23u);
    EXPECT_EQ(mismatch.port, "results");
    EXPECT_EQ(mismatch.pin, "valid");
    EXPECT_EQ(mismatch.rtl, 1u);
  }
}

TEST(SystolicMutation, TheReportNamesEverythingAndLeavesAWaveform) {
  const auto mismatch = mismatch_of_two_rows<Vsystolic_flipped_bit>();
  const std::string message = mismatch.what();
  EXPECT_NE(message.find("lockstep mismatch in cycle 21: port results data lane 2: model 0x40800000, RTL 0x40810000"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find(mismatch.waveform.string()), std::string::npos) << message;
  std::ifstream file(mismatch.waveform);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(text.find("res_valid_o"), std::string::npos);
  EXPECT_NE(text.find("#21000\n"), std::string::npos);  // 1 ns a cycle
}

TEST(SystolicMutation, RandomProgramsFindEveryMutantWhateverTheStalls) {
  const cosim::TwinFactory mutants[] = {make<Vsystolic_flipped_bit>, make<Vsystolic_late_valid>,
                                        make<Vsystolic_greedy_bank>, make<Vsystolic_stuck_result>};
  for (const auto& mutant : mutants) {
    for (std::uint32_t seed = 0; seed < 10; ++seed) {
      LockstepCore core(options(static_cast<int>(seed % 3) * 30, seed), mutant);
      EXPECT_THROW(run(core, random_program(seed, 4, 4, 6)), cosim::Mismatch);
    }
  }
}

TEST(SystolicGrid, AModulePerMacEqualsRolledLoops) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    LockstepCore core(options(static_cast<int>(seed % 4) * 20, seed), make<Vsystolic_grid>);
    ASSERT_NO_THROW(run(core, random_program(seed, 4, 4, 6))) << seed;
  }
}

}  // namespace
}  // namespace triad::systolic
