// Energy of a bit, from the commands that were issued and the presets' energies.
#include <gtest/gtest.h>

#include "traffic.hpp"

namespace triad::memory::dram {
namespace {

struct Range {
  const char* name;
  double least, most;  ///< pJ a bit, sequential reads
  const char* source;
};

const Range ranges[] = {
    {"ddr3-2133", 18, 22, "about 20, chips and pins; 20.3 (Jouppi et al., ISCA 2021, Table 2)"},
    {"ddr4-3200", 18, 22, "20, full system; 20.3 (Jouppi et al., ISCA 2021, Table 2)"},
    {"lpddr4-3200", 8, 9, "8 to 9, 8 Gb device with pins (Ha, Stanford 2018)"},
    {"lpddr5-6400", 5, 9, "less than LPDDR4; 9 with PHY (estimate)"},
    {"gddr6-14", 5.5, 7.5, "5.5 to 7.5 (Jouppi et al., ISCA 2021, Table 2)"},
    {"hbm2", 3.9, 4.1, "3.97 (O'Connor et al., MICRO 2017)"},
    {"hbm2e", 3.5, 4.5, "3.5 to 4.5; 4.3 (SK hynix)"},
    {"hbm3", 3.0, 4.0, "3 to 4"},
    {"hbm3e", 3.0, 4.0, "3 to 4"},
};

Parameters few(const std::string& name) {
  return preset(name, {"channels=2"});
}

TEST(Energy, OfABitThatStreamsIsWithinTheSourcesRange) {
  for (const Range& r : ranges) {
    const Outcome o = sequential(few(r.name), 20'000, false);
    EXPECT_GE(o.picojoules_per_bit(), r.least) << r.name << ": " << r.source;
    EXPECT_LE(o.picojoules_per_bit(), r.most) << r.name << ": " << r.source;
  }
}

/// HBM2, streaming, by hand: a column 891 pJ for 256 bits; an activate 909 pJ for the 32 columns of a row; 33 mW at
/// 14.03 GB/s; 30.4 nJ every 3.9 us.
TEST(Energy, OfHbm2IsTheSumOfItsParts) {
  const Outcome o = sequential(few("hbm2"), 20'000, false);
  EXPECT_NEAR(o.column_bit(), 891. / 256, 1e-9);
  EXPECT_NEAR(o.activate_bit(), 909. / 8192, 0.15 * 909 / 8192);  // rows that a refresh closed are opened again
  const double bits_per_second = 14.032e9 * 8 * o.of_peak();
  EXPECT_NEAR(o.background_bit(), 33e9 / bits_per_second, 1e-3);
  EXPECT_NEAR(o.refresh_bit(), 30.4e3 / 3.9e-6 / bits_per_second, 0.02 * o.refresh_bit());
}

/// A single column pays for its row alone, and standby and refresh go on while the banks wait.
TEST(Energy, RandomReadsCostMore) {
  for (const Range& r : ranges) {
    const Parameters p = few(r.name);
    const Outcome streams = sequential(p, 20'000, false), random = random_reads(p, 20'000);
    const double bits = static_cast<double>(p.organization.access_bytes()) * 8;
    EXPECT_NEAR(random.activate_bit(), p.energy.activate / bits, 0.06 * p.energy.activate / bits) << r.name;
    EXPECT_GT(random.activate_bit(), 10 * streams.activate_bit()) << r.name;
    EXPECT_NEAR(random.column_bit(), streams.column_bit(), 1e-9) << r.name;
    const double slower = streams.of_peak() / random.of_peak();
    EXPECT_NEAR(random.background_bit(), slower * streams.background_bit(), 1e-6) << r.name;
    EXPECT_GT(streams.background_bit(), 0) << r.name;
    for (const Outcome& o : {streams, random}) {
      // Every tREFI, of every bank or of all at once; the last one may not have been done.
      const double due = static_cast<double>(o.cycles) / p.timing.tREFI * p.organization.controllers() *
                         (p.scheduler.refresh == RefreshPolicy::per_bank ? p.organization.banks_per_rank() : 1);
      EXPECT_NEAR(static_cast<double>(o.statistics.refreshes), due, 0.02 * due + p.organization.controllers())
          << r.name;
      EXPECT_GT(o.refresh_bit(), 0) << r.name;
    }
  }
}

}  // namespace
}  // namespace triad::memory::dram
