#include "sim/experiment/check.hpp"

#include <gtest/gtest.h>

#include "sim/config/node.hpp"
#include "sim/device/device.hpp"
#include "sim/reference/reference.hpp"
#include "sim/workload/workload.hpp"

namespace triad::experiment {
namespace {

/// A device that has what the reference has, until a test changes it.
class Check : public testing::Test {
 protected:
  explicit Check(const std::string& workload = "linear", const std::vector<std::string>& changes = {})
      : job_(workload::load(config::presets() / "workloads" / (workload + ".yaml"), changes)) {
    const reference::Outcome outcome = reference::run(job_);
    expected_.loss = outcome.loss;
    expected_.weights = outcome.weights;
    result_ = expected_;
    result_.device = "device";
  }
  void scale(const std::string& name, std::size_t begin, std::size_t end, float offset) {
    device::HostTensor& tensor = result_.weights.at(name);
    std::vector<float> values = tensor.floats();
    for (std::size_t i = begin; i < end; ++i) values.at(i) += offset;
    tensor = device::HostTensor::of(tensor.shape, values);
  }
  std::string fault() {
    try {
      check(result_, expected_, job_);
    } catch (const device::Fault& fault) {
      return fault.what();
    }
    return "accepted";
  }
  device::Job job_;
  device::RunResult expected_, result_;
};

TEST_F(Check, AcceptsWhatIsEqual) {
  EXPECT_EQ(fault(), "accepted");
  EXPECT_EQ(result_.max_error_vs_reference, 0);
}

TEST_F(Check, NamesTheLossThatIsOff) {
  result_.loss[7] *= 1.001;
  EXPECT_NE(fault().find("device: --check: the loss of step 7 is"), std::string::npos) << fault();
  EXPECT_NE(fault().find("(a relative 0.0001 is accepted)"), std::string::npos) << fault();
  result_.loss[7] = expected_.loss[7] * 1.00001;
  EXPECT_EQ(fault(), "accepted");
}

TEST_F(Check, NamesTheWeightThatIsOff) {
  scale("fc.weight", 0, 10, 0.01f);
  EXPECT_NE(fault().find("device: --check: the final fc.weight differs from the host reference's by"),
            std::string::npos)
      << fault();
}

TEST_F(Check, NotANumberIsNoLoss) {
  result_.loss[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(fault().find("the loss of step 3 is nan"), std::string::npos) << fault();
}

/// Training that is chaos: thirty steps of Adam at a rate of 3. The reference itself moves by more than the whole.
class CheckOfChaos : public Check {
 protected:
  CheckOfChaos() : Check("bert-base-mini", {"optimizer.learning_rate=3", "steps=8"}) {}
};

TEST_F(CheckOfChaos, NothingIsAcceptedThatIsOffByMoreThanAFifth) {
  result_.loss[7] *= 1.3;
  EXPECT_NE(fault().find("the loss of step 7 is"), std::string::npos) << fault();
}

TEST_F(CheckOfChaos, TheFirstLossIsHeldAsEver) {
  result_.loss[0] *= 1.0002;
  EXPECT_NE(fault().find("the loss of step 0 is"), std::string::npos) << fault();
  EXPECT_NE(fault().find("(a relative 0.0001 is accepted)"), std::string::npos) << fault();
}

class CheckOfAttention : public Check {
 protected:
  CheckOfAttention() : Check("bert-base-mini") {}
};

/// Queries, keys, values: 16 each. The scores of a query change by one number for all keys when the keys' bias changes,
/// which the softmax does not see: its gradient is rounding, and AdamW makes steps of up to 0.01 of it.
TEST_F(CheckOfAttention, TheKeysBiasHasNoRightValue) {
  const std::string name = "encoder.layers.0.self_attn.in_proj_bias";
  scale(name, 16, 32, 0.001f);
  EXPECT_EQ(fault(), "accepted");
  ASSERT_EQ(result_.ill_conditioned.size(), 1u);  // and the report says so
  EXPECT_EQ(result_.ill_conditioned[0].name, name);
  EXPECT_GT(result_.ill_conditioned[0].error, 1e-4);
  EXPECT_LE(result_.ill_conditioned[0].error, result_.ill_conditioned[0].accepted);
  scale(name, 0, 16, 1.0f);  // the queries' has one
  EXPECT_NE(fault().find("the final " + name), std::string::npos) << fault();
}

TEST_F(CheckOfAttention, OtherWeightsAreHeldAsBefore) {
  scale("classifier.weight", 0, 16, 0.001f);
  EXPECT_NE(fault().find("the final classifier.weight"), std::string::npos) << fault();
}

}  // namespace
}  // namespace triad::experiment
