#include "models/memory/study/source.hpp"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace triad::memory::study {
namespace {

constexpr std::uint64_t gib = 1u << 30;

std::vector<Access> all(Source& source) {
  std::vector<Access> list;
  while (const auto access = source.next()) list.push_back(*access);
  return list;
}

std::vector<Access> pattern(const device::Traffic& traffic, std::uint64_t capacity = gib) {
  Pattern source(traffic, capacity);
  return all(source);
}

/// The requests of a trace.
std::vector<Access> trace(const std::string& text, device::Traffic traffic = {}, std::uint64_t capacity = gib) {
  std::istringstream stream(text);
  traffic.trace = &stream;
  traffic.trace_name = "t.txt";
  const auto source = make_source(traffic, capacity);
  return all(*source);
}

/// What is wrong with it.
std::string refusal(const std::string& text, const device::Traffic& traffic = {}) {
  try {
    trace(text, traffic);
  } catch (const config::Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Pattern, Sequential) {
  device::Traffic traffic;
  traffic.requests = 5;
  traffic.bytes = 96;
  const auto list = pattern(traffic, 4 * 96 + 10);
  ASSERT_EQ(list.size(), 5u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(list[i].address, 96 * i);
  EXPECT_EQ(list[4].address, 0u);  // the last ten bytes hold no whole request
  EXPECT_FALSE(list[0].write || list[0].cycle);
}

TEST(Pattern, Strided) {
  device::Traffic traffic;
  traffic.pattern = device::Traffic::Pattern::strided;
  traffic.requests = 6;
  traffic.stride = 8192;
  traffic.interval = 7;
  const auto list = pattern(traffic, 4 * 8192);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(list[i].address, 8192 * (i % 4));
    EXPECT_EQ(list[i].cycle, 7 * i);
  }
}

TEST(Pattern, RandomIsUniformAlignedAndTheSameEverywhere) {
  device::Traffic traffic;
  traffic.pattern = device::Traffic::Pattern::random;
  traffic.requests = 160'000;
  traffic.reads = 2;
  traffic.writes = 1;
  const auto list = pattern(traffic);
  std::map<std::uint64_t, int> sixteenths;
  int writes = 0;
  for (const Access& access : list) {
    EXPECT_EQ(access.address % 64, 0u);
    ASSERT_LT(access.address, gib);
    ++sixteenths[access.address / (gib / 16)];
    writes += access.write;
  }
  // 10,000 of each, standard deviation 97: five of them.
  for (const auto& [part, n] : sixteenths) EXPECT_NEAR(n, 10'000, 485) << part;
  EXPECT_EQ(sixteenths.size(), 16u);
  EXPECT_NEAR(writes, 160'000 / 3, 945);  // deviation 189
  // mt19937_64(1), first number 2469588189546311528: * 2^24 slots >> 64 = 2246085, * 64.
  EXPECT_EQ(list[0].address, (2469588189546311528ull >> 40) * 64);
  traffic.seed = 2;
  EXPECT_NE(pattern(traffic)[0].address, list[0].address);
}

TEST(Pattern, OnlyWrites) {
  device::Traffic traffic;
  traffic.requests = 3;
  traffic.reads = 0;
  traffic.writes = 2;
  for (const Access& access : pattern(traffic)) EXPECT_TRUE(access.write);
}

TEST(Trace, FormatsOfOtherSimulators) {
  const auto is = [](const std::string& line, std::uint64_t address, bool write, std::optional<Cycle> cycle) {
    const auto access = parse_line(line, "t", 1);
    ASSERT_TRUE(access) << line;
    EXPECT_EQ(access->address, address) << line;
    EXPECT_EQ(access->write, write) << line;
    EXPECT_EQ(access->cycle, cycle) << line;
  };
  is("0x12345680 R", 0x12345680, false, {});  // Ramulator 1
  is("20734016 W", 20734016, true, {});
  is("0X1f40 W 12", 0x1f40, true, 12);
  is("  0x1F40\tw  12 # note", 0x1f40, true, 12);
  is("0x1f40 READ 0\r", 0x1f40, false, 0);  // DRAMsim3
  is("0x1f40 WRITE 18446744073709551615", 0x1f40, true, ~std::uint64_t{0});
  is("0x1f40 P_MEM_RD 3", 0x1f40, false, 3);
  is("0x1f40 P_FETCH 3", 0x1f40, false, 3);
  is("0x1f40 P_MEM_WR 3", 0x1f40, true, 3);
  is("0x1f40 BOFF 3", 0x1f40, true, 3);
  is("LD 0x1f40", 0x1f40, false, {});  // Ramulator 2
  is("ST 8000", 8000, true, {});
  is("R 8000 5", 8000, false, 5);
  is("31: read 0x400140", 0x400140, false, 31);  // DRAMSys
  is("31:\twrite\t0x400140", 0x400140, true, 31);
  EXPECT_FALSE(parse_line("", "t", 1));
  EXPECT_FALSE(parse_line("   # 0x40 R", "t", 1));
  const Access access{0x1f40, true, 12};
  is(line_of(access).substr(0, line_of(access).size() - 1), 0x1f40, true, 12);
}

TEST(Trace, MistakesNameTheirPlace) {
  EXPECT_EQ(refusal("0x0 R\n0x40 Q\n"), "t.txt:2:6: expected R or W, found 'Q'");
  EXPECT_EQ(refusal("zero R"), "t.txt:1:1: expected an address, such as 0x1f40 or 8000, found 'zero'");
  EXPECT_EQ(refusal("deadbeef R"), "t.txt:1:1: expected an address, such as 0x1f40 or 8000, found 'deadbeef'");
  EXPECT_EQ(refusal("R 0,0,1,2,3,4"),
            "t.txt:1:3: expected an address, such as 0x1f40 or 8000, found '0,0,1,2,3,4'");  // banks, not addresses
  EXPECT_EQ(refusal("0x40"), "t.txt:1:5: expected ADDRESS R|W [CYCLE]; the line ends here");
  EXPECT_EQ(refusal("31: read"), "t.txt:1:9: expected ADDRESS R|W [CYCLE]; the line ends here");
  EXPECT_EQ(refusal("0x40 R soon"), "t.txt:1:8: expected a cycle, a whole number, found 'soon'");
  EXPECT_EQ(refusal("0x40 R 1.5"), "t.txt:1:8: expected a cycle, a whole number, found '1.5'");
  EXPECT_EQ(refusal("0x40 R -1"), "t.txt:1:8: expected a cycle, a whole number, found '-1'");
  EXPECT_EQ(refusal("0x40 R 1 2"), "t.txt:1:10: '2' is one word too many");
  EXPECT_EQ(refusal("0x10000000000000000 R"), "t.txt:1:1: '0x10000000000000000' is more than 64 bits");
  EXPECT_EQ(refusal("\n\n\x01\x02 R"), "t.txt:3:1: expected an address, such as 0x1f40 or 8000, found '\?\?'");
  EXPECT_EQ(refusal(std::string(5000, 'x')), "t.txt:1:1001: expected ADDRESS R|W [CYCLE]; the line has no end");
  EXPECT_EQ(refusal(""), "t.txt: holds no request; expected lines such as 0x1f40 R");
  EXPECT_EQ(refusal("# nothing\n"), "t.txt: holds no request; expected lines such as 0x1f40 R");
}

TEST(Trace, CyclesGoUpAndStandInEveryLineOrInNone) {
  EXPECT_EQ(refusal("0 R 5\n64 R 4\n"), "t.txt:2:1: cycle 4 is before that of the request above, 5");
  EXPECT_EQ(refusal("0 R 5\n64 R\n"), "t.txt:2:1: has no cycle, line 1 has one; expected one in every line or in none");
  EXPECT_EQ(refusal("\n0 R\n64 R 5\n"),
            "t.txt:3:1: has a cycle, line 2 has none; expected one in every line or in none");
  device::Traffic spaced;
  spaced.interval = 10;
  EXPECT_EQ(refusal("0 R 5\n", spaced), "t.txt:1:1: has a cycle; with --interval the trace can have none");
  const auto list = trace("0 R\n64 R\n", spaced);
  EXPECT_EQ(list[1].cycle, 10u);
}

TEST(Trace, AddressesBeyondTheCapacity) {
  EXPECT_EQ(refusal("0x3fffffc1 R"),
            "t.txt:1:1: 64 B at 0x3fffffc1 lie beyond the memory, which has 0x40000000 B; --wrap folds addresses into "
            "it");
  device::Traffic wrap;
  wrap.wrap = true;
  EXPECT_EQ(trace("0x7fffffc1 R", wrap)[0].address, 0x3fffffc1u);
  EXPECT_EQ(trace("0x3fffffc0 R")[0].address, 0x3fffffc0u);
}

TEST(Trace, NoMoreThanWereAskedFor) {
  device::Traffic two;
  two.requests = 2;
  EXPECT_EQ(trace("0 R\n64 R\nwrong, but never read\n", two).size(), 2u);
  EXPECT_EQ(trace("0 R\n64 W").size(), 2u);  // without a last newline
}

TEST(Source, RequestsThatFit) {
  device::Traffic traffic;
  traffic.bytes = 2 * gib;
  EXPECT_THROW(make_source(traffic, gib), config::Error);
  traffic.bytes = 0;
  EXPECT_THROW(make_source(traffic, gib), config::Error);
}

}  // namespace
}  // namespace triad::memory::study
