#include <gtest/gtest.h>

#include <cmath>
#include <list>
#include <random>

#include "harness.hpp"

/// Misses against closed forms, and access by access against a cache in thirty lines.
namespace triad::memory::cache {
namespace {

/// `sets` sets of 4 ways of 128 B lines in 4 sectors.
Parameters with_sets(std::uint64_t sets, bool hashed) {
  Parameters p = small();
  p.size = sets * 512;
  p.hashed = hashed;
  return p;
}

/// Words of 4 B in order: of the 32 of a line the first misses the line, every eighth a sector.
TEST(MissRates, AStreamMissesEachSectorOnce) {
  Bench bench(with_sets(16, true), 1);
  constexpr std::uint64_t lines = 200;
  for (std::uint64_t word = 0; word < lines * 32; ++word) bench.access(word * 4, 4);
  const Counters& c = bench.cache.counters();
  EXPECT_EQ(c[Event::miss], lines);
  EXPECT_EQ(c[Event::sector_miss], lines * 3);
  EXPECT_EQ(c[Event::hit], lines * 28);
  EXPECT_EQ(c[Event::fetch], lines * 4);
  EXPECT_EQ(c[Event::eviction], lines - 64);
}

/// An aligned range of exactly the cache's size misses once, in any order of sets: the hash is a permutation of it.
TEST(MissRates, WhatFitsMissesOnce) {
  for (const bool hashed : {false, true}) {
    for (const std::uint64_t base : {0ull, 64 * 128ull * 7, 1ull << 40}) {
      Bench bench(with_sets(16, hashed), 1);
      for (int pass = 0; pass < 4; ++pass) {
        for (std::uint64_t line = 0; line < 64; ++line) bench.access(base + line * 128, 128);
      }
      EXPECT_EQ(bench.cache.counters()[Event::miss], 64u);
      EXPECT_EQ(bench.cache.counters()[Event::hit], 64u * 3);
      EXPECT_EQ(bench.cache.counters()[Event::eviction], 0u);
    }
  }
}

/// One line more in every set than it has ways, round and round: LRU (and FIFO) always drops the next.
TEST(MissRates, LruThrashesOnACycle) {
  for (const Replacement replacement : {Replacement::lru, Replacement::fifo}) {
    Parameters p = with_sets(8, false);
    p.replacement = replacement;
    Bench bench(p, 1);
    for (int pass = 0; pass < 5; ++pass) {
      for (std::uint64_t line = 0; line < 40; ++line) bench.access(line * 128, 32);
    }
    EXPECT_EQ(bench.cache.counters()[Event::hit], 0u);
    EXPECT_EQ(bench.cache.counters()[Event::miss], 200u);
  }
}

/// Lines 2^k sets apart fall into one set without the hash, into all of them with it.
TEST(MissRates, TheHashSpreadsStrides) {
  for (const bool hashed : {false, true}) {
    Bench bench(with_sets(16, hashed), 1);
    for (int pass = 0; pass < 3; ++pass) {
      for (std::uint64_t i = 0; i < 16; ++i) bench.access(i * 16 * 128, 32);
    }
    EXPECT_EQ(bench.cache.counters()[Event::miss], hashed ? 16u : 48u);
  }
}

/// Uniformly random lines out of M, C of which the cache holds: C / M hit, whatever is replaced (each set holds 4 of
/// its M / sets lines, all equally likely).
TEST(MissRates, UniformlyRandomLines) {
  for (const Replacement replacement : {Replacement::lru, Replacement::fifo}) {
    Parameters p = with_sets(12, false);
    p.replacement = replacement;
    Bench bench(p, 1);
    std::mt19937 random(1);
    constexpr std::uint64_t lines = 12 * 16, warm = 2000, accesses = 40'000;
    std::uint64_t hits = 0;
    for (std::uint64_t i = 0; i < warm + accesses; ++i) {
      const Event event = bench.access(random() % lines * 128, 32);
      hits += i >= warm && event == Event::hit;
    }
    // A quarter, within four standard deviations of so many draws.
    EXPECT_NEAR(static_cast<double>(hits) / accesses, 0.25, 4 * std::sqrt(0.25 * 0.75 / accesses));
  }
}

/// A cache as a textbook has it: sets as lists of lines, the next to leave at the back.
class Textbook {
 public:
  explicit Textbook(const Parameters& p) : p_(p), sets_(p.sets()) {}
  std::uint64_t writebacks = 0;

  Event access(std::uint64_t address, std::uint32_t bytes, bool write) {
    const std::uint64_t number = address / p_.line;
    std::list<Line>& set = sets_[set_of(number)];
    auto line = std::find_if(set.begin(), set.end(), [&](const Line& l) { return l.number == number; });
    const bool found = line != set.end();
    const bool keeps = !write || p_.write_allocate;
    if (!found && !keeps) return Event::miss;
    if (!found) {
      if (set.size() == static_cast<std::size_t>(p_.ways)) {
        writebacks += set.back().dirty;
        set.pop_back();
      }
      set.push_front({number, std::vector<bool>(p_.line / p_.sector), false});
      line = set.begin();
    } else if (p_.replacement == Replacement::lru) {
      set.splice(set.begin(), set, line);
    }
    bool all = true;
    for (std::uint64_t s = address % p_.line / p_.sector; s <= (address % p_.line + bytes - 1) / p_.sector; ++s) {
      all = all && line->sectors[s];
      if (keeps) line->sectors[s] = true;
    }
    if (write && p_.write == WritePolicy::back && (keeps || all)) line->dirty = true;
    return !found ? Event::miss : all ? Event::hit : Event::sector_miss;
  }

 private:
  struct Line {
    std::uint64_t number;
    std::vector<bool> sectors;
    bool dirty;
  };
  std::uint64_t set_of(std::uint64_t number) const {
    if (!p_.hashed) return number % sets_.size();
    // Bit i of the hash: the parity of bits i, i + n, i + 2n ... of the number; above the index, sums from there on.
    const auto bits =
        static_cast<std::uint64_t>(std::max(1.0, std::ceil(std::log2(static_cast<double>(sets_.size())))));
    std::uint64_t hash = 0;
    for (std::uint64_t i = 0; i < 64; ++i) {
      std::uint64_t parity = 0;
      for (std::uint64_t j = i; j < 64; j += bits) parity ^= number >> j & 1;
      hash |= parity << i;
    }
    return hash % sets_.size();
  }
  Parameters p_;
  std::vector<std::list<Line>> sets_;
};

TEST(MissRates, AreThoseOfATextbookCache) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    Parameters p = with_sets(1 + random() % 13, random() % 2 == 0);
    p.ways = static_cast<int>(1 + random() % 5);
    p.line = 64u << random() % 3;
    p.sector = p.line >> random() % 3;
    p.size = (1 + random() % 13) * p.line * static_cast<std::uint64_t>(p.ways);
    p.replacement = random() % 2 == 0 ? Replacement::lru : Replacement::fifo;
    p.write = random() % 2 == 0 ? WritePolicy::back : WritePolicy::through;
    p.write_allocate = random() % 3 != 0;
    Bench bench(p, 1);
    Textbook textbook(p);
    const std::uint64_t lines = 1 + random() % (3 * p.size / p.line);
    for (int i = 0; i < 600; ++i) {
      std::uint64_t address = random() % (lines * p.line), bytes = 1 + random() % (p.line - address % p.line);
      if (random() % 4 == 0) address += 5ull << 30;
      const bool write = random() % 3 == 0;
      EXPECT_EQ(bench.access(address, static_cast<std::uint32_t>(bytes), write),
                textbook.access(address, static_cast<std::uint32_t>(bytes), write))
          << "round " << round << ", access " << i;
      EXPECT_EQ(bench.cache.counters()[Event::writeback], textbook.writebacks);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace triad::memory::cache
