#include "sim/activity/technology.hpp"

#include <gtest/gtest.h>

namespace triad::activity {
namespace {

config::Node table(const std::string& sram) {
  return config::parse("node: 7 nm\nactions: {mac_bf16: {energy: 0.59 pJ, source: table 2}}\nsram: " + sram,
                       "7nm.yaml");
}

constexpr const char* sizes =
    "[{size: 8 KiB, energy_per_byte: 1 pJ, source: a}, {size: 32 KiB, energy_per_byte: 2 pJ, source: b}]";

TEST(Technology, Actions) {
  const Technology technology(table(sizes));
  EXPECT_EQ(technology.node_name(), "7 nm");
  EXPECT_DOUBLE_EQ(technology.picojoules("mac_bf16"), 0.59);
}

TEST(Technology, AnUnknownActionNamesThoseThatExist) {
  try {
    Technology(table(sizes)).picojoules("mac_fp64");
    FAIL() << "no error";
  } catch (const config::Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("7nm.yaml"), std::string::npos) << what;
    EXPECT_NE(what.find("no energy for the action 'mac_fp64'; this technology has mac_bf16"), std::string::npos)
        << what;
  }
}

TEST(Technology, SramIsInterpolatedInTheLogarithmOfItsSize) {
  const Technology technology(table(sizes));
  EXPECT_DOUBLE_EQ(technology.sram_picojoules_per_byte(8192), 1);
  EXPECT_DOUBLE_EQ(technology.sram_picojoules_per_byte(16384), 1.5);  // half way from 2^13 to 2^15
  EXPECT_DOUBLE_EQ(technology.sram_picojoules_per_byte(32768), 2);
  EXPECT_DOUBLE_EQ(technology.sram_picojoules_per_byte(1), 1);  // outside: the nearest
  EXPECT_DOUBLE_EQ(technology.sram_picojoules_per_byte(1e9), 2);
}

TEST(Technology, BadTablesAreErrors) {
  EXPECT_THROW(Technology(table("[]")), config::Error);
  EXPECT_THROW(Technology(table("[{size: 8 KiB, energy_per_byte: 1 pJ}]")), config::Error);  // no source
  EXPECT_THROW(Technology(table("[{size: 8 KiB, energy_per_byte: 1 pJ, source: a}, {size: 8 KiB, energy_per_byte: 2 "
                                "pJ, source: a}]")),
               config::Error);
}

/// Every action that a preset's technology states has a source (the reader demands it), and the presets can be read.
TEST(Technology, Presets) {
  for (const std::string& name : config::preset_names("technology")) {
    const config::Node node = config::load(config::presets() / (name + ".yaml"));
    const Technology technology(node);
    EXPECT_NO_THROW(node.reject_unread()) << name;
    EXPECT_GT(technology.picojoules("mac_bf16"), 0) << name;
    EXPECT_LT(technology.sram_picojoules_per_byte(8 << 10), technology.sram_picojoules_per_byte(1 << 20)) << name;
  }
}

}  // namespace
}  // namespace triad::activity
