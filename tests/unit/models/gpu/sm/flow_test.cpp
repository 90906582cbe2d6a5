#include <gtest/gtest.h>

#include "chip.hpp"
#include "sim/device/device.hpp"

/// Divergence, block barriers, block dispatch, deadlock.
namespace triad::gpu {
namespace {

using activity::State;

/// Lanes below 16 take `taken` more MOVs, the others `other`; then all store their lane's number, which both sides
/// agree on.
Outcome diverging(int taken, int other) {
  Assembler a;
  a.special(0, Special::laneid);
  waiting(a.shift_left(2, 0, 2), 1);
  a.mov(3, 0);
  a.less(0, 0, 16);
  const auto join = static_cast<std::uint32_t>(6 + other + 1 + taken);
  a.gather(0, join);
  a.branch(static_cast<std::uint32_t>(6 + other + 1), 0);
  for (int n = 0; n < other; ++n) a.mov(5, 1000, 4);
  a.branch(join);
  for (int n = 0; n < taken; ++n) a.mov(5, 2000, 4);
  a.converge(0);
  Instruction& sum = a.add(Opcode::iadd3);
  sum.d = 6, sum.a = 0, sum.b = 5, sum.control.stall = 4;
  a.store(Opcode::stg, 2, 6);
  a.add(Opcode::exit);
  return run(small_chip(), a.kernel());
}

TEST(Divergence, BothSidesRunOneAfterTheOther) {
  const Outcome r = diverging(3, 2);
  for (std::uint32_t lane = 0; lane < 32; ++lane) EXPECT_EQ(r.memory[lane], lane + (lane < 16 ? 2000 : 1000)) << lane;
  // 4 MOV-like + BSSY + BRA, 2 MOVs + BRA of the one side, BSYNC, 3 MOVs of the other, BSYNC, IADD3, STG, EXIT
  EXPECT_EQ(r.instructions, 4u + 2 + 3 + 1 + 3 + 1 + 3);
  // S2R 0, SHL 23, MOV 27, ISETP 31, BSSY 35, BRA 36, MOV 37, 41, BRA 45, BSYNC 46, MOV 47, 51, 55, BSYNC 59, IADD3 60,
  // STG 64, EXIT 65; the store: in the unit 65, leaves 81, taken 82, written 286 (4 sectors), seen 287, back 304
  EXPECT_EQ(issue_cycles(r), 305u);
  EXPECT_EQ(r.written_bytes, 128u);  // they store together again
}

TEST(Divergence, EveryMoreInstructionOfASideCosts) {
  EXPECT_EQ(issue_cycles(diverging(4, 2)), 305u + 4);  // a MOV with a stall count of 4
}

TEST(Divergence, ALoopRunsAsLongAsItsLastLane) {
  // R1 counts down from the lane's number; lanes leave one after the other.
  Assembler a;
  a.special(0, Special::laneid);
  waiting(a.integer_add(1, 0, 0), 1);
  a.gather(0, 6);
  a.integer_add(1, 1, 0xffffffffu);  // 3: loop
  a.less(0, 1, 0);
  a.branch(3, 0, true);
  a.converge(0);  // 6
  a.add(Opcode::exit);
  const Outcome r = run(small_chip(), a.kernel());
  // The loop runs 32 times: lane 31 leaves last. The lanes that leave go first, to BSYNC (31 times); then all meet
  // there.
  EXPECT_EQ(r.instructions, 3u + 32 * 3 + 32 + 1);
}

TEST(Divergence, LanesThatExitLeaveTheBarrier) {
  Assembler a;
  a.special(0, Special::laneid);
  waiting(a.less(0, 0, 16), 1);
  a.gather(0, 5);
  a.branch(5, 0);
  a.add(Opcode::exit);  // lanes 16 .. 31
  a.converge(0);        // 5
  a.add(Opcode::exit);
  EXPECT_EQ(run(small_chip(), a.kernel()).instructions, 4u + 1 + 2);
}

TEST(BlockBarrier, TheFirstWaitsForTheLast) {
  // Warp 0 goes to the barrier at once, warp 1 after 10 MOVs of 8 cycles.
  Assembler a;
  a.special(0, Special::warpid);
  waiting(a.less(0, 0, 1), 1);
  a.branch(13, 0);
  for (int n = 0; n < 10; ++n) a.mov(1, 1, 8);
  a.add(Opcode::bar).selector = 0;  // 13
  a.add(Opcode::exit);
  const Outcome r = run(small_chip(), a.kernel(), {}, {64, 1, 1});
  // S2R 0, ISETP 23, BRA 27; warp 0: BAR 28. Warp 1: MOVs 28, 36, ..., 100, BAR 108; both EXIT at 109.
  EXPECT_EQ(issue_cycles(r), 110u);
  EXPECT_EQ(r.instructions, 2u * 5 + 10);
}

TEST(BlockBarrier, ThreadsThatExitedAreNotWaitedFor) {
  Assembler a;
  a.special(0, Special::warpid);
  waiting(a.less(0, 0, 1), 1);
  a.branch(4, 0);
  a.add(Opcode::exit);              // warps 1, 2, 3
  a.add(Opcode::bar).selector = 0;  // 4
  a.add(Opcode::exit);
  EXPECT_EQ(run(small_chip(), a.kernel(), {}, {128, 1, 1}).instructions, 4u * 3 + 3 + 2);
}

TEST(Deadlock, IsReportedWithWhoWaitsForWhom) {
  // Half of the lanes wait to converge, the other half at the block barrier, which needs all.
  Assembler a;
  a.special(0, Special::laneid);
  waiting(a.less(0, 0, 16), 1);
  a.gather(0, 5);
  a.branch(5, 0);
  a.add(Opcode::bar).selector = 0;
  a.converge(0);  // 5
  a.add(Opcode::exit);
  try {
    run(small_chip(), a.kernel());
    FAIL() << "no deadlock";
  } catch (const device::Fault& fault) {
    const std::string what = fault.what();
    EXPECT_NE(what.find("deadlock at cycle"), std::string::npos) << what;
    EXPECT_NE(what.find("kernel test"), std::string::npos) << what;
    EXPECT_NE(what.find("sm0 block (0,0,0) warp 0 waits for block barrier 0 (16 of its threads there, 32 of the block "
                        "alive)"),
              std::string::npos)
        << what;
  }
}

/// One EXIT per warp.
Outcome blocks(std::uint32_t count, std::uint32_t threads, const std::function<void(Parameters&)>& change = {}) {
  Parameters p = small_chip();
  if (change) change(p);
  Assembler a;
  a.mov(0, 0, 15);
  a.add(Opcode::exit);
  return run(p, a.kernel(), {count, 1, 1}, {threads, 1, 1});
}

TEST(Dispatch, OneBlockACycle) {
  // Blocks at 0, 1, 2, 3; each: MOV one cycle later, EXIT after 15 more.
  EXPECT_EQ(issue_cycles(blocks(4, 32)), 3u + 15 + 1);
}
TEST(Dispatch, SlowerWhereTheSchedulerIs) {
  EXPECT_EQ(issue_cycles(blocks(4, 32, [](Parameters& p) { p.dispatch_cycles = 7; })), 3u * 7 + 15 + 1);
}
TEST(Dispatch, ABlockWithoutRoomWaitsForAnotherToEnd) {
  // Two at a time. Blocks at 0 and 1 end at 16 and 17 (first issue at 1, EXIT 15 later); their places are free 20
  // later, at 36 and 37; the last one ends at 53.
  EXPECT_EQ(issue_cycles(blocks(4, 32, [](Parameters& p) { p.sm.blocks = 2; })), 53u);
}
TEST(Dispatch, WarpsRegistersAndSharedMemoryBoundWhatIsResident) {
  SmParameters p;
  p.shared_bytes = 65536;
  Assembler a;
  a.add(Opcode::exit);
  std::string limit;
  EXPECT_EQ(occupancy(p, Code(a.kernel(16), p), {32, 1, 1}, limit), 32);        // blocks
  EXPECT_EQ(occupancy(p, Code(a.kernel(16), p), {256, 1, 1}, limit), 8);        // 64 warps / 8
  EXPECT_EQ(occupancy(p, Code(a.kernel(63), p), {256, 1, 1}, limit), 4);        // 65536 / (256 x 64)
  EXPECT_EQ(occupancy(p, Code(a.kernel(16, 20000), p), {32, 1, 1}, limit), 3);  // 65536 / 20000
  EXPECT_EQ(occupancy(p, Code(a.kernel(16, 70000), p), {32, 1, 1}, limit), 0);
  EXPECT_EQ(limit, "a block needs 70000 bytes of shared memory, an SM has 65536");
}
TEST(Dispatch, SmsTakeTurns) {
  const Outcome r = blocks(4, 32, [](Parameters& p) { p.sms = 4; });
  for (const std::string sm : {"sm0", "sm1", "sm2", "sm3"}) EXPECT_EQ(r.state(sm, State::busy), 2u) << sm;
}
TEST(Dispatch, AnIncompleteWarpHasItsThreadsOnly) {
  Assembler a;
  a.ffma(1, 2, 3, 4, 1);
  a.add(Opcode::exit);
  EXPECT_EQ(run(small_chip(), a.kernel(), {3, 1, 1}, {5, 7, 1}).unit("sm0").actions.at("mac_fp32"), 3u * 35);
}

TEST(Code, WhatCannotRunIsRefused) {
  const SmParameters p;
  Assembler empty, open, far, wide;
  open.mov(0, 0);
  far.branch(7);
  wide.mov(40, 0);
  wide.add(Opcode::exit);
  for (const Assembler* a : {&empty, &open, &far, &wide}) EXPECT_THROW(Code(a->kernel(), p), std::invalid_argument);
}

TEST(Lanes, AreWhatTheSemanticsSay) {
  // Every arithmetic opcode on random bits and random lanes, against isa/semantics.hpp.
  std::uint32_t state = 1;
  const auto random = [&] {
    state = state * 1664525u + 1013904223u;
    return state ^ (state >> 13);
  };
  for (const OpcodeInfo& row : opcode_table) {
    if (row.pipe == Pipe::memory || row.pipe == Pipe::control || row.op == Opcode::s2r) continue;
    for (int round = 0; round < 200; ++round) {
      Instruction i;
      i.op = row.op;
      i.negate_a = (random() & 1) != 0 && uses(row.op, field_negate_a);
      i.negate_b = (random() & 1) != 0 && uses(row.op, field_negate_b);
      i.negate_c = (random() & 1) != 0 && uses(row.op, field_negate_c);
      i.type = (random() & 1) != 0 ? Type::s32 : Type::u32;
      i.extended = (random() & 1) != 0 && uses(row.op, field_extended);
      i.compare = static_cast<Compare>(random() % 6);
      i.selector = static_cast<std::uint8_t>(row.op == Opcode::mufu ? random() % 5 : random());
      WarpSources s;
      for (LaneWords* words : {&s.a, &s.b, &s.c, &s.c_high}) {
        for (std::uint32_t& word : *words) word = (random() & 3) == 0 ? random() % 40 : random();
      }
      s.p = random(), s.q = random();
      WarpResults expected;
      execute(i, s, expected);
      const std::uint32_t lanes = (random() & 1) != 0 ? ~0u : random();
      LaneWords d{}, d_high{};
      std::uint32_t pd = 0;
      const bool has_d = uses(row.op, field_d), has_pd = uses(row.op, field_pd);
      execute_lanes(i, {&s.a, &s.b, &s.c, &s.c_high, s.p, s.q}, lanes,
                    {has_d ? &d : nullptr, row.d_registers == 2 ? &d_high : nullptr, has_pd ? &pd : nullptr});
      for (int lane = 0; lane < warp_size; ++lane) {
        const bool on = ((lanes >> lane) & 1u) != 0;
        if (has_d) {
          ASSERT_EQ(d[lane], on ? expected.d[lane] : 0u) << row.mnemonic << " lane " << lane;
        }
        if (row.d_registers == 2) {
          ASSERT_EQ(d_high[lane], on ? expected.d_high[lane] : 0u) << row.mnemonic;
        }
      }
      if (has_pd) {
        ASSERT_EQ(pd, expected.pd & lanes) << row.mnemonic;
      }
    }
  }
}

}  // namespace
}  // namespace triad::gpu
