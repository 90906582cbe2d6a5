#include <fmt/format.h>

#include <algorithm>

#include "sim/report/memory_report.hpp"
#include "sim/report/text.hpp"

namespace triad::report {

namespace {

using device::Traffic;
using device::TrafficResult;

/// "random requests of 64 B, reads to writes 2:1, 8 in flight"
std::string traffic_in_words(const Traffic& traffic) {
  const auto bytes = [](std::uint64_t n) { return n % 1024 == 0 ? grouped(n / 1024) + " KiB" : grouped(n) + " B"; };
  std::string text;
  if (traffic.trace != nullptr) {
    text = fmt::format("requests of {} from {}", bytes(traffic.bytes), traffic.trace_name);
  } else {
    const bool both = traffic.reads > 0 && traffic.writes > 0;
    const char* what = both ? "requests" : traffic.writes > 0 ? "writes" : "reads";
    switch (traffic.pattern) {
      case Traffic::Pattern::sequential:
        text = fmt::format("sequential {} of {}", what, bytes(traffic.bytes));
        break;
      case Traffic::Pattern::random:
        text = fmt::format("random {} of {}", what, bytes(traffic.bytes));
        break;
      case Traffic::Pattern::strided:
        text = fmt::format("{} of {}, one every {}", what, bytes(traffic.bytes), bytes(traffic.stride));
        break;
    }
    if (both) text += fmt::format(", reads to writes {}:{}", traffic.reads, traffic.writes);
  }
  if (traffic.interval) text += fmt::format(", {} cycles apart", grouped(*traffic.interval));
  if (traffic.outstanding) {
    text += fmt::format(", {} in flight", grouped(*traffic.outstanding));
  } else if (!traffic.interval) {
    text += ", as many as the queues take";
  }
  return text;
}

void add_latency(Table& table, const std::string& what, const device::Latency& latency, double clock_hz,
                 const char* until = "") {
  if (latency.requests == 0) return;
  const auto time = [&](std::uint64_t cycles) { return unbroken(si(static_cast<double>(cycles) / clock_hz, "s")); };
  table.add({what, si(static_cast<double>(latency.median) / clock_hz, "s"),
             fmt::format("median; least {}, 95 % within {}, 99 % within {}, all within {}{}", time(latency.least),
                         time(latency.p95), time(latency.p99), time(latency.most), until)});
}

/// "read 61.2 %, activate 20 %": the parts of a sum, those that are none left out.
template <class Value>
std::string shares(const std::vector<std::pair<std::string, Value>>& parts, double sum) {
  std::string text;
  for (const auto& [name, value] : parts) {
    if (value == 0) continue;
    text += (text.empty() ? "" : ", ") + unbroken(name + " " + percent(static_cast<double>(value) / sum));
  }
  return text;
}

std::string summary(const TrafficResult& result, std::size_t width) {
  Table table({{"", false, 0}, {"", true, 0}, {"", false, 1, true}});
  table.add({"bandwidth", si(result.bytes_per_second(), "B/s"),
             fmt::format("{} of the peak of {}", percent(result.bytes_per_second() / result.peak_bytes_per_second),
                         unbroken(si(result.peak_bytes_per_second, "B/s")))});
  table.add({"time", si(result.seconds(), "s"),
             fmt::format("{} cycles at {}", grouped(result.cycles), si(result.clock_hz, "Hz"))});
  table.add({"requests", grouped(result.read.requests + result.write.requests),
             fmt::format("{} reads, {} writes", grouped(result.read.requests), grouped(result.write.requests))});
  add_latency(table, "read latency", result.read, result.clock_hz);
  // A write is done when the write queue has it: where it is sent only then, there is nothing to wait for.
  if (result.timed)
    add_latency(table, "write latency", result.write, result.clock_hz, "; until the write queue has it");
  std::uint64_t bursts = 0, activates = 0, all = 0;
  std::string commands;
  for (const auto& [name, n] : result.commands) {
    if (name == "read" || name == "write") bursts += n;
    if (name == "activate") activates = n;
    all += n;
    if (n > 0) commands += (commands.empty() ? "" : ", ") + unbroken(name + " " + grouped(n));
  }
  table.add({"row hits", percent(result.row_hit_rate),
             fmt::format("{} activates for {} bursts", grouped(activates), grouped(bursts))});
  const double energy = result.energy();
  table.add({"energy", si(result.joules_per_bit(), "J/bit"), shares(result.energy_joules, energy)});
  table.add(
      {"power", si(energy / result.seconds(), "W"), fmt::format("average; {} in all", unbroken(si(energy, "J")))});
  std::string moved = fmt::format("in bursts; {} asked for", unbroken(si(static_cast<double>(result.bytes), "B")));
  if (result.forwarded > 0) {
    moved += fmt::format("; {} bursts were read from the write queue", grouped(result.forwarded));
  }
  table.add({"moved", si(static_cast<double>(result.moved_bytes), "B"), moved});
  table.add({"commands", grouped(all), commands});
  return table.text(width);
}

std::string stack(const TrafficResult& result, std::size_t width) {
  constexpr std::size_t beside = 24;  // columns of name and percentage
  const auto room = static_cast<double>(width > beside + 10 ? std::min<std::size_t>(width - beside, 60) : 10);
  const double all = static_cast<double>(result.cycles) * result.channels;
  Table table({{"", false, 0}, {"", true, 0}, {"", false, 1}});
  for (const auto& [name, cycles] : result.bus_cycles) {
    if (cycles == 0) continue;
    const double share = static_cast<double>(cycles) / all;
    std::string words = name;
    std::ranges::replace(words, '_', ' ');
    table.add({words, percent(share), std::string(static_cast<std::size_t>(share * room + 0.5), '#')});
  }
  return table.text(width);
}

}  // namespace

std::string memory_table(const MemoryReport& report, int width) {
  const auto columns = static_cast<std::size_t>(std::max(width, 40));
  const TrafficResult& result = report.result;
  const std::string buses = result.channels == 1
                                ? "Data bus"
                                : fmt::format("Data buses ({})", grouped(static_cast<std::uint64_t>(result.channels)));
  return wrapped(fmt::format("{}: {}", report.memory, traffic_in_words(report.traffic)), columns) +
         wrapped(result.organization, columns) + "\n" + summary(result, columns) + "\n" +
         wrapped(buses + ": where the cycles went", columns) + "\n" + stack(result, columns);
}

}  // namespace triad::report
