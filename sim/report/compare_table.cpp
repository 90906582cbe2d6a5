#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "sim/report/report.hpp"
#include "sim/report/text.hpp"

namespace triad::report {

namespace {

using device::RunResult;

struct Row {
  std::string name;
  std::function<std::string(const RunResult&)> value;
};

std::string measured(const std::optional<double>& value, const std::string& unit) {
  return value ? si(*value, unit) : "-";
}

std::string ratio(double part, double whole) {
  return whole > 0 ? percent(part / whole) : "-";
}

double flops_per_second(const RunResult& run) {
  return static_cast<double>(run.flops) / run.seconds;
}
double bytes_per_second(const RunResult& run) {
  return static_cast<double>(run.read_bytes + run.written_bytes) / run.seconds;
}

std::vector<Row> rows(const Workload& workload) {
  const double steps = workload.steps;
  return {
      {"time", [](auto& r) { return si(r.seconds, "s"); }},
      {"time of a step", [=](auto& r) { return si(r.seconds / steps, "s"); }},
      {"energy", [](auto& r) { return measured(r.energy_joules, "J"); }},
      {"limited by", [](auto& r) { return r.bound_by.empty() ? "-" : r.bound_by; }},
      {"average power", [](auto& r) { return measured(r.average_power_watts, "W"); }},
      {"peak power", [](auto& r) { return measured(r.peak_power_watts, "W"); }},
      {"performance", [](auto& r) { return si(flops_per_second(r), "FLOPS"); }},
      {"utilisation", [](auto& r) { return ratio(flops_per_second(r), r.peak_flops_per_second); }},
      {"efficiency",
       [](auto& r) {
         return r.average_power_watts ? si(flops_per_second(r) / *r.average_power_watts, "FLOPS/W") : "-";
       }},
      {"memory read", [](auto& r) { return si(static_cast<double>(r.read_bytes), "B"); }},
      {"memory written", [](auto& r) { return si(static_cast<double>(r.written_bytes), "B"); }},
      {"bandwidth", [](auto& r) { return si(bytes_per_second(r), "B/s"); }},
      {"parallelism", [](auto& r) { return plain(r.average_lanes) + " lanes"; }},
      {"cycles", [](auto& r) { return grouped(r.cycles); }},
      {"final loss", [](auto& r) { return r.loss.empty() ? "-" : plain(r.loss.back()); }},
      {"largest error", [](auto& r) { return r.max_error_vs_reference ? plain(*r.max_error_vs_reference) : "-"; }},
  };
}

std::vector<Row> machine_rows(const Workload& workload) {
  return {
      {"peak, " + workload.precision, [](auto& r) { return si(r.peak_flops_per_second, "FLOPS"); }},
      {"peak bandwidth", [](auto& r) { return si(r.peak_bytes_per_second, "B/s"); }},
      {"peak lanes", [](auto& r) { return grouped(static_cast<std::uint64_t>(r.peak_lanes)); }},
      {"clock", [](auto& r) { return si(r.clock_hz, "Hz"); }},
      {"technology", [](auto& r) { return r.technology.empty() ? "-" : r.technology; }},
  };
}

/// A block of machines side by side, as many as fit.
std::string block(const Workload& workload, const std::vector<const RunResult*>& runs, std::size_t width) {
  const auto lines = [&](Table& table, const std::vector<Row>& all) {
    for (const Row& row : all) {
      std::vector<std::string> cells{row.name};
      for (const RunResult* run : runs) cells.push_back(row.value(*run));
      if (std::all_of(cells.begin() + 1, cells.end(), [](auto& cell) { return cell == "-"; })) continue;
      table.add(cells);
    }
  };
  std::vector<Table::Column> columns{{"", false, 0}};
  for (const RunResult* run : runs) columns.push_back({run->device, true, 0});
  Table table(columns);
  lines(table, rows(workload));
  std::vector<std::string> title(runs.size() + 1);
  table.add(title);
  title[0] = "the machine";
  table.add(title);
  lines(table, machine_rows(workload));
  return table.text(width);
}

std::string in_words(std::vector<std::string> words) {
  if (words.size() < 2) return words.empty() ? "" : words.front();
  const std::string last = words.back();
  words.pop_back();
  return fmt::format("{} and {}", fmt::join(words, ", "), last);
}

/// "tpu-v3 is the fastest: 1.2 ms, 3.1 times faster than a100 and 250 times faster than nvdla."
std::string ranking(const std::vector<RunResult>& runs, const std::function<double(const RunResult&)>& cost,
                    const std::string& best_is, const std::string& unit, const std::string& than) {
  std::vector<const RunResult*> order;
  for (const RunResult& run : runs) order.push_back(&run);
  std::stable_sort(order.begin(), order.end(), [&](auto* a, auto* b) { return cost(*a) < cost(*b); });
  const double best = cost(*order.front());
  std::vector<std::string> others;
  for (auto run = order.begin() + 1; run != order.end(); ++run) {
    others.push_back(cost(**run) == best
                         ? fmt::format("as {} as {}", best_is == "fastest" ? "fast" : "frugal", (*run)->device)
                         : fmt::format("{} {} {}", times(cost(**run) / best), than, (*run)->device));
  }
  return fmt::format("{} is the {}: {}, {}.", order.front()->device, best_is, si(best, unit), in_words(others));
}

/// "launch (58.3 % of its cycles; latency 34.2 %)": the limit, and what else takes a tenth of the run or more.
std::string limit(const RunResult& run) {
  if (run.bound_cycles.empty() || run.cycles == 0) return run.bound_by;
  std::vector<std::pair<std::uint64_t, std::string>> classes;
  for (const auto& [name, cycles] : run.bound_cycles) {
    if (name != run.bound_by && cycles * 10 >= run.cycles) classes.emplace_back(cycles, name);
  }
  std::stable_sort(classes.begin(), classes.end(), [](auto& a, auto& b) { return a.first > b.first; });
  const auto share = [&](std::uint64_t cycles) {
    return percent(static_cast<double>(cycles) / static_cast<double>(run.cycles));
  };
  std::string text = fmt::format("{} ({} of its cycles", run.bound_by, share(run.bound_cycles.at(run.bound_by)));
  for (const auto& [cycles, name] : classes) text += fmt::format("; {} {}", name, share(cycles));
  return text + ")";
}

}  // namespace

std::string verdict(const Report& report) {
  const auto& runs = report.runs;
  if (runs.size() < 2) return {};
  std::string text = ranking(
      runs, [](auto& r) { return r.seconds; }, "fastest", "s", "faster than");
  if (std::all_of(runs.begin(), runs.end(), [](auto& r) { return r.energy_joules.has_value(); })) {
    text += " " + ranking(
                      runs, [](auto& r) { return *r.energy_joules; }, "most frugal", "J", "less energy than");
  }
  std::vector<std::string> limits;
  for (const RunResult& run : runs) {
    if (!run.bound_by.empty()) limits.push_back(fmt::format("{} by {}", run.device, limit(run)));
  }
  if (!limits.empty()) text += " What limits them: " + in_words(limits) + ".";
  return text;
}

std::string compare_table(const Report& report, const TableOptions& options) {
  const auto width = static_cast<std::size_t>(std::max(options.width, 40));
  const Workload& workload = report.workload;
  std::string text =
      wrapped(fmt::format("{}: {} step{}, {}, {} a step, {} parameters", workload.name, grouped(workload.steps),
                          workload.steps == 1 ? "" : "s", workload.precision,
                          si(static_cast<double>(workload.flops_per_step), "FLOP"), grouped(workload.parameters)),
              width) +
      "\n";
  constexpr std::size_t label = 16, narrowest = 16;  // of a machine's column
  std::size_t column = narrowest;
  for (const RunResult& run : report.runs) column = std::max(column, columns(run.device) + 2);
  const std::size_t fit = std::max<std::size_t>(1, (width - label) / column);
  for (std::size_t first = 0; first < report.runs.size(); first += fit) {
    std::vector<const RunResult*> some;
    for (std::size_t i = first; i < std::min(first + fit, report.runs.size()); ++i) some.push_back(&report.runs[i]);
    text += (first ? "\n" : "") + block(workload, some, width);
  }
  if (const std::string sentence = verdict(report); !sentence.empty()) text += "\n" + wrapped(sentence, width);
  return text;
}

}  // namespace triad::report
