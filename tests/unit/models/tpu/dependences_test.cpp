#include "models/tpu/compiler/dependences.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace triad::tpu {

static bool operator==(const Wait& a, const Wait& b) {
  return a.unit == b.unit && a.count == b.count;
}

namespace {

using Access = Dependences::Access;
using Waits = std::vector<Wait>;

Access read(std::uint64_t begin, std::uint64_t end, Dependences::Space space = Dependences::Space::vmem) {
  return {space, begin, end, false};
}
Access write(std::uint64_t begin, std::uint64_t end, Dependences::Space space = Dependences::Space::vmem) {
  return {space, begin, end, true};
}

struct Program : Dependences {
  Program() : Dependences(4) {}
  Waits add(int unit, int op, const std::vector<Access>& accesses) { return Dependences::add(unit, op, accesses); }
};

TEST(Dependences, AReaderWaitsForTheWriter) {
  Program p;
  EXPECT_EQ(p.add(0, 0, {write(0, 64)}), Waits{});
  EXPECT_EQ(p.add(0, 0, {write(64, 128)}), Waits{});
  EXPECT_EQ(p.add(1, 1, {read(0, 64)}), (Waits{{0, 1}}));
  EXPECT_EQ(p.add(2, 1, {read(63, 65)}), (Waits{{0, 2}}));  // both halves: the later of the two instructions
  EXPECT_EQ(p.add(3, 1, {read(128, 999)}), Waits{});
  EXPECT_EQ(p.issued(0), 2u);
  EXPECT_EQ(p.issued(1), 1u);
}

TEST(Dependences, AWriterWaitsForReadersAndWriters) {
  Program p;
  p.add(0, 0, {write(0, 64)});
  p.add(1, 1, {read(0, 32)});
  p.add(2, 1, {read(32, 64)});
  EXPECT_EQ(p.add(3, 2, {write(16, 48)}), (Waits{{0, 1}, {1, 1}, {2, 1}}));
  EXPECT_EQ(p.add(3, 3, {write(0, 8)}), Waits{});          // unit 3 has waited for 0 and 1 before
  EXPECT_EQ(p.add(0, 4, {write(0, 4)}), (Waits{{3, 2}}));  // which has waited for the others
}

TEST(Dependences, WritesOfOneOpDoNotWaitForOneAnother) {
  Program p;
  EXPECT_EQ(p.add(0, 7, {write(0, 64)}), Waits{});
  EXPECT_EQ(p.add(1, 7, {write(0, 64)}), Waits{});
  // Everything that comes after them waits for both.
  EXPECT_EQ(p.add(2, 8, {read(0, 1)}), (Waits{{0, 1}, {1, 1}}));
  // Of the same op again: for who has read in between, too.
  EXPECT_EQ(p.add(0, 7, {write(0, 64)}), (Waits{{2, 1}}));
  EXPECT_EQ(p.add(3, 9, {write(0, 64)}), (Waits{{0, 2}, {1, 1}, {2, 1}}));
}

/// The second writer of an op is not ordered behind the first: it must wait itself for what was there before.
TEST(Dependences, EveryWriterOfAnOpWaitsForTheOpBefore) {
  Program p;
  p.add(0, 0, {write(0, 64)});
  p.add(1, 1, {read(0, 64)});
  EXPECT_EQ(p.add(2, 2, {write(0, 64)}), (Waits{{0, 1}, {1, 1}}));
  EXPECT_EQ(p.add(3, 2, {write(0, 64)}), (Waits{{0, 1}, {1, 1}}));
}

TEST(Dependences, AUnitWaitsForItsOwnResultsButNotForItself) {
  Program p;
  EXPECT_EQ(p.add(0, 0, {read(0, 8), write(0, 8)}), Waits{});
  EXPECT_EQ(p.add(0, 1, {read(0, 8), write(8, 16)}), (Waits{{0, 1}}));
}

TEST(Dependences, TheTwoMemoriesAreApart) {
  Program p;
  p.add(0, 0, {write(0, 64, Dependences::Space::memory)});
  EXPECT_EQ(p.add(1, 1, {read(0, 64)}), Waits{});
  EXPECT_EQ(p.add(1, 1, {read(0, 64, Dependences::Space::memory)}), (Waits{{0, 1}}));
}

TEST(Dependences, EmptyRangesNeedNothing) {
  Program p;
  p.add(0, 0, {write(0, 64)});
  EXPECT_EQ(p.add(1, 1, {read(32, 32)}), Waits{});
}

/// Random programs against the definition, byte by byte: an instruction is issued only after every instruction has
/// completed that it conflicts with: one of another op of which one writes what the other one touches, or one of its
/// own op of which one writes what the other one reads.
TEST(Dependences, RandomProgramsAreCovered) {
  using Counts = std::array<std::uint64_t, 4>;  // instructions of each unit
  struct Past {
    int unit, op;
    std::uint64_t number;
    std::vector<Access> accesses;
  };
  std::mt19937 engine(9);
  for (int round = 0; round < 200; ++round) {
    Program p;
    std::vector<Past> past;
    std::array<Counts, 4> issued{};                // what is certain when the unit's last instruction is issued
    std::array<std::vector<Counts>, 4> completed;  // what is certain when its instructions are complete
    const auto raise = [](Counts& to, const Counts& by) {
      for (std::size_t u = 0; u < to.size(); ++u) to[u] = std::max(to[u], by[u]);
    };
    for (int i = 0; i < 60; ++i) {
      Past now{static_cast<int>(engine() % 4), i / 4, 0, {}};
      const std::uint32_t count = 1 + engine() % 3;
      for (std::uint32_t a = 0; a < count; ++a) {
        const std::uint64_t begin = engine() % 60;
        now.accesses.push_back({Dependences::Space::vmem, begin, begin + engine() % 12, engine() % 2 == 0});
      }
      const auto unit = static_cast<std::size_t>(now.unit);
      for (const Wait& wait : p.add(now.unit, now.op, now.accesses)) {
        ASSERT_LE(wait.count, completed[static_cast<std::size_t>(wait.unit)].size()) << "waits for what comes later";
        raise(issued[unit], completed[static_cast<std::size_t>(wait.unit)][wait.count - 1]);
      }
      now.number = p.issued(now.unit);
      for (const Past& before : past) {
        bool conflict = false;
        for (const Access& a : now.accesses) {
          for (const Access& b : before.accesses) {
            const bool shares = std::max(a.begin, b.begin) < std::min(a.end, b.end);
            conflict = conflict || (shares && (a.write != b.write || (a.write && before.op != now.op)));
          }
        }
        if (!conflict) continue;
        EXPECT_GE(issued[unit][static_cast<std::size_t>(before.unit)], before.number)
            << "round " << round << " instruction " << i;
      }
      Counts done = issued[unit];
      if (!completed[unit].empty()) raise(done, completed[unit].back());
      done[unit] = now.number;
      completed[unit].push_back(done);
      past.push_back(now);
    }
  }
}

}  // namespace
}  // namespace triad::tpu
