#include "sim/report/report.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/report/text.hpp"

namespace triad::report {
namespace {

using Json = nlohmann::json;

device::RunResult run_of(const std::string& name, double seconds, double joules) {
  device::RunResult run;
  run.device = name;
  run.architecture = "tpu";
  run.config_digest = "0123456789abcdef";
  run.technology = "7 nm";
  run.clock_hz = 1e9;
  run.cycles = static_cast<std::uint64_t>(seconds * 1e9 + 0.5);
  run.seconds = seconds;
  run.flops = 2000;
  run.peak_flops_per_second = 1e12;
  run.peak_bytes_per_second = 1e9;
  run.energy_joules = joules;
  run.average_power_watts = joules / seconds;
  run.peak_power_watts = 2 * joules / seconds;
  run.loss = {2.5, 0.5};
  run.read_bytes = 3000;
  run.written_bytes = 1000;
  run.average_lanes = 1.5;
  run.peak_lanes = 16384;
  run.bound_by = "launch";
  run.bound_cycles = {{"compute", run.cycles / 10}, {"launch", run.cycles * 9 / 10}};
  run.units = {{"mxu0",
                1e9,
                run.cycles,
                {{"busy", run.cycles / 4}, {"idle", run.cycles - run.cycles / 4}},
                {{"mac_bf16", 77}},
                joules}};
  run.ops = {{"fc.matmul", "matmul", "forward", 10, 60, 40, 640, "memory"},
             {"fc.loss", "mse", "forward", 60, 70, {}, 96, "latency"}};
  return run;
}

const Workload linear{"linear", "fp32", 2, 1000, 11};

TEST(Json, HoldsExactlyTheContract) {
  const Json document = Json::parse(json({linear, {run_of("tpu-v3", 2e-6, 4e-6)}}));
  EXPECT_EQ(document.at("schema_version"), 1);
  EXPECT_EQ(document.at("workload"), Json::parse(R"({"name": "linear", "precision": "fp32", "steps": 2,
      "flops_per_step": 1000, "parameters": 11})"));
  const Json& run = document.at("runs").at(0);
  const std::vector<std::string> keys = {"device",
                                         "architecture",
                                         "config_digest",
                                         "clock_hz",
                                         "cycles",
                                         "seconds",
                                         "cycles_per_step",
                                         "flops",
                                         "flops_per_second",
                                         "peak_flops_per_second",
                                         "utilization",
                                         "fits_memory",
                                         "energy_joules",
                                         "average_power_watts",
                                         "peak_power_watts",
                                         "flops_per_watt",
                                         "loss",
                                         "max_error_vs_reference",
                                         "memory",
                                         "parallelism",
                                         "units",
                                         "ops",
                                         "host_seconds"};
  EXPECT_EQ(run.size(), keys.size());
  for (const std::string& key : keys) EXPECT_TRUE(run.contains(key)) << key;
  EXPECT_EQ(run.at("cycles"), 2000);
  EXPECT_EQ(run.at("cycles_per_step"), 1000.0);        // 2000 cycles / 2 steps
  EXPECT_EQ(run.at("flops_per_second"), 2000 / 2e-6);  // FLOP / s
  EXPECT_EQ(run.at("utilization"), 2000 / 2e-6 / 1e12);
  EXPECT_DOUBLE_EQ(run.at("flops_per_watt").get<double>(), 2000 / 4e-6);  // FLOP/s / W = FLOP / J
  EXPECT_EQ(run.at("memory").at("achieved_bytes_per_second"), 4000 / 2e-6);
  EXPECT_TRUE(run.at("max_error_vs_reference").is_null());
  EXPECT_EQ(run.at("units").at(0), Json::parse(R"({"name": "mxu0", "clock_hz": 1e9, "total_cycles": 2000,
      "cycles": {"busy": 500, "idle": 1500}, "actions": {"mac_bf16": 77}, "energy_joules": 4e-6})"));
  EXPECT_EQ(run.at("ops").at(0), Json::parse(R"({"name": "fc.matmul", "kind": "matmul", "phase": "forward",
      "begin_cycle": 10, "end_cycle": 60, "array_cycles": 40, "flops": 640, "bound_by": "memory"})"));
  EXPECT_TRUE(run.at("ops").at(1).at("array_cycles").is_null());
}

TEST(Json, ALossThatIsNoNumberIsAString) {
  auto run = run_of("tpu", 1e-6, 1e-6);
  run.loss = {NAN, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0.1};
  const Json loss = Json::parse(json({linear, {run}})).at("runs").at(0).at("loss");
  EXPECT_EQ(loss, Json::parse(R"(["NaN", "Infinity", "-Infinity", 0.1])"));
}

TEST(Json, WhatWasNotMeasuredIsNull) {
  device::RunResult run;
  run.device = "reference";
  run.flops = 2000;
  run.loss = {1};
  const Json json_run = Json::parse(json({linear, {run}})).at("runs").at(0);
  for (const char* key : {"clock_hz", "cycles", "seconds", "cycles_per_step", "flops_per_second", "utilization",
                          "peak_flops_per_second", "energy_joules", "average_power_watts", "peak_power_watts",
                          "flops_per_watt", "max_error_vs_reference", "config_digest"}) {
    EXPECT_TRUE(json_run.at(key).is_null()) << key;
  }
  EXPECT_TRUE(json_run.at("memory").at("read_bytes").is_null());
  EXPECT_TRUE(json_run.at("parallelism").at("average_lanes").is_null());
  EXPECT_EQ(json_run.at("flops"), 2000);
}

TEST(Csv, HasALinePerRunAndQuotesWhatMustBe) {
  auto odd = run_of("a,\"b\"", 1e-6, 1e-6);
  const std::string text = csv({linear, {run_of("tpu-v3", 2e-6, 4e-6), odd}});
  std::istringstream lines(text);
  std::string names, first, second, rest;
  std::getline(lines, names);
  std::getline(lines, first);
  std::getline(lines, second);
  EXPECT_FALSE(std::getline(lines, rest));
  EXPECT_EQ(names.substr(0, 38), "workload,precision,steps,device,archit");
  EXPECT_EQ(first.substr(0, 38), "linear,fp32,2,tpu-v3,tpu,0123456789abc");
  EXPECT_NE(second.find("\"a,\"\"b\"\"\""), std::string::npos);
  EXPECT_EQ(std::count(names.begin(), names.end(), ','), std::count(first.begin(), first.end(), ','));
}

/// The first row of a table, below its title.
std::string first_row(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line))
    if (line.starts_with("time")) return line;
  return {};
}

TEST(RunTable, AnswersTheQuestionFirst) {
  const std::string text = run_table(linear, run_of("tpu-v3", 2e-6, 4e-6), {});
  EXPECT_TRUE(text.starts_with("linear on tpu-v3: 2 steps, fp32\n\ntime")) << text;
  EXPECT_NE(first_row(text).find("2 us"), std::string::npos);
  EXPECT_NE(first_row(text).find("2,000 cycles at 1 GHz; a step takes 1 us"), std::string::npos);
  EXPECT_NE(text.find("launch  in 90 % of the cycles; compute 10 %"), std::string::npos) << text;
  EXPECT_NE(text.find("busy 25 %"), std::string::npos) << text;
  EXPECT_NE(text.find("fc.matmul"), std::string::npos);
  EXPECT_NE(run_table(linear, run_of("tpu-v3", 2e-6, 4e-6), {80, true}).find("mac_bf16  77"), std::string::npos);
}

TEST(Tables, FitTheTerminal) {
  auto run = run_of("nvdla-2048-train", 2e-3, 4e-6);
  for (int i = 0; i < 100; ++i) {
    run.units.push_back(run.units.front());
    run.units.back().name = "sm" + std::to_string(i);
  }
  run.ops.front().name = "a_layer_with_a_very_long_name.and.another.weight.grad.matmul";
  auto second = run;
  second.device = "tpu-v3";
  auto third = run;
  third.device = "a100";
  const Report report{linear, {run, second, third}};
  for (const int width : {60, 80, 120, 200}) {
    for (const std::string& text : {run_table(linear, run, {width, false}), run_table(linear, run, {width, true}),
                                    compare_table(report, {width, false})}) {
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(columns(line), static_cast<std::size_t>(width)) << line;
        EXPECT_FALSE(line.ends_with(' ')) << "'" << line << "'";
      }
    }
  }
}

TEST(RunTable, ManyUnitsOfAKindAreOne) {
  auto run = run_of("a100", 2e-6, 4e-6);
  run.units.clear();
  for (int i = 0; i < 108; ++i) {
    run.units.push_back({"sm" + std::to_string(i),
                         1e9,
                         2000,
                         {{"busy", i == 0 ? 2000u : 0u}, {"idle", i == 0 ? 0u : 2000u}},
                         {},
                         1e-9});
  }
  const std::string text = run_table(linear, run, {});
  EXPECT_NE(text.find("sm* (108)"), std::string::npos) << text;
  EXPECT_NE(text.find("idle 99.1 %, busy 0.926 %"), std::string::npos) << text;  // 1 of 108 is busy
  EXPECT_NE(text.find("108 nJ"), std::string::npos) << text;
}

TEST(Verdict, NamesTheWinnersByHowMuchAndTheLimits) {
  auto gpu = run_of("a100", 20e-6, 1e-6);
  gpu.bound_by = "memory";
  gpu.bound_cycles = {{"memory", 10000}, {"launch", 2000}, {"latency", 7000}, {"compute", 1000}};  // of 20,000
  EXPECT_EQ(
      verdict({linear, {gpu, run_of("tpu-v3", 2e-6, 4e-6)}}),
      "tpu-v3 is the fastest: 2 us, 10 times faster than a100. a100 is the most frugal: 1 uJ, 4 times less energy than "
      "tpu-v3. What limits them: a100 by memory (50 % of its cycles; latency 35 %; launch 10 "
      "%) and tpu-v3 by launch (90 % of its cycles; compute 10 %).");
  EXPECT_EQ(verdict({linear, {gpu}}), "");
}

TEST(CompareTable, ShowsPeaksAndTechnology) {
  const std::string text = compare_table({linear, {run_of("a100", 20e-6, 1e-6), run_of("tpu-v3", 2e-6, 4e-6)}}, {});
  for (const char* row : {"peak, fp32", "peak bandwidth", "technology", "1 TFLOPS", "1 GB/s", "7 nm", "limited by"}) {
    EXPECT_NE(text.find(row), std::string::npos) << row << "\n" << text;
  }
}

}  // namespace
}  // namespace triad::report
