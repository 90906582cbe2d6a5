#include <gtest/gtest.h>

#include <stdexcept>

#include "sim/device/device.hpp"

namespace triad::device {
namespace {

TEST(Registry, FindsWhatWasAddedOnce) {
  Registry registry;
  registry.add({"tpu", "systolic", nullptr});
  registry.add({"gpu", "SIMT", nullptr});
  ASSERT_NE(registry.find("gpu"), nullptr);
  EXPECT_EQ(registry.find("gpu")->summary, "SIMT");
  EXPECT_EQ(registry.find("dsp"), nullptr);
  EXPECT_EQ(registry.all().front().name, "tpu");  // in the order of registration
  EXPECT_THROW(registry.add({"tpu", "another", nullptr}), std::invalid_argument);
}

}  // namespace
}  // namespace triad::device
