#include "sim/report/memory_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace triad::report {
namespace {

/// 1000 cycles of 1 GHz on two buses of 32 GB/s each: 1000 reads of 32 B.
MemoryReport example() {
  MemoryReport report{"hbm9", "0123456789abcdef", {}, {}};
  report.traffic.bytes = 32;
  device::TrafficResult& result = report.result;
  result.organization = "2 channels";
  result.clock_hz = 1e9;
  result.cycles = 1000;
  result.channels = 2;
  result.peak_bytes_per_second = 64e9;
  result.bytes = result.moved_bytes = 32'000;
  result.read = {1000, 30.5, 20, 30, 40, 50, 2000};
  result.commands = {{"activate", 1100}, {"precharge", 0}, {"read", 1000}, {"write", 0}};
  result.bus_cycles = {{"reading", 1000}, {"bank_group", 600}, {"idle", 400}};
  result.row_hit_rate = 0;
  result.energy_joules = {{"activate", 1e-9}, {"read", 7e-9}, {"write", 0}};
  return report;
}

TEST(MemoryReport, Table) {
  EXPECT_EQ(memory_table(example(), 80),
            R"(hbm9: sequential reads of 32 B, as many as the queues take
2 channels

bandwidth          32 GB/s  50 % of the peak of 64 GB/s
time                  1 us  1,000 cycles at 1 GHz
requests             1,000  1,000 reads, 0 writes
read latency         30 ns  median; least 20 ns, 95 % within 40 ns, 99 % within
                            50 ns, all within 2 us
row hits               0 %  1,100 activates for 1,000 bursts
energy        31.25 fJ/bit  activate 12.5 %, read 87.5 %
power                 8 mW  average; 8 nJ in all
moved                32 kB  in bursts; 32 kB asked for
commands             2,100  activate 1,100, read 1,000

Data buses (2): where the cycles went

reading     50 %  ############################
bank group  30 %  #################
idle        20 %  ###########
)");
}

TEST(MemoryReport, SaysWhatWasAsked) {
  const auto head = [](const device::Traffic& traffic) {
    MemoryReport report = example();
    report.traffic = traffic;
    const std::string text = memory_table(report, 200);
    return text.substr(0, text.find('\n'));
  };
  device::Traffic traffic;
  traffic.writes = 2;
  traffic.pattern = device::Traffic::Pattern::random;
  traffic.outstanding = 8;
  EXPECT_EQ(head(traffic), "hbm9: random requests of 64 B, reads to writes 1:2, 8 in flight");
  traffic = {};
  traffic.pattern = device::Traffic::Pattern::strided;
  traffic.bytes = 4096;
  traffic.reads = 0;
  traffic.writes = 1;
  traffic.interval = 1000;
  EXPECT_EQ(head(traffic), "hbm9: writes of 4 KiB, one every 8 KiB, 1,000 cycles apart");
  std::istringstream stream;
  traffic = {};
  traffic.trace = &stream;
  traffic.trace_name = "t.txt";
  EXPECT_EQ(head(traffic), "hbm9: requests of 64 B from t.txt, as many as the queues take");
}

TEST(MemoryReport, FitsTheTerminal) {
  for (const int width : {40, 50, 64, 80, 120}) {
    std::istringstream lines(memory_table(example(), width));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), static_cast<std::size_t>(width)) << line;
  }
}

TEST(MemoryReport, Json) {
  const auto json = nlohmann::json::parse(memory_json(example()));
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["bytes_per_second"], 32e9);
  EXPECT_EQ(json["utilization"], 0.5);
  EXPECT_EQ(json["row_hit_rate"], 0);
  EXPECT_EQ(json["read_latency_seconds"]["median"], 30e-9);
  EXPECT_EQ(json["read_latency_seconds"]["p99"], 50e-9);
  EXPECT_TRUE(json["write_latency_seconds"].is_null());
  EXPECT_EQ(json["joules_per_bit"], 8e-9 / 256'000);
  EXPECT_EQ(json["bus_cycles"]["bank_group"], 600);
}

TEST(MemoryReport, CsvHasTheSameColumnsWithoutWrites) {
  const auto columns = [](const std::string& text) {
    return std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find('\n')), ',');
  };
  MemoryReport both = example();
  both.result.write = {10, 1, 1, 1, 1, 1, 1};
  both.traffic.outstanding = 4;
  EXPECT_EQ(columns(memory_csv(example())), columns(memory_csv(both)));
  EXPECT_NE(memory_csv(example()).find("write_latency_seconds_median,"), std::string::npos);
}

}  // namespace
}  // namespace triad::report
