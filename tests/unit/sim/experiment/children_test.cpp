#include "sim/experiment/children.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "sim/device/device.hpp"

namespace triad::experiment {
namespace {

using namespace std::chrono_literals;

Task after(std::chrono::milliseconds time, const std::string& name) {
  return {name, [=] {
            std::this_thread::sleep_for(time);
            std::puts("what a task prints");
            device::RunResult result;
            result.device = name;
            return result;
          }};
}

/// What appears on standard error (2) or output (1) while `act` runs.
template <class Act>
std::string written_to(int stream, const Act& act) {
  std::fflush(nullptr);
  std::FILE* file = std::tmpfile();
  const int saved = ::dup(stream);
  ::dup2(::fileno(file), stream);
  act();
  std::fflush(nullptr);
  ::dup2(saved, stream);
  ::close(saved);
  std::rewind(file);
  std::string text;
  for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

TEST(Children, ResultsComeInTheOrderOfTheTasks) {
  const auto results = run_in_children({after(60ms, "slow"), after(0ms, "quick"), after(20ms, "last")}, false);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].device, "slow");
  EXPECT_EQ(results[1].device, "quick");
  EXPECT_EQ(results[2].device, "last");
}

TEST(Children, TheFirstErrorInOrderCounts) {
  const Task late{"late", []() -> device::RunResult {
                    std::this_thread::sleep_for(60ms);
                    throw device::Fault("first in order");
                  }};
  const Task early{"early", []() -> device::RunResult { throw device::Unsupported("first in time"); }};
  try {
    run_in_children({after(0ms, "well"), late, early}, false);
    FAIL();
  } catch (const device::Fault& fault) {
    EXPECT_STREQ(fault.what(), "late: first in order");
  }
}

TEST(Children, WhatATaskPrintsIsNoResult) {
  std::string errors;
  const std::string output =
      written_to(1, [&] { errors = written_to(2, [] { run_in_children({after(0ms, "one")}, false); }); });
  EXPECT_EQ(output, "");
  EXPECT_EQ(errors, "what a task prints\n");
}

TEST(Children, ProgressIsShownAfterASecondAndErased) {
  const std::string quick = written_to(2, [] { run_in_children({after(0ms, "quick")}, true); });
  EXPECT_EQ(quick, "what a task prints\n");
  const std::string slow = written_to(2, [] { run_in_children({after(1600ms, "slow"), after(0ms, "quick")}, true); });
  EXPECT_NE(slow.find("1 of 2 done, 1 s; running slow"), std::string::npos) << slow;
  EXPECT_TRUE(slow.ends_with("\r\033[K")) << slow;  // nothing is left of it
  const std::string silent = written_to(2, [] { run_in_children({after(1200ms, "slow")}, false); });
  EXPECT_EQ(silent, "what a task prints\n");
}

}  // namespace
}  // namespace triad::experiment
