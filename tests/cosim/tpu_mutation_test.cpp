// The chip with a faulty matrix unit: this executable brings its own list of twins, in which 4x4 is the mutant.
#include <gtest/gtest.h>

#include "Vsystolic_flipped_bit.h"
#include "rtl/tpu/systolic_twin.hpp"
#include "rtl/tpu/systolic_twins.hpp"
#include "tests/unit/models/tpu/support.hpp"

namespace triad::rtl {

std::vector<std::string> systolic_shapes() {
  return {"4x4"};
}
bool has_systolic(int rows, int columns) {
  return rows == 4 && columns == 4;
}
std::unique_ptr<cosim::Twin> make_systolic(int rows, int columns) {
  return std::make_unique<SystolicTwin<Vsystolic_flipped_bit>>(rows, columns);
}

}  // namespace triad::rtl

namespace triad::tpu {
namespace {

TEST(TpuMutation, AFlippedBitStopsTheTraining) {
  const auto device = test::make("tiny", {"mxu.backend=lockstep", "mxu.stalls.seed=7", "mxu.stalls.percent=30"});
  const device::Job job = test::load("linear", {"precision=bf16", "steps=2"});
  std::filesystem::current_path(testing::TempDir());  // the waveform's place
  try {
    test::run(*device, job);
    FAIL() << "the mutant trained unnoticed";
  } catch (const device::Fault& fault) {
    const std::string message = fault.what();
    EXPECT_NE(message.find("mxu0: lockstep mismatch in cycle "), std::string::npos) << message;
    EXPECT_NE(message.find("port results data lane 2"), std::string::npos) << message;
    EXPECT_NE(message.find(".vcd"), std::string::npos) << message;
  }
}

TEST(TpuMutation, ByItselfTheMutantTrainsToOtherLosses) {
  const device::Job job = test::load("dense-relu", {"precision=bf16", "steps=2"});
  const auto right = test::run(*test::make("tiny", {"mxu.backend=model"}), job);
  const auto wrong = test::run(*test::make("tiny", {"mxu.backend=rtl"}), job);
  EXPECT_EQ(right.cycles, wrong.cycles);
  EXPECT_NE(right.loss, wrong.loss);
}

}  // namespace
}  // namespace triad::tpu
