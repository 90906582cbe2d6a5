// What becomes of open rows when a controller changes from reads to writes and back.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "traffic.hpp"

namespace triad::memory::dram {
namespace {

/// Counts rows that were opened, and closed without a column.
struct Openings : Observer {
  void command(const Issued& issued) override {
    switch (issued.command) {
      case Command::activate:
        ++opened;
        used[issued.bank] = false;
        break;
      case Command::precharge:
        in_vain += used[issued.bank] ? 0 : 1;
        break;
      default:
        used[issued.bank] = true;
    }
  }
  std::map<int, bool> used;
  int opened = 0, in_vain = 0;
};

TEST(Turn, NoRowIsOpenedInVain) {
  Openings openings;
  Dram dram(preset("ddr4-3200", {"channels=1", "scheduler.refresh=none"}), true, [&](int) { return &openings; });
  std::mt19937_64 random(7);
  constexpr int requests = 30'000;
  for (int i = 0; i < requests; ++i) {
    const std::uint64_t address = random() % (8ull << 30), request = static_cast<std::uint64_t>(i);
    dram.push(request, address / 64 * 64, 64, random() % 3 == 0, {}, 0);
  }
  Controller& controller = dram.controllers().front();
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  // At most ten cycles a request: tFAW / 4 = 8.5 for the activates, and the turns.
  controller.advance(10 * requests, served, transfers);
  EXPECT_TRUE(controller.idle());
  EXPECT_EQ(served.size(), static_cast<std::size_t>(requests));
  EXPECT_GT(openings.opened, requests * 99 / 100);  // hardly two in one row
  EXPECT_EQ(openings.in_vain, 0);
}

}  // namespace
}  // namespace triad::memory::dram
