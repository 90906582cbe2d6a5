#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "../sm/chip.hpp"
#include "sim/device/device.hpp"

/// The way to memory through crossbars and L2 slices, to the cycle.
namespace triad::gpu {
namespace {

/// Two slices of 4 lines; hits take 2 + 3 cycles, the crossbars 5; flits hold a header and a sector.
L2Parameters small_l2(int sms) {
  return L2Parameters::read(
      config::parse(
          "slices: 2\n"
          "slice: {size: 512 B, line: 128 B, sector: 32 B, ways: 2, hash: none, replacement: lru, write: back,\n"
          "  write_allocate: true, partial_write: mask, banks: 1, bank_width: 128 B, ports: 1,\n"
          "  tag_latency: 2, data_latency: 3, fill_latency: 1, mshrs: {entries: 4, merges: 4},\n"
          "  queues: {replies: 4, misses: 4, writebacks: 2, writes: 1}}\n"
          "crossbar: {flit: 40 B, header: 8 B, largest_data: 128 B, latency: 5, queue: 8, output_queue: 8,\n"
          "  virtual_output_queues: true, arbitration: round_robin, wire_mm: 5}\n"
          "requests: 64"),
      sms);
}

Parameters chip_with_l2(int sms = 1) {
  Parameters p = small_chip();
  p.sms = sms;
  p.l2 = small_l2(sms);
  return p;
}

TEST(L2, AMissAndAHit) {
  Assembler a;
  a.mov(2, 64);
  a.mov(3, 0);
  a.load(Opcode::ldg, 4, 2, 1);
  waiting(a.load(Opcode::ldg, 5, 2, 1, 8), 2);
  waiting(a.add(Opcode::exit), 2);
  const Outcome r = run(chip_with_l2(), a.kernel());
  // MOVs at 0 and 4, LDG at 8, in the load-store unit at 9, leaves at 9 + 33/2 = 25. In the SM's link at 26, the
  // crossbar takes it at 27 and delivers at 32, the slice takes it at 33: a miss, fetched at 35; the port takes it at
  // 36, memory's clock at 37; 200 and a cycle for the sector: 238. The port answers at 239, the slice takes it at 240
  // and replies at 241; the crossbar takes one flit at 242 and delivers at 247; taken at 248, seen at 249, 17 later in
  // the register: the second LDG at 266. It leaves at 283, is delivered at 290, taken at 291, answered 5 later at 296,
  // delivered at 302, taken at 303, seen at 304: EXIT at 321.
  EXPECT_EQ(issue_cycles(r), 322u);
  EXPECT_EQ(r.read_bytes, 32u);
  EXPECT_EQ(r.unit("l2_slice0").actions.at("hits"), 1u);
  EXPECT_EQ(r.unit("l2_slice0").actions.at("misses"), 1u);
  EXPECT_EQ(r.unit("l2_requests").actions.at("flits"), 2u);
  EXPECT_EQ(r.unit("l2_replies").actions.at("flits"), 2u);
}

TEST(L2, ALineTakesAFlitASectorBack) {
  Assembler a;
  a.special(0, Special::laneid);
  a.mov(3, 0);
  waiting(a.shift_left(2, 0, 2), 1);
  a.load(Opcode::ldg, 4, 2, 1);
  waiting(a.add(Opcode::exit), 2);
  const Outcome r = run(chip_with_l2(), a.kernel());
  // As memory_test's LatencyOfAWarp: the LDG leaves at 44. Through the L2 it is taken by the slice at 52, by memory's
  // clock at 56; four sectors: 260, answered at 263. 8 + 128 bytes are 4 flits: taken at 264, delivered at 264 + 5 + 3
  // = 272, taken at 273, seen at 274, EXIT at 291.
  EXPECT_EQ(issue_cycles(r), 292u);
  EXPECT_EQ(r.unit("l2_replies").actions.at("flits"), 4u);
}

TEST(L2, AStoreIsDoneWhenTheSliceHasIt) {
  const Outcome r = run(chip_with_l2(), store_a_word());
  // STG at 12, leaves at 29: in the link at 30, one flit of 8 + 32 bytes is taken at 31 and delivered at 36, taken at
  // 37, answered at 42, taken at 43, delivered at 48, taken at 49, seen at 50, back at 67.
  EXPECT_EQ(issue_cycles(r), 68u);
  EXPECT_EQ(r.memory[0], 42u);
  EXPECT_EQ(r.written_bytes, 0u);  // it stays in the slice
}

/// A memory that takes everything and answers nothing.
struct Silent : memory::Backend {
  void submit(std::uint64_t, const memory::Request&, kit::Time) override { ++taken; }
  void advance(kit::Time, std::vector<memory::Finished>&) override {}
  kit::Time next() const override { return ~kit::Time{0}; }
  void finish(kit::Time) override {}
  std::string waits_for() const override { return std::to_string(taken) + " not answered"; }
  int taken = 0;
};

TEST(L2, ADeadlockSaysWhoWaitsForWhom) {
  kit::begin_elaboration();
  const activity::Technology technology(config::load(config::presets() / "technology" / "7nm.yaml"));
  const Parameters p = chip_with_l2(2);
  activity::Recorder recorder(p.clock_hz, 1);
  memory::Memory silent("memory", p.memory, std::make_unique<Silent>());
  L2 l2("l2", kit::Clock(p.clock_hz), *p.l2, 2, silent, recorder, technology);
  EXPECT_EQ(l2.waits_for(), "");
  l2.send(1, {0, 32, 1, 0, false, {}, 0}, [](const memory::Completion&) { FAIL(); });
  try {
    kit::simulate({&l2, &silent}, l2.clock(), {}, [] { return false; });
    FAIL() << "no fault";
  } catch (const device::Fault& fault) {
    const std::string text = fault.what();
    for (const char* part : {"deadlock at cycle", "l2: 1 requests of SMs not answered, 0 packets not sent",
                             "l2_slice0: ", "l2_port0: 1 requests under way", "memory: 1 not answered"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << ", in:\n" << text;
    }
    EXPECT_EQ(text.find("l2_port1"), std::string::npos) << text;
  }
}

TEST(L2, EveryByteHasOnePlace) {
  std::mt19937_64 engine(7);
  for (const int slices : {1, 2, 3, 48, 64, 80}) {
    L2Parameters p = small_l2(1);
    p.slices = slices;
    std::map<std::pair<int, std::uint64_t>, std::uint64_t> seen;
    for (std::uint64_t line = 0; line < 20000; ++line) {
      const L2Parameters::Place place = p.place(128 * line + line % 128);
      ASSERT_TRUE(seen.emplace(std::pair{place.slice, place.address}, line).second);
      ASSERT_EQ(p.address(place), 128 * line + line % 128);
      ASSERT_LT(place.slice, slices);
    }
    for (int k = 0; k < 1000; ++k) {
      const std::uint64_t address = engine() >> 20;
      ASSERT_EQ(p.address(p.place(address)), address);
    }
  }
}

/// Lines at any stride up to a thousand meet more than half of the slices that they could.
TEST(L2, NoStrideFallsIntoFewSlices) {
  for (const int slices : {32, 64, 80}) {
    L2Parameters p = small_l2(1);
    p.slices = slices;
    for (std::uint64_t stride = 1; stride <= 1000; ++stride) {
      std::set<int> met;
      for (int k = 0; k < 4 * slices; ++k) met.insert(p.place(128 * stride * static_cast<std::uint64_t>(k)).slice);
      ASSERT_GT(met.size(), static_cast<std::size_t>(slices) / 2) << slices << " slices, stride " << stride;
    }
  }
}

/// Blocks on three SMs read and write overlapping places: the same values as without an L2, all requests answered.
TEST(L2, ValuesAreThoseWithoutIt) {
  Assembler a;
  a.special(0, Special::tid_x, 0);
  a.special(6, Special::ctaid_x, 0);
  a.mov(3, 0);
  waiting(a.shift_left(2, 0, 6), 1);  // a sector in two per thread
  a.shift_left(7, 6, 12);
  {
    Instruction& sum = a.add(Opcode::iadd3);
    sum.d = 2, sum.a = 2, sum.b_source = Source::reg, sum.b = 7;
    sum.control.stall = 4;
  }
  for (int k = 0; k < 4; ++k) a.load(Opcode::ldg, 8 + k, 2, 1, static_cast<std::uint32_t>(4 * k));
  for (int k = 0; k < 4; ++k) waiting(a.store(Opcode::stg, 2, 11 - k, static_cast<std::uint32_t>(16 + 4 * k)), 2);
  a.add(Opcode::exit);
  std::vector<std::uint32_t> memory(4096);
  for (std::uint32_t i = 0; i < memory.size(); ++i) memory[i] = 17 * i + 3;
  const Outcome r = run(chip_with_l2(3), a.kernel(), {3, 1, 1}, {64, 1, 1}, memory);
  for (std::uint32_t place = 0; place < 3 * 1024; place += 16) {
    for (std::uint32_t k = 0; k < 4; ++k) ASSERT_EQ(r.memory[place + 4 + k], memory[place + 3 - k]) << place;
  }
  EXPECT_EQ(r.read_bytes % 32, 0u);
  EXPECT_GT(r.written_bytes, 0u);  // slices of four lines write back
}

std::string error_of(const std::string& text) {
  try {
    L2Parameters::read(config::parse(text, "x.yaml"), 4);
  } catch (const config::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(L2Parameters, BadOnesAreNamed) {
  EXPECT_NE(error_of("slices: 0").find("slices"), std::string::npos);
  EXPECT_NE(error_of("slices: 2").find("slice"), std::string::npos);
  EXPECT_NE(
      error_of("slices: 2\n"
               "slice: {size: 512 B, line: 128 B, sector: 32 B, ways: 2, hash: none, replacement: lru, write: back,\n"
               "  write_allocate: true, partial_write: mask, banks: 1, bank_width: 128 B, ports: 1,\n"
               "  tag_latency: 2, data_latency: 3, fill_latency: 1, mshrs: {entries: 4, merges: 4},\n"
               "  queues: {replies: 4, misses: 4, writebacks: 2, writes: 1}}\n"
               "crossbar: {flit: 40 B, header: 8 B, largest_data: 64 B, latency: 5, queue: 8, output_queue: 8,\n"
               "  virtual_output_queues: true, arbitration: round_robin, wire_mm: 5}\n"
               "requests: 64")
          .find("must hold a line of the slices (128 B)"),
      std::string::npos);
}

}  // namespace
}  // namespace triad::gpu
