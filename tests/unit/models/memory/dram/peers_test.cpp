// DDR4-3200, one rank, against three other simulators that were driven with the same requests: peers/parameters.csv
// says how they were set up, peers/figures.csv what they measured (unmodified programs, a stream of 64 B requests in
// order, to back-pressure; commits in the first file). The table and its reasons: models/memory/study/README.md.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "models/memory/study/driver.hpp"

namespace triad::memory::dram {
namespace {

using Row = std::map<std::string, std::string>;

std::vector<Row> table(const std::string& name) {
  std::ifstream file(std::string(TRIAD_SOURCE_DIR) + "/tests/unit/models/memory/dram/peers/" + name);
  EXPECT_TRUE(file) << name;
  const auto fields = [](const std::string& line) {
    std::vector<std::string> list;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ',');) list.push_back(field);
    return list;
  };
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> names = fields(line);
  std::vector<Row> rows;
  while (std::getline(file, line)) {
    const std::vector<std::string> values = fields(line);
    Row row;
    for (std::size_t i = 0; i < values.size(); ++i) row[names[i]] = values[i];
    rows.push_back(row);
  }
  return rows;
}

/// A configuration of a peer's as ours.
Parameters parameters(const std::string& config) {
  const std::vector<Row> rows = table("parameters.csv");
  const auto found = std::ranges::find_if(rows, [&](const Row& row) { return row.at("config") == config; });
  EXPECT_NE(found, rows.end()) << config;
  const auto number = [&](const char* column) { return std::stoi(found->at(column)); };
  Parameters p;
  p.clock_hz = static_cast<std::uint64_t>(number("clock_MHz")) * 1'000'000;
  p.organization = {.ranks = number("ranks"),
                    .bank_groups = number("bank_groups"),
                    .banks = number("banks_per_group"),
                    .rows = number("rows"),
                    .bus_bits = number("bus_bits_per_channel"),
                    .burst_length = number("burst_length")};
  p.organization.columns = number("row_bytes") / static_cast<int>(p.organization.access_bytes());
  p.timing = {.tBURST = 4,
              .tCL = number("tCL"),
              .tCWL = number("tCWL"),
              .tRCDRD = number("tRCD_rd"),
              .tRCDWR = number("tRCD_wr"),
              .tRP = number("tRP"),
              .tRAS = number("tRAS"),
              .tRC = number("tRC"),
              .tCCD_S = number("tCCD_S"),
              .tCCD_L = number("tCCD_L"),
              .tRRD_S = number("tRRD_S"),
              .tRRD_L = number("tRRD_L"),
              .tFAW = number("tFAW"),
              .tRTP = number("tRTP"),
              .tWR = number("tWR"),
              .tWTR_S = number("tWTR_S"),
              .tWTR_L = number("tWTR_L"),
              .tRTW = number("rd_to_wr_cmd"),
              .tRTRS = number("tRTRS_or_nCS"),
              .tREFI = number("tREFI"),
              .tRFC = number("tRFC")};
  if (config.ends_with("noref")) p.scheduler.refresh = RefreshPolicy::none;
  p.mapping.interleave = p.organization.access_bytes();
  using Kind = Field::Kind;
  if (config == "d3_ddr4_bgint") {
    p.mapping.order = {{Kind::row}, {Kind::bank}, {Kind::column}, {Kind::bank_group}};
  } else if (config == "r2_ddr4_mop") {
    p.mapping.order = {{Kind::row}, {Kind::column}, {Kind::bank}, {Kind::bank_group}, {Kind::column, 2}};
    p.mapping.xor_column = true;
  } else {
    p.mapping.order = {{Kind::row}, {Kind::bank}, {Kind::bank_group}, {Kind::column}};
  }
  return p;
}

device::TrafficResult drive(const Parameters& p, const std::string& pattern) {
  using Pattern = device::Traffic::Pattern;
  device::Traffic traffic;
  traffic.requests = 200'000;
  traffic.check = true;
  if (pattern == "seqwr") traffic.reads = 0, traffic.writes = 1;
  if (pattern.starts_with("rnd")) traffic.pattern = Pattern::random;
  if (pattern == "rnd21") traffic.reads = 2, traffic.writes = 1;
  if (pattern == "row8192") traffic.pattern = Pattern::strided;
  if (pattern == "rndrd_1outstanding") traffic.outstanding = 1, traffic.requests = 50'000;
  return study::Driver(p, traffic).run();
}

struct Figure {
  std::string simulator, config, pattern, requests;
  double bandwidth, latency;  ///< GB/s; mean of reads in cycles, 0 where it was not measured
};

std::vector<Figure> figures() {
  std::vector<Figure> list;
  for (const Row& row : table("figures.csv")) {
    const std::string& latency = row.at("read_lat_avg_cyc");
    list.push_back({row.at("simulator"), row.at("config"), row.at("pattern"), row.at("requests"),
                    std::stod(row.at("bandwidth_GBps")), latency.empty() ? 0 : std::stod(latency)});
  }
  return list;
}

/// What follows the simulator's name: "ddr4_noref"; matched and robaracoch are one.
std::string setting(const std::string& config) {
  const std::string name = config.substr(config.find('_') + 1);
  return name == "ddr4_robaracoch" ? "ddr4_matched" : name;
}

bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * b;
}

TEST(Peers, WithinFivePercentWhereRamulatorAndDramsimAgree) {
  const std::vector<Figure> all = figures();
  std::vector<std::string> agreed;
  for (const Figure& ramulator : all) {
    if (ramulator.simulator != "Ramulator2") continue;
    for (const Figure& dramsim : all) {
      if (dramsim.simulator != "DRAMsim3" || setting(dramsim.config) != setting(ramulator.config) ||
          dramsim.pattern != ramulator.pattern || dramsim.requests != ramulator.requests ||
          !near(ramulator.bandwidth, dramsim.bandwidth, 0.05)) {
        continue;
      }
      const double ours = drive(parameters(ramulator.config), ramulator.pattern).bytes_per_second() / 1e9;
      EXPECT_PRED3(near, ours, ramulator.bandwidth, 0.05) << ramulator.config << " " << ramulator.pattern;
      EXPECT_PRED3(near, ours, dramsim.bandwidth, 0.05) << dramsim.config << " " << dramsim.pattern;
      agreed.push_back(setting(ramulator.config) + " " + ramulator.pattern + " " + ramulator.requests);
    }
  }
  const std::vector<std::string> expected = {"ddr4_matched rnd21 2000000", "ddr4_matched rndrd_1outstanding 100000",
                                             "ddr4_matched rndrd 2000000", "ddr4_matched rnd21 1000000",
                                             "ddr4_matched rndrd 1000000", "ddr4_matched row8192 1000000",
                                             "ddr4_noref rndrd 1000000",   "ddr4_noref row8192 1000000"};
  EXPECT_EQ(agreed, expected);
}

/// Cycles of a read of a stream that goes through rows of N columns, when the next row lies in another bank group and
/// the controller sees Q columns: at first the next row's columns fill the gaps of tCCD_L that this row's last Q leave,
/// 8 Q cycles for Q + (8 Q - tRCD) / 8 columns; the rest of the row goes alone, 8 cycles each. Together 8 N - 8 Q +
/// tRCD a row. And a refresh takes tRAS + tRP + tRFC of every tREFI.
double sequential_cycles(double queue) {
  return (8 * 128 - 8 * queue + 22) / 128 / (1 - (52 + 22 + 576) / 12480.);
}

double cycles_per_request(const device::TrafficResult& result) {
  return static_cast<double>(result.cycles) / static_cast<double>(result.read.requests + result.write.requests);
}

TEST(Peers, ASequentialStreamInOneGroupIsAsFastAsTheQueueIsDeep) {
  // They differ because they see differently many columns: 32; 32 and a command queue of 8 for the bank; 8.
  const std::vector<std::pair<std::string, int>> queues = {
      {"r2_ddr4_robaracoch", 32}, {"d3_ddr4_matched", 40}, {"dramsys51_ddr4_matched", 8}};
  for (const auto& [config, queue] : queues) {
    Parameters p = parameters(config);
    p.scheduler.read_queue = queue;
    const double ours = cycles_per_request(drive(p, "seqrd"));
    EXPECT_PRED3(near, ours, sequential_cycles(queue), 0.005) << config;
    int compared = 0;
    for (const Figure& figure : figures()) {
      if (figure.config != config || figure.pattern != "seqrd") continue;
      ++compared;
      EXPECT_PRED3(near, 25.6 * 4 / figure.bandwidth, sequential_cycles(queue), 0.01) << config;
    }
    EXPECT_GT(compared, 0) << config;
  }
  // So deep that it always sees two rows: nothing but refresh is lost.
  Parameters deep = parameters("r2_ddr4_rq160");
  deep.scheduler.read_queue = 160;
  EXPECT_PRED3(near, drive(deep, "seqrd").bytes_per_second() / 1e9, 24.308, 0.01);
  EXPECT_PRED3(near, drive(deep, "rndrd").bytes_per_second() / 1e9, 11.116, 0.03);
}

TEST(Peers, RandomReadsAreAsFastAsActivatesMayFollow) {
  const Parameters p = parameters("r2_ddr4_robaracoch");
  // tFAW / 4 = 8.5 cycles; tRFC of every tREFI, and somewhat more to close all rows
  EXPECT_PRED3(near, cycles_per_request(drive(p, "rndrd")), 8.5 / (1 - 576 / 12480.), 0.03);
  EXPECT_PRED3(near, cycles_per_request(drive(p, "rndrd")), 8.5 / (1 - (52 + 22 + 576) / 12480.), 0.01);
  EXPECT_PRED3(near, cycles_per_request(drive(parameters("r2_ddr4_noref"), "rndrd")), 8.5, 0.002);
}

TEST(Peers, SequentialWritesAsReads) {
  const double ours = cycles_per_request(drive(parameters("r2_ddr4_robaracoch"), "seqwr"));
  EXPECT_PRED3(near, ours, sequential_cycles(32), 0.005);
  EXPECT_PRED3(near, ours, 13050621 / 2e6, 0.01);  // Ramulator 2
}

TEST(Peers, WhereOneOfThemHasTheMapping) {
  for (const Figure& figure : figures()) {
    const bool bank_group_low = figure.config == "d3_ddr4_bgint", mop = figure.config == "r2_ddr4_mop";
    // Ramulator 2's MOP takes the group's XOR from the two bits of the column below the bank, which this stride leaves
    // at zero: its 16 columns of a row lie in two banks of one group (a column every 8 cycles at best). Ours takes the
    // bits above: eight banks in two groups, two columns of a row in each.
    if (!(bank_group_low || mop) || (mop && figure.pattern == "row8192")) continue;
    const double ours = drive(parameters(figure.config), figure.pattern).bytes_per_second() / 1e9;
    EXPECT_PRED3(near, ours, figure.bandwidth, 0.05) << figure.config << " " << figure.pattern;
  }
  const device::TrafficResult strided = drive(parameters("r2_ddr4_mop"), "row8192");
  EXPECT_NEAR(strided.row_hit_rate, 0.5, 0.005);
  EXPECT_LT(cycles_per_request(strided), 8);
}

TEST(Peers, LatencyOfOneReadAtATime) {
  for (const Figure& figure : figures()) {
    if (figure.pattern != "rndrd_1outstanding") continue;
    const device::TrafficResult ours = drive(parameters(figure.config), figure.pattern);
    // Precharge, activate, read, burst: 22 + 22 + 22 + 4. They count a cycle more, into the queue.
    EXPECT_EQ(ours.read.median, 70u);
    EXPECT_PRED3(near, ours.read.mean, figure.latency, 0.02) << figure.config;
    EXPECT_PRED3(near, cycles_per_request(ours), figure.latency, 0.02) << figure.config;
  }
}

}  // namespace
}  // namespace triad::memory::dram
