// Does the checker see a controller that is wrong? One that is given a parameter a cycle too short is caught, by the
// parameter's name, in traffic that needs it.
#include <gtest/gtest.h>

#include "sim/device/device.hpp"
#include "traffic.hpp"

namespace triad::memory::dram {
namespace {

struct Mutation {
  const char* parameter;  ///< as the checker names it
  int Timing::*shortened;
  std::string preset;
};

/// Reads and writes, half of them to a row that is likely open; banks that are refreshed one by one or all at once.
std::string fault(const Parameters& told, const Parameters& right, unsigned seed) {
  Checker checker(right, "channel");
  Controller controller(told, 0, &checker);
  const Mapping mapping(told);
  std::mt19937_64 random(seed);
  const std::uint64_t access = told.organization.access_bytes();
  std::uint64_t at = 0;
  Cycle now = 0;
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  try {
    for (int burst = 0; burst < 400; ++burst) {
      const bool write = random() % 2 == 0;
      for (int i = 0; i < 40; ++i) {
        at = random() % 2 == 0 ? (at + access) % told.organization.capacity()
                               : random() % (told.organization.capacity() / access) * access;
        mapping.split(at, access, [&](int, Run& run) {
          run.write = write != (random() % 8 == 0);
          controller.push(run, now);
        });
      }
      now += random() % 800;
      controller.advance(now, served, transfers);
    }
  } catch (const device::Fault& fault) {
    return fault.what();
  }
  return "";
}

TEST(CheckerControl, NoFaultInAnyPreset) {
  for (const std::string& name : config::preset_names("memory")) {
    const config::Node node = config::load(config::presets() / (name + ".yaml"));
    if (node.at("kind").text() != "dram") continue;
    const std::string base = name.substr(name.find('/') + 1);
    for (const char* page : {"open", "closed"}) {
      for (const char* refresh : {"none", "all-bank", "per-bank"}) {
        const bool has = std::string(refresh) != "per-bank" || node.at("timing").find("tRFCpb");
        if (!has) continue;
        for (const char* ranks : {"1", "2"}) {
          const Parameters p =
              preset(base, {"channels=1", "organization.pseudo_channels=1", std::string("organization.ranks=") + ranks,
                            "timing.tRTRS=2", "mapping.order=[row, rank, bank, column, bank_group]",
                            std::string("scheduler.page=") + page, std::string("scheduler.refresh=") + refresh});
          EXPECT_EQ(fault(p, p, 3), "") << name << " " << page << " " << refresh << " ranks " << ranks;
        }
      }
    }
  }
}

TEST(CheckerControl, CatchesAControllerThatIsACycleTooEarly) {
  const std::vector<Mutation> mutations{
      {"tRCDRD", &Timing::tRCDRD, "hbm2"},
      {"tRCDWR", &Timing::tRCDWR, "hbm2"},
      {"tRP", &Timing::tRP, "hbm2"},
      {"tRAS", &Timing::tRAS, "hbm2"},
      {"tCCD_L", &Timing::tCCD_L, "ddr4-3200"},
      {"tRRD_S", &Timing::tRRD_S, "ddr4-3200"},
      {"tRRD_L", &Timing::tRRD_L, "ddr4-3200"},
      {"tFAW", &Timing::tFAW, "ddr4-3200"},
      {"tRTP", &Timing::tRTP, "lpddr5-6400"},
      {"tWR", &Timing::tWR, "ddr4-3200"},
      {"tWTR_S", &Timing::tWTR_S, "ddr4-3200"},
      {"tWTR_L", &Timing::tWTR_L, "ddr4-3200"},
      {"tRTW", &Timing::tRTW, "ddr4-3200"},
      {"tRFC", &Timing::tRFC, "ddr4-3200"},
      {"tRFCpb", &Timing::tRFCpb, "hbm2"},
      {"tRREFD", &Timing::tRREFD, "hbm2"},
  };
  for (const Mutation& m : mutations) {
    // A pseudo channel has every second cycle: alone it may be early by one.
    const Parameters right = preset(m.preset, {"channels=1", "organization.pseudo_channels=1"});
    Parameters told = right;
    --(told.timing.*m.shortened);
    std::string message;
    for (unsigned seed = 1; seed <= 8 && message.empty(); ++seed) message = fault(told, right, seed);
    EXPECT_NE(message.find(m.parameter), std::string::npos) << m.parameter << ": " << message;
  }
}

}  // namespace
}  // namespace triad::memory::dram
