#include <sys/resource.h>

#include <chrono>

#include "oracle.hpp"

/// Programs of large models: their plan is made in seconds and little memory, their instructions when they are due.
namespace triad::tpu {
namespace {

double gibibytes_at_most() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1 << 20);
}

TEST(Large, Gpt3LowersInSecondsAndLittleMemory) {
  const auto job = test::load("gpt-3-175b");
  const auto device = test::make("tpu-v3");
  const auto begin = std::chrono::steady_clock::now();
  const auto program = device->lower(job);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  RecordProperty("seconds", fmt::format("{:.2f}", taken.count()));
  RecordProperty("gibibytes", fmt::format("{:.2f}", gibibytes_at_most()));
  RecordProperty("ops", static_cast<int>(dynamic_cast<const TpuProgram&>(*program).plan()->graph.ops.size()));
  EXPECT_LT(taken.count(), 10);
  EXPECT_LT(gibibytes_at_most(), 2);
  // The first ops' instructions, as a sequencer would take them.
  const auto stream = dynamic_cast<const TpuProgram&>(*program).open();
  std::size_t instructions = 0;
  for (int op = 0; op < 40; ++op) {
    const Chunk chunk = stream->next();
    ASSERT_NE(chunk, nullptr);
    instructions += chunk->size();
  }
  RecordProperty("instructions_of_40_ops", static_cast<int>(instructions));
  RecordProperty("gibibytes_with_instructions", fmt::format("{:.2f}", gibibytes_at_most()));
  EXPECT_LT(gibibytes_at_most(), 2);
}

/// Every workload of the zoo lowers, in full size too.
TEST(Large, TheWholeZooLowers) {
  int lowered = 0;
  for (const auto& entry : std::filesystem::directory_iterator(config::presets() / "workloads")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto job = test::load(entry.path().stem().string(), {"values=off"});
    for (const char* preset : {"tpu-v3", "tiny"}) {
      EXPECT_NO_THROW(test::make(preset)->lower(job)) << job.name << " on " << preset;
      ++lowered;
    }
  }
  EXPECT_GE(lowered, 60);
}

}  // namespace
}  // namespace triad::tpu
