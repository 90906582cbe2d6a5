#include "models/memory/cache/parameters.hpp"

#include <gtest/gtest.h>

#include <bitset>
#include <random>
#include <set>

#include "models/memory/cache/byte_mask.hpp"
#include "models/memory/cache/set_index.hpp"

namespace triad::memory::cache {
namespace {

constexpr const char* l2 =
    "{size: 96 KiB, line: 128 B, sector: 32 B, ways: 24, hash: xor, replacement: lru, write: back,"
    " write_allocate: true, partial_write: mask, banks: 2, bank_width: 32 B, ports: 2, tag_latency: 10,"
    " data_latency: 80, fill_latency: 4, mshrs: {entries: 192, merges: 4},"
    " queues: {replies: 16, misses: 32, writebacks: 16, writes: 8}}";

TEST(CacheParameters, AreRead) {
  const config::Node node = config::parse(l2);
  const Parameters p = Parameters::read(node);
  node.reject_unread();
  EXPECT_EQ(p.sets(), 32u);
  EXPECT_EQ(p.sectors(), 4);
  EXPECT_EQ(p.hit_latency(), 90u);
  EXPECT_EQ(p.tag_bytes(), 6u);  // 48 - 7 (line) - 5 (set) + 8 (sectors) = 44 bits
  EXPECT_EQ(p.partial_write, PartialWrite::mask);
  EXPECT_EQ(p.bank_width, 32u);
  EXPECT_EQ(p.writeback_queue, 16);
  const auto rows = p.describe("L2");
  EXPECT_EQ(rows.at(0).first, "L2 size");
  EXPECT_EQ(rows.at(0).second, "96 KiB, 32 sets x 24 ways x 128 B, sectors of 32 B");
  EXPECT_EQ(rows.at(2).second, "write-back, parts of sectors kept with a byte mask");
  EXPECT_EQ(rows.at(4).second, "hit 90 cycles (tag 10, data 80), fill to reply 4");
}

/// Each of these is one error that names the key and what would be right.
TEST(CacheParameters, WrongOnesAreNamed) {
  const std::vector<std::array<std::string, 2>> cases = {
      {"line=96 B", "line: must be a power of two from 8 to 256 B"},
      {"line=512 B", "line: must be a power of two from 8 to 256 B"},
      {"sector=256 B", "sector: must be a power of two from 4 to 128 B"},
      {"size=100 KiB", "size: must be a multiple of ways x line, 3072 B"},
      {"size=3 GiB", "size: must be at most 2 GiB"},
      {"ways=0", "ways"},
      {"hash=prime", "hash"},
      {"replacement=random", "replacement"},
      {"write=both", "write"},
      {"partial_write=stall", "partial_write"},
      {"banks=3", "banks: must divide the number of sets, 32"},
      {"bank_width=48 B", "bank_width: must be a multiple of a sector, 32 B"},
      {"tag_latency=0", "tag_latency"},
      {"fill_latency=91", "fill_latency: must not be longer than a hit takes, 90 cycles"},
      {"mshrs.entries=0", "mshrs.entries"},
      {"queues.replies=0", "queues.replies"},
  };
  for (const auto& [override_, message] : cases) {
    try {
      Parameters::read(config::parse(l2, "cache.yaml", {override_}));
      ADD_FAILURE() << "no error for " << override_;
    } catch (const config::Error& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  }
}

/// A mask that is kept only by a cache that allocates on writes is not asked for by others.
TEST(CacheParameters, AKeyThatMeansNothingIsRefused) {
  const config::Node node = config::parse(l2, "cache.yaml", {"write_allocate=false"});
  Parameters::read(node);
  EXPECT_THROW(node.reject_unread(), config::UnknownKey);
}

TEST(SetIndex, IsAPermutationOfAnAlignedBlock) {
  for (const std::uint64_t sets : {1, 2, 16, 256}) {
    for (const std::uint64_t block : {0ull, 1ull, 12345ull, 1ull << 30}) {
      std::set<std::uint64_t> seen;
      for (std::uint64_t i = 0; i < sets; ++i) seen.insert(set_index(block * sets + i, sets, true));
      EXPECT_EQ(seen.size(), sets);
      EXPECT_LT(*seen.rbegin(), sets);
    }
  }
}

/// Of a block of 2^n lines each of `sets` sets gets one or two.
TEST(SetIndex, SpreadsOverAnyNumberOfSets) {
  for (const std::uint64_t sets : {3, 5, 48, 100}) {
    const std::uint64_t lines = std::bit_ceil(sets);
    for (const std::uint64_t block : {0ull, 1ull, 777ull, 1ull << 33}) {
      std::vector<int> uses(sets);
      for (std::uint64_t i = 0; i < lines; ++i) ++uses[set_index(block * lines + i, sets, true)];
      for (const int n : uses) EXPECT_TRUE(n == 1 || n == 2) << sets << " sets, block " << block;
    }
  }
}

/// Lines 2^k apart, for every k: 256 of them use 256 sets nearly evenly (plain modulo puts them into 2^(8 - k)).
TEST(SetIndex, SpreadsPowersOfTwo) {
  for (int shift = 0; shift < 24; ++shift) {
    std::vector<int> uses(256);
    for (std::uint64_t i = 0; i < 256; ++i) ++uses[set_index(i << shift, 256, true)];
    EXPECT_EQ(*std::max_element(uses.begin(), uses.end()), 1) << "stride 2^" << shift;
  }
}

TEST(ByteMask, AgreesWithABitset) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    ByteMask mask;
    std::bitset<256> truth;
    for (int i = 0; i < 12; ++i) {
      const std::uint64_t begin = random() % 256, end = begin + 1 + random() % (256 - begin);
      const bool set = random() % 3 != 0;
      set ? mask.set(begin, end) : mask.clear(begin, end);
      for (std::uint64_t b = begin; b < end; ++b) truth[b] = set;
      const std::uint64_t from = random() % 256, to = from + 1 + random() % (256 - from);
      bool all = true;
      for (std::uint64_t b = from; b < to; ++b) all = all && truth[b];
      EXPECT_EQ(mask.covers(from, to), all);
    }
    EXPECT_EQ(mask.any(), truth.any());
    std::bitset<256> walked;
    while (mask.any()) {
      const std::uint64_t begin = mask.first(), end = mask.end_of_run(begin);
      ASSERT_LT(begin, end);
      EXPECT_TRUE(end == 256 || !truth[end]);
      for (std::uint64_t b = begin; b < end; ++b) walked[b] = true;
      mask.clear(begin, end);
    }
    EXPECT_EQ(walked, truth);
  }
}

}  // namespace
}  // namespace triad::memory::cache
