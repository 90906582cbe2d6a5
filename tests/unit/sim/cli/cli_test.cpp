#include "sim/cli/cli.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

namespace triad::cli {
namespace {

/// The exit status of a command line; the registry has no architecture.
int status(std::vector<const char*> arguments) {
  ::setenv("TRIAD_CONFIGS", TRIAD_SOURCE_DIR "/configs", 1);
  arguments.insert(arguments.begin(), "triad");
  return run(static_cast<int>(arguments.size()), arguments.data(), device::Registry{});
}

TEST(Status, IsZeroWhenDone) {
  EXPECT_EQ(status({"--help"}), 0);
  EXPECT_EQ(status({"--version"}), 0);
  EXPECT_EQ(status({"run", "--help"}), 0);
  EXPECT_EQ(status({"list"}), 0);
  EXPECT_EQ(status({"graph", "linear"}), 0);
  EXPECT_EQ(status({"graph", "linear", "--dot"}), 0);
  EXPECT_EQ(status({"run", "reference", "linear", "--set", "workload.steps=1"}), 0);
}

TEST(Status, IsTwoWhenTheInputIsAtFault) {
  EXPECT_EQ(status({}), 2);
  EXPECT_EQ(status({"comapre"}), 2);
  EXPECT_EQ(status({"run"}), 2);
  EXPECT_EQ(status({"run", "reference", "liner"}), 2);
  EXPECT_EQ(status({"run", "reference", "linear", "--set", "workload.steps=0"}), 2);
  EXPECT_EQ(status({"run", "reference", "linear", "--format", "xml"}), 2);
  EXPECT_EQ(status({"run", "nothing", "linear"}), 2);
  EXPECT_EQ(status({"describe", "nothing"}), 2);
  EXPECT_EQ(status({"graph", "nothing"}), 2);
  EXPECT_EQ(status({"graph", "linear", "--phase", "sideways"}), 2);
  EXPECT_EQ(status({"support", "nothing"}), 2);
}

}  // namespace
}  // namespace triad::cli
