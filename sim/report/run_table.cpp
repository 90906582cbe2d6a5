#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <numeric>

#include "sim/report/report.hpp"
#include "sim/report/text.hpp"

namespace triad::report {

namespace {

using device::RunResult;
using device::UnitResult;

/// "launch, in 82.1 % of the cycles (memory 10 %, compute 4 %)"
std::string limits(const RunResult& run) {
  if (run.bound_by.empty()) return "-";
  const double cycles = static_cast<double>(run.cycles);
  std::vector<std::pair<std::string, std::uint64_t>> classes(run.bound_cycles.begin(), run.bound_cycles.end());
  std::stable_sort(classes.begin(), classes.end(), [](auto& a, auto& b) { return a.second > b.second; });
  std::string others;
  for (const auto& [name, n] : classes) {
    if (name == run.bound_by || n == 0) continue;
    others += (others.empty() ? "" : ", ") + unbroken(name + " " + percent(static_cast<double>(n) / cycles));
  }
  const auto own = run.bound_cycles.find(run.bound_by);
  if (own == run.bound_cycles.end()) return run.bound_by;
  return fmt::format("in {} of the cycles{}", percent(static_cast<double>(own->second) / cycles),
                     others.empty() ? "" : "; " + others);
}

/// A figure inside a text.
std::string figure(double value, const std::string& unit) {
  return unbroken(si(value, unit));
}

void timed_rows(Table& table, const Workload& workload, const RunResult& run) {
  const double steps = workload.steps;
  const double flops_per_second = static_cast<double>(run.flops) / run.seconds;
  const double bytes = static_cast<double>(run.read_bytes + run.written_bytes);
  table.add({"time", si(run.seconds, "s"),
             fmt::format("{} cycles at {}; a step takes {}", grouped(run.cycles), figure(run.clock_hz, "Hz"),
                         figure(run.seconds / steps, "s"))});
  table.add({"limited by", run.bound_by.empty() ? "-" : run.bound_by, limits(run)});
  if (run.energy_joules) {
    table.add({"energy", si(*run.energy_joules, "J"), si(*run.energy_joules / steps, "J") + " a step"});
  }
  if (run.average_power_watts) {
    table.add({"power", si(*run.average_power_watts, "W"),
               run.peak_power_watts ? fmt::format("average; peak {}", figure(*run.peak_power_watts, "W")) : "average"});
  }
  table.add({"performance", si(flops_per_second, "FLOPS"),
             fmt::format("{} of the peak of {} in {}", percent(flops_per_second / run.peak_flops_per_second),
                         figure(run.peak_flops_per_second, "FLOPS"), workload.precision)});
  if (run.average_power_watts) {
    table.add({"efficiency", si(flops_per_second / *run.average_power_watts, "FLOPS/W"), ""});
  }
  table.add({"memory traffic", si(bytes, "B"),
             fmt::format("read {}, written {}", figure(static_cast<double>(run.read_bytes), "B"),
                         figure(static_cast<double>(run.written_bytes), "B"))});
  table.add({"bandwidth", si(bytes / run.seconds, "B/s"),
             fmt::format("{} of the peak of {}", percent(bytes / run.seconds / run.peak_bytes_per_second),
                         figure(run.peak_bytes_per_second, "B/s"))});
  if (!run.fits_memory) table.add({"memory", "too small", "the workload is larger than the device's memory"});
  if (!run.assumed.empty()) table.add({"assumed", "", run.assumed});
  table.add({"parallelism", plain(run.average_lanes) + " lanes",
             fmt::format("average; peak {}", grouped(static_cast<std::uint64_t>(run.peak_lanes)))});
  if (!run.technology.empty()) table.add({"technology", run.technology, ""});
}

std::string summary(const Workload& workload, const RunResult& run, std::size_t width) {
  Table table({{"", false, 0}, {"", true, 0}, {"", false, 0, true}});
  if (is_timed(run)) timed_rows(table, workload, run);
  if (!run.loss.empty()) {
    const auto lost = std::ranges::find_if(run.loss, [](double loss) { return !std::isfinite(loss); });
    std::string text = fmt::format("after {} step{}; {} in the first", grouped(run.loss.size()),
                                   run.loss.size() == 1 ? "" : "s", plain(run.loss.front()));
    if (lost != run.loss.end()) {
      text += fmt::format("; no number from step {} on: data, learning rate or loss_scale is to blame",
                          lost - run.loss.begin());
    }
    table.add({"loss", plain(run.loss.back()), text});
  }
  table.add({"work", si(static_cast<double>(run.flops), "FLOP"),
             fmt::format("{} a step; {} parameters", si(static_cast<double>(workload.flops_per_step), "FLOP"),
                         grouped(static_cast<std::uint64_t>(workload.parameters)))});
  if (run.max_error_vs_reference) {
    table.add(
        {"largest error", plain(*run.max_error_vs_reference),
         fmt::format("of one value, relative to the host reference; accepted: {} of a loss, {} of a tensor's norm",
                     workload.tolerance.loss, workload.tolerance.weights)});
  }
  if (!run.ill_conditioned.empty()) {
    const auto& all = run.ill_conditioned;
    const auto worst = std::ranges::max_element(all, {}, &device::IllConditioned::error);
    table.add({"ill-conditioned", grouped(all.size()),
               fmt::format("beyond the tolerance and accepted, because the reference itself moves as far when its "
                           "initial parameters change by a millionth; the most: {}, by {} ({} is accepted)",
                           worst->name, plain(worst->error), plain(worst->accepted))});
  }
  return table.text(width);
}

/// "sm12.core3" -> "sm*.core*": units that differ in a number only are of one kind. A digit after a word's only letter
/// belongs to the word: "l2_slice7" -> "l2_slice*".
std::string kind_of(const std::string& name) {
  std::string kind;
  int letters = 0;  // of the current word
  for (const char c : name) {
    if (std::isalpha(static_cast<unsigned char>(c))) {
      ++letters;
    } else if (std::isdigit(static_cast<unsigned char>(c)) && letters != 1) {
      if (kind.empty() || kind.back() != '*') kind += '*';
      continue;
    } else {
      letters = 0;
    }
    kind += c;
  }
  return kind;
}

struct Group {
  UnitResult sum;  ///< cycles, actions and energy of all its units
  std::size_t units = 0;
  std::string name() const { return units == 1 ? sum.name : fmt::format("{} ({})", kind_of(sum.name), units); }
};

/// Up to four units of a kind stand for themselves, more are summed.
std::vector<Group> groups(const std::vector<UnitResult>& units) {
  constexpr std::size_t most_alone = 4;
  std::map<std::string, std::size_t> of_kind;
  for (const UnitResult& unit : units) ++of_kind[kind_of(unit.name)];
  std::vector<Group> result;
  std::map<std::string, std::size_t> place;
  for (const UnitResult& unit : units) {
    const std::string kind = kind_of(unit.name);
    if (of_kind[kind] <= most_alone) {
      result.push_back({unit, 1});
    } else if (auto [at, first] = place.try_emplace(kind, result.size()); first) {
      result.push_back({unit, 1});
    } else {
      Group& group = result[at->second];
      for (const auto& [state, n] : unit.cycles) group.sum.cycles[state] += n;
      for (const auto& [action, n] : unit.actions) group.sum.actions[action] += n;
      group.sum.energy_joules += unit.energy_joules;
      group.sum.total_cycles += unit.total_cycles;
      ++group.units;
    }
  }
  return result;
}

using State = std::pair<std::string, std::uint64_t>;

/// The states that occurred, the longest first.
std::vector<State> stack(const UnitResult& unit) {
  std::vector<State> states;
  for (const auto& state : unit.cycles)
    if (state.second > 0) states.push_back(state);
  std::stable_sort(states.begin(), states.end(), [](auto& a, auto& b) { return a.second > b.second; });
  return states;
}

std::string units_table(const std::vector<UnitResult>& units, std::size_t width) {
  Table table({{"unit", false, 0}, {"clock", true, 2}, {"energy", true, 1}, {"cycles, by state", false, 0, true}});
  for (const Group& group : groups(units)) {
    std::string states;
    for (const auto& [state, n] : stack(group.sum)) {
      const double share = static_cast<double>(n) / static_cast<double>(group.sum.total_cycles);
      states += (states.empty() ? "" : ", ") + unbroken(state + " " + percent(share));
    }
    table.add({group.name(), si(group.sum.clock_hz, "Hz"), si(group.sum.energy_joules, "J"), states});
  }
  return table.text(width);
}

std::string units_at_length(const std::vector<UnitResult>& units, std::size_t width) {
  std::string text;
  for (const Group& group : groups(units)) {
    const UnitResult& unit = group.sum;
    text += fmt::format("{}: {} cycles at {}, {}\n", group.name(), grouped(unit.total_cycles), si(unit.clock_hz, "Hz"),
                        si(unit.energy_joules, "J"));
    Table table({{"", false, 0}, {"", true, 0}, {"", true, 0}, {"", false, 1}});
    for (const auto& [state, n] : stack(unit)) {
      const double share = static_cast<double>(n) / static_cast<double>(unit.total_cycles);
      const std::size_t room = width > 60 ? width - 50 : 10;
      table.add({"  " + state, grouped(n), percent(share),
                 std::string(static_cast<std::size_t>(share * static_cast<double>(room) + 0.5), '#')});
    }
    text += table.text(width);
    Table actions({{"", false, 0}, {"", true, 0}});
    for (const auto& [action, n] : unit.actions)
      if (n > 0) actions.add({"  " + action, grouped(n)});
    if (!actions.empty()) text += "  did\n" + actions.text(width);
    text += "\n";
  }
  if (!text.empty()) text.pop_back();
  return text;
}

/// The ops that took longest, in the order in which they began.
std::vector<device::OpResult> longest(const std::vector<device::OpResult>& ops, std::size_t most) {
  std::vector<std::size_t> order(ops.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return ops[a].end_cycle - ops[a].begin_cycle > ops[b].end_cycle - ops[b].begin_cycle;
  });
  order.resize(std::min(most, order.size()));
  std::ranges::sort(order);
  std::vector<device::OpResult> result;
  for (const std::size_t index : order) result.push_back(ops[index]);
  return result;
}

std::string ops_table(const std::vector<device::OpResult>& ops, std::size_t width) {
  Table table({{"op", false, 0},
               {"kind", false, 4},
               {"phase", false, 1},
               {"begin", true, 2},
               {"cycles", true, 0},
               {"array", true, 3},
               {"FLOP", true, 0},
               {"bound by", false, 0}});
  for (const auto& op : ops) {
    table.add({op.name, op.kind, op.phase, grouped(op.begin_cycle), grouped(op.end_cycle - op.begin_cycle),
               op.array_cycles ? grouped(*op.array_cycles) : "-", si(static_cast<double>(op.flops), ""), op.bound_by});
  }
  return table.text(width);
}

}  // namespace

std::string run_table(const Workload& workload, const RunResult& run, const TableOptions& options) {
  const auto width = static_cast<std::size_t>(std::max(options.width, 40));
  std::string text = wrapped(fmt::format("{} on {}: {} step{}, {}", workload.name, run.device, grouped(workload.steps),
                                         workload.steps == 1 ? "" : "s", workload.precision),
                             width);
  text += "\n" + summary(workload, run, width);
  if (!run.units.empty()) {
    text += "\nUnits: where the cycles went\n\n";
    text += options.verbose ? units_at_length(run.units, width) : units_table(run.units, width);
  }
  constexpr std::size_t most_ops = 30;  // about a screen
  if (!run.ops.empty()) {
    const bool all = options.verbose || run.ops.size() <= most_ops;
    text += "\n" + wrapped(all ? std::string("Ops of the last step, in device cycles")
                               : fmt::format("The {} longest of the {} ops of the last step, in device cycles; "
                                             "--verbose shows all",
                                             most_ops, grouped(run.ops.size())),
                           width);
    text += "\n" + ops_table(all ? run.ops : longest(run.ops, most_ops), width);
  }
  return text;
}

}  // namespace triad::report
