#include <gtest/gtest.h>

#include "chip.hpp"
#include "sim/device/device.hpp"

/// The load-store unit: bank conflicts, coalescing, latencies, block barriers, to the cycle.
namespace triad::gpu {
namespace {

using activity::State;

/// Every lane loads the word at lane * step of shared memory, then EXIT waits for it.
Cycle shared_load(int log2_step_bytes, Parameters p = small_chip()) {
  Assembler a;
  a.special(0, Special::laneid);
  waiting(a.shift_left(1, 0, log2_step_bytes), 1);
  a.load(Opcode::lds, 2, 1, 1);
  waiting(a.add(Opcode::exit), 2);
  return issue_cycles(run(p, a.kernel(32, 32 << log2_step_bytes)));
}

TEST(SharedMemory, WithoutConflict) {
  // S2R at 0, lane number at 23, SHL at 23, LDS at 27, word at 27 + 23 = 50: EXIT
  EXPECT_EQ(shared_load(2), 51u);
}
// Steps of 2, 4, ... words: 2, 4, ... lanes share a bank of 32, and each further word of a bank takes a cycle.
TEST(SharedMemory, TwoLanesABank) {
  EXPECT_EQ(shared_load(3), 51u + 1);
}
TEST(SharedMemory, FourLanesABank) {
  EXPECT_EQ(shared_load(4), 51u + 3);
}
TEST(SharedMemory, AllLanesInOneBank) {
  EXPECT_EQ(shared_load(7), 51u + 31);
}
TEST(SharedMemory, OneWordForAllLanesTakesNoMore) {
  Assembler a;
  a.mov(1, 64);
  a.load(Opcode::lds, 2, 1, 1);
  waiting(a.add(Opcode::exit), 2);
  EXPECT_EQ(issue_cycles(run(small_chip(), a.kernel(32, 128))), 4u + 23 + 1);  // MOV, LDS at 4, EXIT at 27
}
TEST(SharedMemory, HalfTheBanksTakeTwice) {
  Parameters p = small_chip();
  p.sm.shared_banks = 16;
  EXPECT_EQ(shared_load(2, p), 51u + 1);
}

TEST(BankCycles, ByHand) {
  LaneAddresses at{};
  for (int lane = 0; lane < warp_size; ++lane) at[lane] = static_cast<std::uint64_t>(lane) * 4;
  EXPECT_EQ(bank_cycles(at, ~0u, 4, 32), 1);
  EXPECT_EQ(bank_cycles(at, 0, 4, 32), 1);
  EXPECT_EQ(bank_cycles(at, ~0u, 4, 8), 4);
  for (int lane = 0; lane < warp_size; ++lane) at[lane] = static_cast<std::uint64_t>(lane) * 8;
  EXPECT_EQ(bank_cycles(at, ~0u, 8, 32), 2);  // 256 bytes
  for (int lane = 0; lane < warp_size; ++lane) at[lane] = static_cast<std::uint64_t>(lane) * 16;
  EXPECT_EQ(bank_cycles(at, ~0u, 16, 32), 4);  // 512 bytes
  for (int lane = 0; lane < warp_size; ++lane) at[lane] = static_cast<std::uint64_t>(lane % 3) * 128;
  EXPECT_EQ(bank_cycles(at, ~0u, 4, 32), 3);
  EXPECT_EQ(bank_cycles(at, 0x9, 4, 32), 1);  // lanes 0 and 3: the same word
}

TEST(Coalescing, SectorsByHand) {
  LaneAddresses at{};
  for (int lane = 0; lane < warp_size; ++lane) at[lane] = 0x1000 + static_cast<std::uint64_t>(lane) * 4;
  EXPECT_EQ(coalesce(at, ~0u).count, 4);  // 128 bytes in order
  EXPECT_EQ(coalesce(at, 0xff).count, 1);
  EXPECT_EQ(coalesce(at, 0).count, 0);
  for (auto& address : at) address += 4;
  EXPECT_EQ(coalesce(at, ~0u).count, 5);  // not aligned
  for (int lane = 0; lane < warp_size; ++lane) at[lane] = 0x1000 + static_cast<std::uint64_t>(31 - lane) * 32;
  const Sectors sectors = coalesce(at, ~0u);
  ASSERT_EQ(sectors.count, 32);
  for (int s = 0; s < 32; ++s) EXPECT_EQ(sectors.number[s], 0x80u + static_cast<std::uint64_t>(s));
  std::vector<SectorRange> ranges;
  cut_into_ranges(sectors, ranges);
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].length, 32u);
  for (int lane = 0; lane < warp_size; ++lane) at[lane] = static_cast<std::uint64_t>(lane) * 96;
  cut_into_ranges(coalesce(at, ~0u), ranges);
  ASSERT_EQ(ranges.size(), 1u);  // 32 rows of a sector
  EXPECT_EQ(ranges[0].rows, 32u);
  EXPECT_EQ(ranges[0].stride, 3u);
}

/// Every lane loads the word at lane << shift of device memory.
Outcome global_load(int shift, std::vector<std::uint32_t> memory = {}) {
  Assembler a;
  a.special(0, Special::laneid);
  a.mov(3, 0);
  waiting(a.shift_left(2, 0, shift), 1);
  a.load(Opcode::ldg, 4, 2, 1);
  waiting(a.add(Opcode::exit), 2);
  return run(small_chip(), a.kernel(), {}, {32, 1, 1}, memory);
}

TEST(GlobalMemory, LatencyOfAWarp) {
  const Outcome r = global_load(2);
  // S2R at 0, SHL at 23, LDG at 27, in the load-store unit at 28 for 1 cycle (4 sectors, 128 B), leaves at 28 + 33/2 =
  // 44; memory's clock takes it at 45, first byte 200 later, 4 sectors at one a cycle: last byte at 249, seen at 250,
  // 17 later in the register: EXIT at 267.
  EXPECT_EQ(issue_cycles(r), 268u);
  EXPECT_EQ(r.read_bytes, 128u);
  EXPECT_EQ(r.state("sm0", State::memory), 267u - 28);  // 28 .. 266
  EXPECT_EQ(r.state("memory.channel0", State::busy), 4u);
}
TEST(GlobalMemory, ASectorPerLaneTakesThirtyTwo) {
  const Outcome r = global_load(5);
  // 8 cycles in the load-store unit in place of 1, 32 sectors in place of 4
  EXPECT_EQ(issue_cycles(r), 268u + 7 + 28);
  EXPECT_EQ(r.read_bytes, 1024u);
}
TEST(GlobalMemory, OneWordForAllLanesIsOneSector) {
  Assembler a;
  a.mov(2, 64);
  a.mov(3, 0);
  a.load(Opcode::ldg, 4, 2, 1);
  waiting(a.add(Opcode::exit), 2);
  EXPECT_EQ(run(small_chip(), a.kernel()).read_bytes, 32u);
}

TEST(GlobalMemory, StoresHoldTheKernelOnly) {
  const Outcome r = run(small_chip(), store_a_word());
  // MOVs at 0, 4, 8, STG at 12, EXIT at 13. The store is in the unit at 13, leaves at 29, is taken at 30, written by
  // 231, seen at 232, back at 249: the kernel ends with that cycle.
  EXPECT_EQ(issue_cycles(r), 250u);
  EXPECT_EQ(r.memory[0], 42u);
  EXPECT_EQ(r.written_bytes, 32u);
}

TEST(GlobalMemory, WhatALaneStoresItLoads) {
  Assembler a;
  a.special(0, Special::tid_x);
  a.mov(3, 0);
  waiting(a.shift_left(2, 0, 2), 1);
  a.load(Opcode::ldg, 4, 2, 1);
  waiting(a.integer_add(5, 4, 1000), 2);
  a.store(Opcode::stg, 2, 5, 256);
  a.add(Opcode::exit);
  std::vector<std::uint32_t> memory(64);
  for (std::uint32_t i = 0; i < 64; ++i) memory[i] = 7 * i;
  const Outcome r = run(small_chip(), a.kernel(), {}, {64, 1, 1}, memory);
  for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(r.memory[64 + i], 7 * i + 1000) << i;
}

TEST(GlobalMemory, MemoryWithOneCreditServesOneRequestAfterTheOther) {
  Assembler a;
  a.mov(2, 0);
  a.mov(3, 0);
  for (int n = 0; n < 3; ++n) a.load(Opcode::ldg, 4 + n, 2, 0, static_cast<std::uint32_t>(n) * 512);
  waiting(a.add(Opcode::exit), 1);
  Parameters one = small_chip();
  one.memory.credits = 1;
  // LDGs at 8, 9, 10 leave at 25, 26, 27. A request takes 203 cycles until its credit is there again: 1 to be taken,
  // 200 and 1 access in memory, 1 to be seen. So the third is taken at 25 + 2 x 203 = 431, there at 633, seen at 634,
  // back at 651: EXIT.
  EXPECT_EQ(issue_cycles(run(one, a.kernel())), 652u);
}

TEST(GlobalMemory, AMisalignedAddressIsAFault) {
  Assembler a;
  a.mov(2, 6);
  a.mov(3, 0);
  a.load(Opcode::ldg, 4, 2, 0);
  a.add(Opcode::exit);
  try {
    run(small_chip(), a.kernel());
    FAIL() << "no fault";
  } catch (const device::Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find("lane 0: address 0x6 is not aligned to 4 bytes"), std::string::npos);
  }
}

TEST(LoadStoreQueue, HoldsBackASubCoreWhenFull) {
  Assembler a;
  a.mov(2, 0);
  a.mov(3, 0);
  for (int n = 0; n < 6; ++n) a.load(Opcode::ldg, 4 + n, 2, 0, 0, Type::u32);
  a.add(Opcode::nop);
  a.add(Opcode::exit);
  Parameters p = small_chip();
  p.sm.queue = 2;
  const Outcome deep = run(p, a.kernel());
  // A broadcast word takes the unit for a cycle: the queue never fills. LDGs at 8 .. 13, NOP 14, EXIT 15.
  EXPECT_EQ(deep.state("sm0", State::busy), 2u + 6 + 2);
}

}  // namespace
}  // namespace triad::gpu
