#include "models/kit/scratchpad.hpp"

#include <gtest/gtest.h>

#include "sim/device/device.hpp"

namespace triad::kit {
namespace {

constexpr Range whole = {0, 256};

/// A memory that has been written all over.
Scratchpad written(bool check = true) {
  Scratchpad memory(256, check);
  memory.release(memory.use("before", whole, Access::write, 0));
  return memory;
}

std::string fault(Scratchpad& memory, const std::string& who, const Range& range, Access access) {
  try {
    memory.use(who, range, access, 9);
  } catch (const device::Fault& error) {
    return error.what();
  }
  return "";
}

TEST(Scratchpad, AReadWhileOthersWriteIsAHazard) {
  Scratchpad memory = written();
  const int use = memory.use("dma", {64, 64}, Access::write, 5);
  EXPECT_EQ(fault(memory, "vpu", {100, 10}, Access::read),
            "hazard in cycle 9: vpu reads on-chip bytes 0x64..0x6e while dma writes 0x40..0x80 since cycle 5");
  EXPECT_EQ(fault(memory, "vpu", {63, 1}, Access::read), "");
  EXPECT_EQ(fault(memory, "vpu", {128, 1}, Access::read), "");
  EXPECT_NE(fault(memory, "vpu", {127, 1}, Access::read), "");
  memory.release(use);
  EXPECT_EQ(fault(memory, "vpu", {100, 10}, Access::read), "");
}

TEST(Scratchpad, AWriteWhileOthersReadOrWriteIsAHazard) {
  Scratchpad memory = written();
  memory.use("dma", {0, 8}, Access::read, 5);
  memory.use("vpu", {8, 8}, Access::write, 5);
  for (const Access access : {Access::write, Access::update, Access::add}) {
    EXPECT_NE(fault(memory, "mxu", {7, 1}, access), "");
    EXPECT_NE(fault(memory, "mxu", {8, 1}, access), "");
  }
  EXPECT_EQ(fault(memory, "mxu", {0, 8}, Access::read), "");  // two readers
  EXPECT_NE(fault(memory, "mxu", {0, 9}, Access::read), "");
}

TEST(Scratchpad, APortThatAddsInOrderMayOverlapItself) {
  Scratchpad memory = written();
  memory.use("mxu0", {0, 64}, Access::add, 1);
  EXPECT_EQ(fault(memory, "mxu0", {0, 64}, Access::add), "");
  EXPECT_NE(fault(memory, "mxu1", {0, 64}, Access::add), "");
  EXPECT_NE(fault(memory, "mxu0", {0, 64}, Access::read), "");
}

TEST(Scratchpad, RowsThatInterleaveDoNotOverlap) {
  Scratchpad memory = written();
  memory.use("mxu0", {0, 8, 4, 32}, Access::write, 1);                  // 0..8, 32..40, 64..72, 96..104
  EXPECT_EQ(fault(memory, "mxu1", {8, 24, 3, 32}, Access::write), "");  // between them
  EXPECT_NE(fault(memory, "mxu2", {71, 1}, Access::write), "");
  EXPECT_EQ(fault(memory, "mxu2", {104, 1}, Access::write), "");
  // Another pitch: 9, 28, 47, 66 meets 64..72.
  EXPECT_NE(fault(memory, "mxu3", {105 - 96, 1, 4, 19}, Access::write), "");
}

TEST(Scratchpad, ReadingWhatWasNotWrittenIsAHazard) {
  Scratchpad memory(256, true);
  EXPECT_EQ(fault(memory, "vpu", {0, 4}, Access::read),
            "hazard in cycle 9: vpu reads on-chip bytes 0x0..0x4, which were not written in this step");
  memory.release(memory.use("dma", {0, 8, 2, 16}, Access::write, 0));  // 0..8, 16..24
  EXPECT_EQ(fault(memory, "vpu", {0, 8, 2, 16}, Access::read), "");
  EXPECT_NE(fault(memory, "vpu", {0, 24}, Access::read), "");
  EXPECT_NE(fault(memory, "vpu", {24, 1}, Access::update), "");
  memory.release(memory.use("dma", {8, 8}, Access::write, 0));
  EXPECT_EQ(fault(memory, "vpu", {0, 24}, Access::read), "");  // pieces of three writes
  memory.forget();
  EXPECT_NE(fault(memory, "vpu", {0, 1}, Access::read), "");
}

TEST(Scratchpad, BoundsAreCheckedAlways) {
  for (const bool check : {false, true}) {
    Scratchpad memory = written(check);
    EXPECT_NE(fault(memory, "dma", {255, 2}, Access::read), "");
    EXPECT_NE(fault(memory, "dma", {0, 16, 17, 16}, Access::write), "");
    EXPECT_EQ(fault(memory, "dma", {0, 16, 16, 16}, Access::read), "");
  }
  Scratchpad unchecked = written(false);
  unchecked.use("dma", whole, Access::write, 0);
  EXPECT_EQ(fault(unchecked, "vpu", whole, Access::write), "");
}

}  // namespace
}  // namespace triad::kit
