#include "sim/config/node.hpp"

#include <gtest/gtest.h>

#include "folder.hpp"

namespace triad::config {
namespace {

TEST(Node, ReadsValuesOfEveryKind) {
  const Node node = parse("a: {n: 7, x: 0.5, on: on, off: false, word: bf16, list: [1, 2, 3]}\n");
  const Node a = node.at("a");
  EXPECT_EQ(a.at("n").integer(1, 10), 7);
  EXPECT_EQ(a.at("x").number(0, 1), 0.5);
  EXPECT_TRUE(a.at("on").boolean());
  EXPECT_FALSE(a.at("off").boolean());
  EXPECT_EQ(a.at("word").choice({"fp32", "bf16"}), "bf16");
  EXPECT_EQ(a.at("list").items().size(), 3u);
  EXPECT_EQ(a.at("list").items()[2].path(), "a.list.2");
  EXPECT_EQ(a.keys(), (std::vector<std::string>{"n", "x", "on", "off", "word", "list"}));
  EXPECT_FALSE(a.find("absent"));
}

TEST(Node, QuantitiesComeInBaseUnits) {
  const auto value = [](const std::string& text, Quantity quantity) {
    return parse("v: " + text).at("v").quantity(quantity);
  };
  EXPECT_EQ(value("940 MHz", Quantity::frequency), 940e6);
  EXPECT_EQ(value("1.05 GHz", Quantity::frequency), 1.05e9);
  EXPECT_EQ(value("16 MiB", Quantity::bytes), 16.0 * 1024 * 1024);
  EXPECT_EQ(value("32 GB", Quantity::bytes), 32e9);
  EXPECT_EQ(value("34 GB/s", Quantity::bandwidth), 34e9);
  EXPECT_EQ(value("1.5 TB/s", Quantity::bandwidth), 1.5e12);
  EXPECT_EQ(value("2.5 us", Quantity::time), 2.5e-6);
  EXPECT_EQ(value("300ns", Quantity::time), 300e-9);
  EXPECT_EQ(value("75 W", Quantity::power), 75);
  EXPECT_EQ(value("0.21 pJ", Quantity::energy), 0.21e-12);
}

TEST(Node, AWrongUnitSaysWhatWouldBeRight) {
  const auto error = [](const std::string& text, Quantity quantity) {
    return message([&] { parse("clock: " + text, "d.yaml").at("clock").quantity(quantity); });
  };
  EXPECT_EQ(error("940", Quantity::frequency),
            "d.yaml:1:8: clock: expected a frequency such as 940 MHz, found '940' without a unit");
  EXPECT_EQ(
      error("940 MB", Quantity::frequency),
      "d.yaml:1:8: clock: expected a frequency such as 940 MHz, found '940 MB': 'MB' is none of Hz, kHz, MHz, GHz");
  EXPECT_EQ(error("0 Hz", Quantity::frequency), "d.yaml:1:8: clock: must be more than zero, found '0 Hz'");
  EXPECT_EQ(error("fast", Quantity::frequency),
            "d.yaml:1:8: clock: expected a frequency such as 940 MHz, found 'fast'");
  EXPECT_EQ(error("0.3 B", Quantity::bytes), "d.yaml:1:8: clock: must be a whole number of bytes, found '0.3 B'");
  EXPECT_EQ(error("inf s", Quantity::time), "d.yaml:1:8: clock: expected a time such as 2.5 us, found 'inf s'");
}

TEST(Node, WrongTypesAreErrorsWithTheirPlace) {
  const Node node = parse("mxu:\n  rows: 2.5\n  columns: 5000\n  kind: wz\n  backend: [rtl]\n", "d.yaml");
  const Node mxu = node.at("mxu");
  EXPECT_EQ(message([&] { mxu.at("rows").integer(1, 1024); }),
            "d.yaml:2:9: mxu.rows: expected a whole number from 1 to 1024, found '2.5'");
  EXPECT_EQ(message([&] { mxu.at("columns").integer(1, 1024); }),
            "d.yaml:3:12: mxu.columns: must be a whole number from 1 to 1024, found 5000");
  EXPECT_EQ(message([&] {
              mxu.at("kind").choice({"ws", "os", "is"});
            }),
            "d.yaml:4:9: mxu.kind: 'wz' is none of ws, os, is; did you mean ws?");
  EXPECT_EQ(message([&] { mxu.at("kind").choice({"ws"}); }), "d.yaml:4:9: mxu.kind: only ws is available, found 'wz'");
  EXPECT_EQ(message([&] { mxu.at("backend").text(); }), "d.yaml:5:12: mxu.backend: expected a text, found a list");
  EXPECT_EQ(message([&] { mxu.at("rows").at("x"); }),
            "d.yaml:2:9: mxu.rows: expected a map with the key x, found '2.5'");
  EXPECT_EQ(message([&] { mxu.items(); }), "d.yaml:2:3: mxu: expected a list, found a map");
}

TEST(Node, AMisspeltKeyIsNamedWithItsNearest) {
  // The required key is missing and something like it is there.
  EXPECT_EQ(message([] { parse("mxu:\n  rowz: 4\n", "d.yaml").at("mxu").at("rows"); }),
            "d.yaml:2:3: mxu.rowz: unknown key; did you mean rows? (rows is required)");
  // The beginning of another name may be a right key of its own.
  EXPECT_EQ(message([] { parse("tRC: 4\n", "d.yaml").at("tRCD"); }),
            "d.yaml:1:1: missing key tRCD; did you mean it by tRC (d.yaml:1:1)?");
  EXPECT_EQ(message([] { parse("mxu: {depth: 4, x: 1}", "d.yaml").at("mxu").at("columns"); }),
            "d.yaml:1:6: mxu: missing key columns; the keys here are depth, x");
}

TEST(Node, UnreadKeysAreRejectedInTheOrderOfTheFile) {
  const Node node = parse("mxu: {rows: 4, rowz: 5}\nclock: 1 GHz\nhbm: {x: 1}\n", "d.yaml");
  node.at("mxu").at("rows").integer(1, 8);
  EXPECT_EQ(message([&] { node.reject_unread(); }), "d.yaml:1:16: mxu.rowz: unknown key; did you mean rows?");
  node.at("mxu").find("rowz");
  EXPECT_EQ(message([&] { node.reject_unread(); }), "d.yaml:2:1: clock: unknown key; the keys here are mxu");
  node.find("clock");
  node.find("hbm");
  EXPECT_EQ(message([&] { node.reject_unread(); }), "d.yaml:3:7: hbm.x: unknown key");
  node.at("hbm").find("x");
  EXPECT_EQ(message([&] { node.reject_unread(); }), "no error");
}

TEST(Node, UnreadKeysInsideListsAreRejected) {
  const Node node = parse("layers:\n  - {type: relu, foo: 1}\n", "w.yaml");
  node.at("layers").items()[0].at("type");
  EXPECT_EQ(message([&] { node.reject_unread(); }), "w.yaml:2:18: layers.0.foo: unknown key; the keys here are type");
}

TEST(Parse, DuplicateKeysAreErrors) {
  EXPECT_EQ(message([] { parse("mxu:\n  rows: 4\n  columns: 4\n  rows: 8\n", "d.yaml"); }),
            "d.yaml:4:3: mxu.rows: duplicate key; it stands at d.yaml:2:3 already");
}

TEST(Parse, WhatIsNoYamlMapIsAnError) {
  EXPECT_EQ(message([] { parse("", "d.yaml"); }), "d.yaml:1:1: is empty, expected a YAML map");
  EXPECT_EQ(message([] { parse("- 1\n", "d.yaml"); }), "d.yaml:1:1: expected a map of keys and values, found a list");
  EXPECT_EQ(message([] { parse(std::string("a: 1\nb: \0", 9), "d.yaml"); }),
            "d.yaml:2:4: byte 0x00 is not text; expected a YAML file in UTF-8");
  EXPECT_EQ(message([] { parse("a: \xff\xfe\n", "d.yaml"); }),
            "d.yaml:1:4: byte 0xff is not text; expected a YAML file in UTF-8");
  EXPECT_EQ(message([] { parse("a: 1\n---\nb: 2\n", "d.yaml"); }),
            "d.yaml:3:1: a second document ('---'); expected one");
  EXPECT_EQ(message([] { parse("[1, 2]: 3\n", "d.yaml"); }), "d.yaml:1:1: a key must be a word");
  EXPECT_EQ(message([] { parse("a: &a [*a]\n", "d.yaml"); }).substr(0, 6), "d.yaml");
  EXPECT_EQ(message([] { parse("a: [1, 2\nb: 3\n", "d.yaml"); }).substr(0, 29), "d.yaml:2:2: not valid YAML: e");
}

TEST(Parse, AliasesThatMultiplyAreBounded) {
  std::string text = "a0: &a0 [1, 1]\n";
  for (int i = 1; i < 40; ++i) {  // 2^40 values
    std::string line = "aI: &aI [*aJ, *aJ]\n";
    for (std::size_t at; (at = line.find('I')) != std::string::npos;) line.replace(at, 1, std::to_string(i));
    for (std::size_t at; (at = line.find('J')) != std::string::npos;) line.replace(at, 1, std::to_string(i - 1));
    text += line;
  }
  EXPECT_NE(message([&] { parse(text, "d.yaml"); }).find("more than 100,000 values"), std::string::npos);
}

TEST(Override, ReplacesAddsAndSaysWhereItCameFrom) {
  const Node node = parse("mxu: {rows: 4}\nlayers: [{n: 1}, {n: 2}]\n", "d.yaml",
                          {"mxu.rows=128", "mxu.backend=rtl", "layers.1.n=5", "list=[1, 2]"});
  EXPECT_EQ(node.at("mxu").at("rows").integer(1, 1024), 128);
  EXPECT_EQ(node.at("mxu").at("backend").text(), "rtl");
  EXPECT_EQ(node.at("layers").items()[1].at("n").integer(0, 9), 5);
  EXPECT_EQ(node.at("list").items().size(), 2u);
  EXPECT_EQ(node.at("mxu").at("rows").where(), "--set device.mxu.rows=128");
  EXPECT_EQ(message([&] { node.at("mxu").at("rows").integer(1, 64); }),
            "--set device.mxu.rows=128: mxu.rows: must be a whole number from 1 to 64, found 128");
}

TEST(Override, AnUnknownPathIsAnErrorWhenRead) {
  const Node node = parse("mxu: {rows: 4}\n", "d.yaml", {"mxu.rowz=128"});
  node.at("mxu").at("rows").integer(1, 8);
  EXPECT_EQ(message([&] { node.reject_unread(); }),
            "--set device.mxu.rowz=128: mxu.rowz: unknown key; did you mean rows?");
}

TEST(Override, WhatIsNoOverrideIsAnError) {
  const auto error = [](const std::string& text) {
    return message([&] { parse("mxu: {rows: 4}\nlayers: [1]\n", "d.yaml", {text}, "workload"); });
  };
  EXPECT_EQ(error("mxu.rows"), "--set workload.mxu.rows: expected PATH=VALUE");
  EXPECT_EQ(error("mxu.rows="), "--set workload.mxu.rows=: the value is missing after '='");
  EXPECT_EQ(error("mxu..rows=1"),
            "--set workload.mxu..rows=1: 'mxu..rows' is not a path; expected keys joined by dots");
  EXPECT_EQ(error("mxu.rows.x=1"), "--set workload.mxu.rows.x=1: mxu.rows: is '4', which has no key x");
  EXPECT_EQ(error("layers.1=1"),
            "--set workload.layers.1=1: layers: a list of 1 items has no item '1'; they are counted from 0");
  EXPECT_EQ(error("layers[0].x=1"),
            "--set workload.layers[0].x=1: an item of a list stands in a path as a number: layers.0.x");
  EXPECT_EQ(error("mxu=[1"), "--set workload.mxu=[1: not valid YAML: end of sequence flow not found");
}

TEST(Override, AValueOfAnotherDocumentKeepsItsPlace) {
  const Node node = parse("mxu: {rows: 4}\n", "d.yaml");
  const Node set = parse("set: {mxu.rows: 0}\n", "e.yaml").at("set");
  for (const std::string& key : set.keys()) apply(node, key, set.at(key));
  EXPECT_EQ(message([&] { node.at("mxu").at("rows").integer(1, 8); }),
            "e.yaml:1:17: mxu.rows: must be a whole number from 1 to 8, found 0");
}

TEST(Extends, MergesMapsAndReplacesTheRest) {
  const Folder folder;
  folder.write("base.yaml", "mxu: {rows: 4, columns: 5}\nlist: [1, 2]\n");
  folder.write("memory.yaml", "channels: 8\nclock: 1 GHz\n");
  const auto file = folder.write(
      "sub/top.yaml",
      "extends: ../base.yaml\nmxu: {rows: 8}\nlist: [3]\nmemory: {extends: ../memory.yaml, channels: 2}\n");
  const Node node = load(file);
  EXPECT_EQ(node.at("mxu").at("rows").integer(1, 9), 8);
  EXPECT_EQ(node.at("mxu").at("columns").integer(1, 9), 5);
  EXPECT_EQ(node.at("list").items().size(), 1u);
  EXPECT_EQ(node.at("memory").at("channels").integer(1, 9), 2);
  EXPECT_EQ(node.at("memory").at("clock").quantity(Quantity::frequency), 1e9);
  EXPECT_EQ(node.at("memory").at("clock").path(), "memory.clock");
  EXPECT_NE(node.at("mxu").at("columns").where().find("base.yaml:1:25"), std::string::npos);
  EXPECT_EQ(node.at("mxu").at("columns").folder(), folder.path);
  EXPECT_EQ(node.at("mxu").at("rows").folder(), folder.path / "sub");
  EXPECT_EQ(node.sources(), (std::vector<fs::path>{file, folder.path / "base.yaml"}));
  node.reject_unread();
}

TEST(Extends, ACycleIsAnError) {
  const Folder folder;
  folder.write("a.yaml", "extends: b.yaml\n");
  folder.write("b.yaml", "x: 1\nextends: a.yaml\n");
  const std::string error = message([&] { load(folder.path / "a.yaml"); });
  EXPECT_NE(error.find("b.yaml:2:10: extends: a cycle: "), std::string::npos) << error;
  EXPECT_NE(error.find("a.yaml -> "), std::string::npos) << error;
}

TEST(Extends, AMissingFileIsAnErrorAtItsPlace) {
  const Folder folder;
  const auto file = folder.write("a.yaml", "x: 1\nextends: gone.yaml\n");
  EXPECT_NE(message([&] { load(file); }).find("a.yaml:2:10: extends: "), std::string::npos);
  EXPECT_NE(message([&] { load(file); }).find("gone.yaml: no such file"), std::string::npos);
}

TEST(Load, MissingFilesAndFoldersAreErrors) {
  const Folder folder;
  EXPECT_NE(message([&] { load(folder.path / "none.yaml"); }).find("none.yaml: no such file"), std::string::npos);
  EXPECT_NE(message([&] { load(folder.path); }).find("is a folder, expected a YAML file"), std::string::npos);
}

TEST(Digest, IsEqualForEqualConfigurationsWhereverTheyLie) {
  const Folder folder;
  folder.write("base.yaml", "b: 2\na: {x: 1}\n");
  const auto file = folder.write("top.yaml", "extends: base.yaml\na: {x: 3}\n");
  EXPECT_EQ(digest(load(file)), digest(parse("a: {x: 3}\nb: 2\n")));
  EXPECT_EQ(digest(load(file, {"b=5"})), digest(parse("a: {x: 3}\nb: 5\n")));
  EXPECT_NE(digest(load(file)), digest(load(file, {"b=5"})));
  EXPECT_NE(digest(parse("a: [1, 2]")), digest(parse("a: [12]")));
  EXPECT_EQ(digest(load(file)).size(), 16u);
}

TEST(Resolve, FindsPresetsWithAndWithoutTheirFolder) {
  const Folder folder;
  folder.write("tpu/tpu-v3.yaml", "");
  folder.write("workloads/linear.yaml", "");
  folder.write("experiments/linear.yaml", "");
  ::setenv("TRIAD_CONFIGS", folder.path.c_str(), 1);
  EXPECT_EQ(resolve("tpu/tpu-v3", "/"), folder.path / "tpu/tpu-v3.yaml");
  EXPECT_EQ(resolve("linear", "/", {"workloads"}), folder.path / "workloads/linear.yaml");
  EXPECT_EQ(resolve("linear", "/", {"experiments"}), folder.path / "experiments/linear.yaml");
  EXPECT_EQ(resolve("my.yaml", "/there"), fs::path("/there/my.yaml"));
  EXPECT_EQ(preset_names("tpu"), std::vector<std::string>{"tpu/tpu-v3"});
  EXPECT_EQ(message([] { resolve("tpu/tpu-v33", "/"); }),
            "'tpu/tpu-v33': no such preset (a file's name ends in .yaml); did you mean tpu/tpu-v3?");
  EXPECT_EQ(message([] { resolve("liner", "/", {"workloads"}); }),
            "'liner': no such preset (a file's name ends in .yaml); did you mean workloads/linear?");
  EXPECT_EQ(message([] { resolve("something-else", "/", {"workloads"}); }),
            "'something-else': no such preset (a file's name ends in .yaml); there are workloads/linear");
}

TEST(Resolve, SaysWhatANameIsInstead) {
  const Folder folder;
  folder.write("tpu/tpu-v3.yaml", "");
  folder.write("workloads/linear.yaml", "");
  folder.write("experiments/linear.yaml", "");
  folder.write("here/program.bin", "");
  ::setenv("TRIAD_CONFIGS", folder.path.c_str(), 1);
  for (const char* name : {"linear", "workloads/linear"}) {
    EXPECT_EQ(message([&] {
                resolve(name, "/", {"tpu", "gpu"});
              }),
              "'" + std::string(name) + "' is a workload (workloads/linear); expected a preset of tpu, gpu");
  }
  EXPECT_EQ(message([] { resolve("experiments/linear", "/", {"workloads"}); }),
            "'experiments/linear' is an experiment (experiments/linear); expected a preset of workloads");
  EXPECT_EQ(message([] { resolve("tpu-v3", "/", {"workloads"}); }),
            "'tpu-v3' is a preset of tpu (tpu/tpu-v3); expected a preset of workloads");
  EXPECT_EQ(message([&] { resolve("here", folder.path, {"tpu"}); }),
            "'here' is a directory; expected a preset or a file whose name ends in .yaml");
  EXPECT_EQ(message([&] { resolve("here/program.bin", folder.path); }),
            "'here/program.bin' is a file, but its name does not end in .yaml");
}

TEST(Nearest, PrefersTheSmallestChange) {
  EXPECT_EQ(nearest("rowz", {"columns", "rows"}), "rows");
  EXPECT_EQ(nearest("collumns", {"columns", "rows"}), "columns");
  EXPECT_EQ(nearest("CLOCK", {"clock"}), "clock");
  EXPECT_EQ(nearest("lsit", {"list"}), "list");
  EXPECT_EQ(nearest("zebra", {"columns", "rows"}), "");
  EXPECT_EQ(nearest("x", {"y"}), "");
  EXPECT_EQ(nearest("", {"a"}), "");
}

}  // namespace
}  // namespace triad::config
