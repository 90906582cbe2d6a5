#include <gtest/gtest.h>

#include "chip.hpp"
#include "sim/device/device.hpp"

/// Issue, pipes and dependence barriers, to the cycle. issue_cycles: from the first issue to EXIT, both included.
namespace triad::gpu {
namespace {

using activity::State;

TEST(Pipes, ExitAloneTakesOneCycle) {
  Assembler a;
  a.add(Opcode::exit);
  const Outcome r = run(small_chip(), a.kernel());
  // 100 launch + 1 dispatch to first issue + 1 EXIT
  EXPECT_EQ(r.cycles, 102u);
  EXPECT_EQ(r.instructions, 1u);
}

TEST(Pipes, EveryLaunchTakesItsLatency) {
  Assembler a;
  a.add(Opcode::exit);
  const Outcome r = run(small_chip(), a.kernel(), {}, {32, 1, 1}, {}, true, {}, 3);
  EXPECT_EQ(r.cycles, 3 * 102u);
  EXPECT_EQ(r.state("frontend", State::launch), 300u);
  EXPECT_EQ(r.state("frontend", State::busy), 3u);  // a block each
  EXPECT_EQ(r.state("sm0", State::launch), 300u);
  EXPECT_EQ(r.state("sm0", State::busy), 3u);
  EXPECT_EQ(r.state("sm0", State::operands), 3u);  // the cycle of the dispatch
}

TEST(Pipes, DependentFfmasTakeTheLatencyEach) {
  Assembler a;
  for (int n = 0; n < 10; ++n) a.ffma(1, 1, 2, 3, 4);
  a.add(Opcode::exit);
  const Outcome r = run(small_chip(), a.kernel());
  EXPECT_EQ(issue_cycles(r), 10 * 4 + 1u);  // ten latencies of 4, EXIT
  EXPECT_EQ(r.state("sm0", State::busy), 11u);
  EXPECT_EQ(r.state("sm0", State::operands), 30u + 1);  // three cycles after each, and that of the dispatch
}

TEST(Pipes, IndependentFfmasTakeTheirLanes) {
  Assembler a;
  for (int n = 0; n < 10; ++n) a.ffma(n, 10 + n, 20, 21, 1);
  a.add(Opcode::exit);
  // 16 lanes take a warp of 32 in 2 cycles: issues at 0, 2, ..., 18, EXIT at 19
  EXPECT_EQ(issue_cycles(run(small_chip(), a.kernel())), 20u);
}

TEST(Pipes, Fp32AndIntegerPipesAlternate) {
  Assembler a;
  for (int n = 0; n < 5; ++n) {
    a.ffma(n, 10 + n, 20, 21, 1);
    a.integer_add(5 + n, 15, 1, 1);
  }
  a.add(Opcode::exit);
  // FFMA at 0, 2, 4, 6, 8, IADD3 at 1, 3, 5, 7, 9, EXIT at 10
  EXPECT_EQ(issue_cycles(run(small_chip(), a.kernel())), 11u);
}

TEST(Pipes, StallCountsHoldBackTheWarpAlone) {
  Assembler a;
  for (int n = 0; n < 4; ++n) a.mov(n, 1, 8);
  a.add(Opcode::exit);
  // One warp: 0, 8, 16, 24, EXIT at 32.
  EXPECT_EQ(issue_cycles(run(small_chip(), a.kernel())), 33u);
}

TEST(Pipes, TwoWarpsOfASubCoreFillEachOthersStalls) {
  Parameters p = small_chip();
  p.sm.sub_cores = 1;
  Assembler a;
  for (int n = 0; n < 4; ++n) a.ffma(1, 1, 2, 3, 4);
  a.add(Opcode::exit);
  // The younger warp at 0, 4, 8, 12, the other in the pipe's next slot at 2, 6, 10, 14; EXIT at 16 and 18.
  EXPECT_EQ(issue_cycles(run(p, a.kernel(), {}, {64, 1, 1})), 19u);
}

TEST(Pipes, WarpsOfFourSubCoresDoNotDisturbEachOther) {
  Assembler a;
  for (int n = 0; n < 4; ++n) a.ffma(1, 1, 2, 3, 4);
  a.add(Opcode::exit);
  const Outcome r = run(small_chip(), a.kernel(), {}, {128, 1, 1});
  EXPECT_EQ(issue_cycles(r), 17u);  // 4 x 4, EXIT
  EXPECT_EQ(r.instructions, 20u);
  EXPECT_EQ(r.unit("sm0").actions.at("mac_fp32"), 4u * 128);
}

TEST(Pipes, SpecialFunctionsByDependenceBarrier) {
  Assembler a;
  Instruction& f = a.add(Opcode::mufu);
  f.d = 1, f.b = 2, f.control.write_barrier = 0;
  waiting(a.ffma(3, 1, 1, 1, 1), 1);
  a.add(Opcode::exit);
  // MUFU at 0, its result at 23: FFMA at 23, EXIT at 24.
  const Outcome r = run(small_chip(), a.kernel());
  EXPECT_EQ(issue_cycles(r), 25u);
  EXPECT_EQ(r.state("sm0", State::operands), 1 + 22u);
}

TEST(Pipes, SpecialFunctionUnitTakesAWarpInEightCycles) {
  Assembler a;
  for (int n = 0; n < 4; ++n) {
    Instruction& f = a.add(Opcode::mufu);
    f.d = static_cast<std::uint8_t>(n), f.b = 10, f.control.write_barrier = 0;
  }
  a.add(Opcode::exit);
  // 4 lanes: at 0, 8, 16, 24, EXIT at 25; the block ends when the last result is there, at 24 + 23 = 47
  EXPECT_EQ(issue_cycles(run(small_chip(), a.kernel())), 48u);
}

TEST(Pipes, ThreeOperandsOfOneBankCostACycle) {
  Assembler a;
  a.ffma(1, 2, 4, 6, 1);  // bank 0 delivers two operands a cycle, this needs three
  a.mov(8, 1, 1);
  a.add(Opcode::exit);
  EXPECT_EQ(issue_cycles(run(small_chip(), a.kernel())), 4u);  // FFMA at 0, MOV at 2, EXIT at 3
}

TEST(Pipes, AnOperandInTheReuseCacheIsNotReadAgain) {
  Assembler a;
  a.ffma(1, 2, 4, 5, 2).control.reuse = 1;  // keeps R2 as operand a
  a.ffma(3, 2, 4, 6, 1);                    // reads R4 and R6 of bank 0
  a.mov(8, 1, 1);
  a.add(Opcode::exit);
  const Outcome r = run(small_chip(), a.kernel());
  EXPECT_EQ(issue_cycles(r), 5u);  // FFMA at 0 and 2, MOV at 3, EXIT at 4
  EXPECT_EQ(r.unit("sm0").actions.at("register_bytes"), 32u * 4 * (3 + 1 + 2 + 1 + 1));  // reads and writes
}

/// Two warps of one sub-core, each issues four MOVs and then stores the place in the order that a shared counter gives
/// it: which of them ends first is the scheduler's choice. Greedy, so neither takes turns: the pipe is free every 2
/// cycles.
Cycle first_exit(Scheduler scheduler) {
  Parameters p = small_chip();
  p.sm.sub_cores = 1;
  p.sm.scheduler = scheduler;
  Assembler a;
  a.special(0, Special::warpid);
  waiting(a.less(0, 0, 1), 1);
  // Warp 0 has a longer way to go: the run's length tells whether it or warp 1 was preferred.
  a.branch(4, 0);
  a.add(Opcode::exit);
  for (int n = 0; n < 5; ++n) a.mov(1 + n, 1, 1);
  a.add(Opcode::exit);
  return issue_cycles(run(p, a.kernel(), {}, {64, 1, 1}));
}
TEST(Scheduler, TheYoungestWarpFirst) {
  // S2R of warp 1 at 0, of warp 0 at 8; warp 1: ISETP at 23, BRA at 27, EXIT at 28. Warp 0: ISETP at 31, BRA at 35,
  // MOVs at 36, 38, 40, 42, 44, EXIT at 45.
  EXPECT_EQ(first_exit(Scheduler::cggty), 46u);
}
TEST(Scheduler, TheOldestWarpFirst) {
  // S2R of warp 0 at 0, of warp 1 at 8; warp 0: ISETP at 23, BRA at 27, MOVs at 28, 30, 32, 34, 36, EXIT at 37. Warp 1:
  // ISETP in the pipe's first free slot after 31, at 33 or later as long as the greedy warp 0 takes every second cycle.
  EXPECT_LT(first_exit(Scheduler::gto), 46u);
}

TEST(Hazards, AStallCountThatIsTooSmallIsReported) {
  Assembler a;
  a.ffma(1, 1, 2, 3, 3);  // result at 4, the next reads it at 3
  a.ffma(4, 1, 2, 3, 1);
  a.add(Opcode::exit);
  try {
    run(small_chip(), a.kernel());
    FAIL() << "no hazard";
  } catch (const device::Fault& fault) {
    EXPECT_STREQ(fault.what(),
                 "kernel test, instruction 1 (FFMA), sm0 block (0,0,0) warp 0, cycle 104: hazard: reads R1, but it is "
                 "there from cycle 105 on");
  }
}

TEST(Hazards, OnlyWithCheck) {
  Assembler a;
  a.ffma(1, 1, 2, 3, 3);
  a.ffma(4, 1, 2, 3, 1);
  a.add(Opcode::exit);
  EXPECT_NO_THROW(run(small_chip(), a.kernel(), {}, {32, 1, 1}, {}, false));
}

TEST(Hazards, AMissingWaitIsReported) {
  Assembler a;
  a.mov(2, 0);
  a.mov(3, 0);
  a.load(Opcode::ldg, 1, 2, 0);
  a.ffma(4, 1, 1, 1, 1);
  a.add(Opcode::exit);
  try {
    run(small_chip(), a.kernel());
    FAIL() << "no hazard";
  } catch (const device::Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find("reads R1, but its load has not returned"), std::string::npos)
        << fault.what();
  }
}

TEST(Hazards, OverwritingTheSourceOfAQueuedStoreIsReported) {
  Assembler a;
  a.special(0, Special::laneid);
  waiting(a.shift_left(2, 0, 7), 1);
  a.store(Opcode::sts, 2, 1);  // 32 lanes in one bank: 32 cycles
  a.store(Opcode::sts, 2, 1);  // reads R1 after them
  a.mov(1, 7, 1);
  a.add(Opcode::exit);
  try {
    run(small_chip(), a.kernel(32, 4096));
    FAIL() << "no hazard";
  } catch (const device::Fault& fault) {
    // STS at 27 and 28 after the first issue in cycle 101; the unit takes the second at 28 + 32 = 60.
    EXPECT_NE(std::string(fault.what()).find("writes R1, which is read until cycle 161"), std::string::npos)
        << fault.what();
  }
}

TEST(Hazards, APredicateIsValidAfterItsLatencyToo) {
  Assembler a;
  a.less(0, 1, 5, 1);
  a.branch(2, 0);
  a.add(Opcode::exit);
  EXPECT_THROW(run(small_chip(), a.kernel()), device::Fault);
}

}  // namespace
}  // namespace triad::gpu
