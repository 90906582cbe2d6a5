#include <gtest/gtest.h>

#include <algorithm>

#include "folder.hpp"

namespace triad::config {
namespace {

/// Presets of memories, and a device that uses one of them.
struct Presets : Folder {
  Presets() {
    write("memory/fast.yaml", "kind: fast\nchannels: 8\ntiming: {tCL: 14, tRP: 15}\n");
    write("memory/slow.yaml", "kind: slow\nchannels: 1\ndepth: 3\n");
    write("memory/faster.yaml", "preset: fast\ntiming: {tCL: 10}\n");
    device = write("tpu/one.yaml", "memory:\n  preset: fast\n  credits: 16\n  timing: {tRP: 9}\n");
    ::setenv("TRIAD_CONFIGS", path.c_str(), 1);
  }
  fs::path device;
};

std::int64_t integer(const Node& node, const std::string& key) {
  return node.at(key).integer(0, 99);
}

TEST(Preset, IsMergedBelowTheKeysOfTheMap) {
  const Presets presets;
  const Node memory = load(presets.device).at("memory");
  EXPECT_EQ(memory.at("kind").text(), "fast");
  EXPECT_EQ(integer(memory, "channels"), 8);
  EXPECT_EQ(integer(memory, "credits"), 16);
  EXPECT_EQ(integer(memory.at("timing"), "tCL"), 14);
  EXPECT_EQ(integer(memory.at("timing"), "tRP"), 9);
  EXPECT_EQ(memory.at("timing").at("tCL").path(), "memory.timing.tCL");
  EXPECT_NE(memory.at("channels").where().find("memory/fast.yaml:2:11"), std::string::npos);
  EXPECT_EQ(memory.sources(), std::vector<fs::path>{presets.path / "memory/fast.yaml"});
  EXPECT_EQ(memory.keys(), (std::vector<std::string>{"kind", "channels", "timing", "credits"}));
  memory.reject_unread();
}

TEST(Preset, MayBuildOnAnotherAndBeAFile) {
  const Presets presets;
  const Node memory = load(presets.device, {"memory.preset=faster"}).at("memory");
  EXPECT_EQ(integer(memory.at("timing"), "tCL"), 10);
  EXPECT_EQ(integer(memory.at("timing"), "tRP"), 9);
  EXPECT_EQ(integer(memory, "channels"), 8);
  EXPECT_EQ(memory.sources().size(), 2u);
  presets.write("tpu/mine.yaml", "channels: 5\n");
  presets.write("tpu/two.yaml", "extends: tpu/one\nmemory: {preset: mine.yaml}\n");
  const Node mine = load(presets.path / "tpu/two.yaml").at("memory");
  EXPECT_EQ(integer(mine, "channels"), 5);
  EXPECT_EQ(integer(mine, "credits"), 16);
  EXPECT_FALSE(mine.find("kind"));  // tpu/one's preset is replaced
}

TEST(Preset, IsLookedUpAfterTheOverridesInWhateverOrder) {
  const Presets presets;
  std::vector<std::string> overrides = {"memory.channels=4", "memory.depth=7", "memory.preset=slow"};
  std::sort(overrides.begin(), overrides.end());
  do {
    const Node node = load(presets.device, overrides), memory = node.at("memory");
    EXPECT_EQ(memory.at("kind").text(), "slow");
    EXPECT_EQ(integer(memory, "channels"), 4);
    EXPECT_EQ(integer(memory, "depth"), 7);
    EXPECT_EQ(integer(memory, "credits"), 16);
    EXPECT_EQ(memory.at("timing").keys(), std::vector<std::string>{"tRP"});  // what the device wrote itself
  } while (std::next_permutation(overrides.begin(), overrides.end()));
  // A path into the preset changes one value of it.
  const Node deep = load(presets.device, {"memory.timing.tCL=20"}).at("memory").at("timing");
  EXPECT_EQ(integer(deep, "tCL"), 20);
  EXPECT_EQ(integer(deep, "tRP"), 9);
  // The same through apply, as an experiment's `set:` does it.
  const Node node = load(presets.device);
  apply(node, "memory.preset", parse("p: slow").at("p"));
  EXPECT_EQ(node.at("memory").at("kind").text(), "slow");
}

TEST(Preset, ErrorsNameThePlaceAndTheNearest) {
  const Presets presets;
  const auto error = [&](const std::string& preset) {
    return message([&] { parse("memory:\n  preset: " + preset + "\n", "d.yaml").at("memory").find("kind"); });
  };
  EXPECT_EQ(error("fasst"),
            "d.yaml:2:11: memory.preset: 'fasst': no such preset (a file's name ends in .yaml); did you mean "
            "memory/fast?");
  EXPECT_EQ(error("[1]"), "d.yaml:2:11: memory.preset: expected a text, found a list");
  EXPECT_NE(error("gone.yaml").find("d.yaml:2:11: memory.preset: "), std::string::npos);
  EXPECT_NE(error("gone.yaml").find("gone.yaml: no such file"), std::string::npos);
  EXPECT_EQ(message([&] { load(presets.device, {"memory.preset=slwo"}).at("memory").keys(); }),
            "--set device.memory.preset=slwo: memory.preset: 'slwo': no such preset (a file's name ends in .yaml); did "
            "you mean memory/slow?");
  presets.write("memory/a.yaml", "preset: b\n");
  presets.write("memory/b.yaml", "x: 1\npreset: a\n");
  EXPECT_NE(error("a").find("memory/b.yaml:2:9: memory.preset: a cycle: "), std::string::npos) << error("a");
  presets.write("memory/inner.yaml", "memory: {preset: inner}\n");
  EXPECT_NE(message([] { digest(parse("memory: {preset: inner}")); }).find("nested more than 64 deep"),
            std::string::npos);
}

TEST(Preset, IsAnOrdinaryKeyInAListAndAtTheTop) {
  const Presets presets;
  const Node node = parse("preset: x\ndevices: [{preset: tpu/one, name: a}]\n");
  EXPECT_EQ(node.at("preset").text(), "x");
  EXPECT_EQ(node.at("devices").items()[0].at("preset").text(), "tpu/one");
}

TEST(Preset, TheDigestIsThatOfTheMergedValues) {
  const Presets presets;
  EXPECT_EQ(digest(load(presets.device)),
            digest(parse("memory: {credits: 16, kind: fast, channels: 8, timing: {tCL: 14, tRP: 9}}")));
}

}  // namespace
}  // namespace triad::config
