#include "models/memory/scratchpad/banks.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <set>

namespace triad::memory::scratchpad {
namespace {

/// 32 banks of 4-byte words that take turns word by word, 128 bytes wide.
Parameters parameters(int read, int write, int shared) {
  Parameters p;
  p.bytes = 1 << 16;
  p.banks = 32;
  p.width_bytes = 128;
  p.read_ports = read;
  p.write_ports = write;
  p.shared_ports = shared;
  p.latency_cycles = 3;
  return p;
}

/// Cycles of 32 lanes of 4 bytes, `stride` bytes apart, alone.
Cycle alone(const Parameters& p, std::int64_t stride, std::size_t lanes = 32, std::uint64_t bytes = 4) {
  Banks banks(p);
  const Service service = banks.serve(4096, stride, lanes, bytes, false, 100);
  EXPECT_EQ(service.begin, 100u);
  EXPECT_EQ(service.ready, service.end - 1 + 3);
  return service.end - service.begin;
}

TEST(Banks, WordsInOrderDoNotConflict) {
  EXPECT_EQ(alone(parameters(0, 0, 1), 4), 1u);
  EXPECT_EQ(alone(parameters(0, 0, 1), -4), 1u);
}

TEST(Banks, AStrideMeetsEveryBankThatItsGreatestCommonDivisorLeaves) {
  for (std::int64_t words = 1; words <= 70; ++words) {
    // 32 / gcd banks take part, each has 32 / (32 / gcd) = gcd words to deliver.
    EXPECT_EQ(alone(parameters(0, 0, 1), 4 * words), static_cast<Cycle>(std::gcd(words, 32))) << words;
    EXPECT_EQ(alone(parameters(0, 0, 2), 4 * words), static_cast<Cycle>((std::gcd(words, 32) + 1) / 2)) << words;
  }
}

TEST(Banks, NotAPowerOfTwo) {
  Parameters p = parameters(0, 0, 1);
  p.banks = 7;
  p.bytes = 7 * 4 * 100;
  EXPECT_EQ(alone(p, 4), 5u);        // 32 words in 7 banks: ceil(32 / 7)
  EXPECT_EQ(alone(p, 4 * 14), 32u);  // all in one
  EXPECT_EQ(alone(p, 4 * 3), 5u);    // 3 and 7 have no common divisor
}

TEST(Banks, AWordForSeveralLanesIsServedOnce) {
  EXPECT_EQ(alone(parameters(0, 0, 1), 0), 1u);
  EXPECT_EQ(alone(parameters(0, 0, 1), 1, 32, 1), 1u);  // 8 words
  EXPECT_EQ(alone(parameters(0, 0, 1), 2, 32, 2), 1u);  // 16 words
  Banks banks(parameters(0, 0, 1));
  const std::vector<std::uint64_t> lanes = {0, 128, 0, 256, 128, Banks::no_lane};
  const Service service = banks.serve(lanes, 4, true, 0);
  EXPECT_EQ(service.end, 3u);  // words 0, 32 and 64 of bank 0
  EXPECT_EQ(service.words, 3u);
  EXPECT_EQ(service.conflicts, 2u);
}

TEST(Banks, WideLanesGoInParts) {
  EXPECT_EQ(alone(parameters(0, 0, 1), 8, 32, 8), 2u);    // 16 lanes of 2 words a part
  EXPECT_EQ(alone(parameters(0, 0, 1), 16, 32, 16), 4u);  // 8 lanes of 4
  // Stride of 4 words, lanes of 2: a part of 16 lanes names words 4 l, 4 l + 1: 16 banks, 2 words each.
  EXPECT_EQ(alone(parameters(0, 0, 1), 16, 32, 8), 4u);
  Banks banks(parameters(0, 0, 1));
  EXPECT_THROW(banks.serve(0, 256, 2, 256, false, 0), std::logic_error);
  EXPECT_THROW(banks.serve(0, 6, 2, 6, false, 0), std::logic_error);
}

TEST(Banks, LongerInterleave) {
  Parameters p = parameters(0, 0, 1);
  p.interleave_bytes = 16;            // four words of a bank, then the next
  EXPECT_EQ(alone(p, 4), 4u);         // 32 words in 8 banks
  EXPECT_EQ(alone(p, 16), 1u);        // one in each
  EXPECT_EQ(alone(p, 16 * 32), 32u);  // all in one
}

TEST(Banks, APortServesOneAccessAfterTheOther) {
  Banks banks(parameters(0, 0, 1));
  EXPECT_EQ(banks.serve(0, 8, 32, 4, false, 10).end, 12u);  // even banks: two words each
  EXPECT_EQ(banks.free(0, false), 12u);
  EXPECT_EQ(banks.free(1, false), 0u);
  EXPECT_EQ(banks.serve(4, 8, 32, 4, false, 10).end, 12u);    // odd banks: at the same time
  const Service third = banks.serve(0, 4, 32, 4, false, 11);  // all banks are free in 12
  EXPECT_EQ(third.begin, 12u);
  EXPECT_EQ(third.end, 13u);
  EXPECT_EQ(third.conflicts, 0u);
}

TEST(Banks, TwoPortsServeTwoWords) {
  Banks banks(parameters(0, 0, 2));
  EXPECT_EQ(banks.serve(0, 4, 32, 4, false, 5).end, 6u);
  EXPECT_EQ(banks.serve(0, 4, 32, 4, true, 5).end, 6u);
  EXPECT_EQ(banks.serve(0, 4, 32, 4, true, 5).end, 7u);  // the third waits
}

TEST(Banks, APortToReadAndOneToWrite) {
  Banks banks(parameters(1, 1, 0));
  EXPECT_EQ(banks.serve(0, 4, 32, 4, false, 5).end, 6u);
  EXPECT_EQ(banks.serve(0, 4, 32, 4, true, 5).end, 6u);
  EXPECT_EQ(banks.serve(0, 4, 32, 4, true, 5).end, 7u);   // the second write waits
  EXPECT_EQ(banks.serve(0, 4, 32, 4, false, 5).end, 7u);  // and the second read
  Banks mixed(parameters(1, 0, 1));
  EXPECT_EQ(mixed.serve(0, 4, 32, 4, false, 5).end, 6u);  // by its own port
  EXPECT_EQ(mixed.serve(0, 4, 32, 4, true, 5).end, 6u);   // by the shared one
  EXPECT_EQ(mixed.serve(0, 4, 32, 4, true, 5).end, 7u);
  EXPECT_EQ(mixed.serve(0, 4, 32, 4, false, 5).end, 7u);
}

TEST(Banks, NoLanesTakeNoTime) {
  Banks banks(parameters(0, 0, 1));
  const std::vector<std::uint64_t> lanes(32, Banks::no_lane);
  const Service service = banks.serve(lanes, 4, false, 5);
  EXPECT_EQ(service.begin, 5u);
  EXPECT_EQ(service.end, 5u);
  EXPECT_EQ(service.words, 0u);
}

/// Random accesses to random memories, each against the words counted by bank in a map; one after the other, they take
/// the sum.
TEST(Banks, RandomAccessesTakeWhatTheirBusiestBankTakes) {
  std::mt19937 engine(3);
  const auto up_to = [&](std::uint32_t most) { return 1 + engine() % most; };
  for (int round = 0; round < 3000; ++round) {
    Parameters p;
    p.word_bytes = 1u << engine() % 4;
    p.banks = up_to(70);
    p.interleave_bytes = p.word_bytes * up_to(5);
    p.width_bytes = p.word_bytes * up_to(80);
    p.shared_ports = static_cast<int>(up_to(3));
    Banks banks(p);
    Cycle now = 0;
    for (int access = 0; access < 4; ++access) {
      const std::uint64_t bytes = p.word_bytes >> engine() % 3 | (p.word_bytes >> 2 == 0 ? 1u : 0u);
      if (p.word_bytes % bytes != 0) continue;
      std::vector<std::uint64_t> lanes(up_to(70));
      const std::uint32_t span = up_to(4000);
      for (std::uint64_t& lane : lanes) lane = engine() % 5 == 0 ? Banks::no_lane : engine() % span;
      const std::size_t part = p.width_bytes / p.word_bytes;
      Cycle cycles = 0;
      for (std::size_t first = 0; first < lanes.size(); first += part) {
        std::map<std::uint64_t, std::set<std::uint64_t>> words;
        for (std::size_t l = first; l < std::min(first + part, lanes.size()); ++l) {
          if (lanes[l] == Banks::no_lane) continue;
          for (std::uint64_t b = lanes[l]; b < lanes[l] + bytes; ++b) {
            words[b / p.interleave_bytes % p.banks].insert(b / p.word_bytes);
          }
        }
        std::size_t most = 0;
        for (const auto& [bank, its] : words) most = std::max(most, its.size());
        const auto ports = static_cast<std::size_t>(p.shared_ports);
        cycles += (most + ports - 1) / ports;
      }
      const Service service = banks.serve(lanes, bytes, engine() % 2 == 0, now);
      ASSERT_EQ(service.end - now, cycles) << round;
      now = service.end;
    }
  }
}

std::string error_of(const std::string& override_) {
  try {
    Parameters::read(
        config::parse("{size: 64 KiB, banks: 32, word: 4 B, interleave: 4 B, width: 128 B, latency: 2,"
                      " queue: 4, ports: {read: 1, write: 1}}",
                      "x.yaml", {override_}));
  } catch (const config::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ScratchpadParameters, BadOnesAreNamed) {
  EXPECT_EQ(error_of("latency=2"), "no error");
  EXPECT_EQ(error_of("word=12 B"), "--set device.word=12 B: word: must be a power of two up to 4 KiB");
  EXPECT_NE(error_of("interleave=6 B").find("whole words of 4 B"), std::string::npos);
  EXPECT_NE(error_of("size=100 B").find("32 banks x 4 B"), std::string::npos);
  EXPECT_NE(error_of("width=2 KiB").find("1 to 256 words"), std::string::npos);
  EXPECT_NE(error_of("ports={read: 1}").find("one to write"), std::string::npos);
}

}  // namespace
}  // namespace triad::memory::scratchpad
