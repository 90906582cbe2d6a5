#include <fmt/format.h>

#include "models/memory/dram/parameters.hpp"

namespace triad::memory::dram {
namespace {

std::string bytes_text(double bytes) {
  for (const char* unit : {"B", "KiB", "MiB", "GiB"}) {
    if (bytes < 1024) return fmt::format("{:.4g} {}", bytes, unit);
    bytes /= 1024;
  }
  return fmt::format("{:.4g} TiB", bytes);
}

std::string energy_text(double picojoules) {
  return picojoules < 1000 ? fmt::format("{:.4g} pJ", picojoules) : fmt::format("{:.4g} nJ", picojoules / 1e3);
}

std::string order_text(const MappingOrder& mapping) {
  static constexpr const char* names[] = {"row", "rank", "bank_group", "bank", "column"};  // as Field::Kind
  std::string text;
  for (const Field& field : mapping.order) {
    if (!text.empty()) text += ' ';
    text += names[static_cast<std::size_t>(field.kind)];
    if (field.bits >= 0) text += fmt::format(":{}", field.bits);
  }
  if (mapping.xor_banks) text += ", banks XOR row";
  if (mapping.xor_column) text += ", banks XOR upper column";
  return text + fmt::format(", {} B a channel's turn{}", mapping.interleave, mapping.hash_channels ? " (hashed)" : "");
}

}  // namespace

double Parameters::peak_bandwidth() const {
  return static_cast<double>(clock_hz) * organization.beats_per_clock * (organization.bus_bits / 8) *
         organization.controllers();
}

std::vector<std::pair<std::string, std::string>> Parameters::describe() const {
  const Organization& o = organization;
  const Timing& t = timing;
  const auto ns = [&](int cycles) { return cycles * 1e9 / static_cast<double>(clock_hz); };
  const auto one = [&](const char* name, int cycles) {
    return fmt::format("{} {} ({:.4g} ns)", name, cycles, ns(cycles));
  };
  const auto two = [](const char* name, int s, int l) {
    return s == l ? fmt::format("{} {}", name, s) : fmt::format("{}_S {}, _L {}", name, s, l);
  };
  const double beats = static_cast<double>(clock_hz) * o.beats_per_clock;

  std::vector<std::pair<std::string, std::string>> rows;
  rows.emplace_back("DRAM channels", o.pseudo_channels == 1
                                         ? fmt::format("{}", o.channels)
                                         : fmt::format("{} x {} pseudo channels", o.channels, o.pseudo_channels));
  rows.emplace_back("DRAM data bus",
                    fmt::format("{} bit x {:.4g} GT/s = {:.4g} GB/s a channel, bursts of {}", o.bus_bits, beats / 1e9,
                                beats * o.bus_bits / 8 / 1e9, bytes_text(double(o.access_bytes()))));
  rows.emplace_back("DRAM banks", fmt::format("{} rank{} x {} group{} x {}, {} rows of {}", o.ranks,
                                              o.ranks == 1 ? "" : "s", o.bank_groups, o.bank_groups == 1 ? "" : "s",
                                              o.banks, o.rows, bytes_text(double(o.row_bytes()))));
  rows.emplace_back("DRAM command clock",
                    fmt::format("{:.5g} MHz{}", static_cast<double>(clock_hz) / 1e6,
                                scheduler.dual_command ? ", a row and a column command a cycle" : ""));
  rows.emplace_back("DRAM column timing (cycles)",
                    fmt::format("{}, tCWL {}, {}, {}, tRTW {}", one("tCL", t.tCL), t.tCWL,
                                two("tCCD", t.tCCD_S, t.tCCD_L), two("tWTR", t.tWTR_S, t.tWTR_L), t.tRTW));
  rows.emplace_back("DRAM row timing (cycles)",
                    fmt::format("{}, {}, {}, {}, {}, tFAW {}, tRTP {}, tWR {}",
                                t.tRCDRD == t.tRCDWR ? one("tRCD", t.tRCDRD)
                                                     : one("tRCDRD", t.tRCDRD) + ", " + one("tRCDWR", t.tRCDWR),
                                one("tRP", t.tRP), one("tRAS", t.tRAS), one("tRC", t.tRC),
                                two("tRRD", t.tRRD_S, t.tRRD_L), t.tFAW, t.tRTP, t.tWR));
  if (scheduler.refresh == RefreshPolicy::none) {
    rows.emplace_back("DRAM refresh", "none");
  } else {
    const bool all = scheduler.refresh == RefreshPolicy::all_bank;
    const int busy = all ? t.tRFC : t.tRFCpb;
    rows.emplace_back("DRAM refresh", fmt::format("{} every {:.4g} us for {:.4g} ns ({:.3g} % of the time)",
                                                  all ? "all banks of a rank" : "each bank", ns(t.tREFI) / 1e3,
                                                  ns(busy), 100.0 * busy / t.tREFI));
  }
  rows.emplace_back(
      "DRAM scheduler",
      fmt::format("FR-FCFS, {} page, reads {} columns, writes {} (drained from {} to {}), {} cycles of starvation",
                  scheduler.page == PagePolicy::open ? "open" : "closed", scheduler.read_queue, scheduler.write_queue,
                  scheduler.write_high, scheduler.write_low, scheduler.starvation));
  rows.emplace_back("DRAM address", order_text(mapping));
  rows.emplace_back("DRAM energy",
                    fmt::format("{} an activate, {} a read, {} a write, {} a refresh; {:.4g} mW a channel",
                                energy_text(energy.activate), energy_text(energy.read), energy_text(energy.write),
                                energy_text(energy.refresh), energy.background_watts * 1e3));
  return rows;
}

}  // namespace triad::memory::dram
