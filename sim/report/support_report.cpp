#include "sim/report/support_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/report/text.hpp"

namespace triad::report {
namespace {

using Strings = std::vector<std::string>;

void add_new(Strings& list, const std::string& text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(text);
}

std::string full_name(const Support& answer) {
  return answer.variant.empty() ? answer.op : fmt::format("{} ({})", answer.op, answer.variant);
}

/// "yes", "no" or "forward only".
std::string cell(const std::vector<Support>& answers, const std::string& name, const std::string& device) {
  Strings yes;
  std::size_t all = 0;
  for (const Support& answer : answers) {
    if (full_name(answer) != name || answer.device != device) continue;
    ++all;
    if (answer.supported()) yes.push_back(graph::to_string(answer.phase));
  }
  if (all == 0) return "-";
  if (yes.size() == all) return "yes";
  return yes.empty() ? "no" : fmt::format("{} only", fmt::join(yes, ", "));
}

/// The phases that were asked about, in the order of a step: "forward, backward", in few columns "fwd, bwd".
std::string phases(const std::vector<Support>& answers, const std::string& name, bool narrow) {
  using graph::Phase;
  Strings list;
  for (const Phase phase : {Phase::forward, Phase::backward, Phase::update}) {
    const bool asked = std::ranges::any_of(
        answers, [&](const Support& answer) { return answer.phase == phase && full_name(answer) == name; });
    if (!asked) continue;
    const bool cut = narrow && phase != Phase::update;
    list.push_back(cut ? (phase == Phase::forward ? "fwd" : "bwd") : graph::to_string(phase));
  }
  return fmt::format("{}", fmt::join(list, ", "));
}

/// An op, and its variants of which the same holds.
struct Row {
  std::string op, name, phases;
  Strings cells;  ///< by device
  Strings same;
};

std::vector<Row> rows(const std::vector<Support>& answers, const Strings& devices, bool narrow) {
  std::vector<Row> result;
  Strings seen;
  for (const Support& answer : answers) {
    const std::string name = full_name(answer);
    if (std::ranges::find(seen, name) != seen.end()) continue;
    seen.push_back(name);
    Row row{answer.op, name, phases(answers, name, narrow), {}, {}};
    for (const std::string& device : devices) row.cells.push_back(cell(answers, name, device));
    const auto like = std::ranges::find_if(result, [&](const Row& other) {
      return other.op == row.op && other.phases == row.phases && other.cells == row.cells;
    });
    if (like == result.end()) {
      result.push_back(std::move(row));
    } else {
      like->same.push_back(answer.variant);
    }
  }
  return result;
}

}  // namespace

std::string support_table(const std::vector<Support>& answers, int width) {
  const auto columns = static_cast<std::size_t>(width);
  constexpr std::size_t roomy = 100;  // columns for the phases in full
  Strings devices;
  for (const Support& answer : answers) add_new(devices, answer.device);
  std::vector<Table::Column> titles = {{"op", false, 0}, {"phase", false, 0}};
  for (const std::string& device : devices) titles.push_back({device, false, 0});
  titles.push_back({"the same", false, 1, true, 16});
  Table table(std::move(titles));
  for (const Row& row : rows(answers, devices, columns < roomy)) {
    Strings cells = {row.name, row.phases};
    cells.insert(cells.end(), row.cells.begin(), row.cells.end());
    cells.push_back(fmt::format("{}", fmt::join(row.same, ", ")));
    table.add(std::move(cells));
  }
  std::string text = table.text(columns);
  for (const std::string& device : devices) {
    Strings reasons;
    for (const Support& answer : answers) {
      if (answer.device == device && !answer.supported()) add_new(reasons, answer.reason);
    }
    for (const std::string& reason : reasons) {
      Strings where;
      for (const Support& answer : answers) {
        if (answer.device != device || answer.reason != reason) continue;
        add_new(where, fmt::format("{} {}", full_name(answer), graph::to_string(answer.phase)));
      }
      text += "\n" + wrapped(fmt::format("{}: {}", device, reason), columns) +
              wrapped(fmt::format("  {}", fmt::join(where, ", ")), columns, 2);
    }
  }
  return text;
}

std::string support_json(const std::vector<Support>& answers) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Support& answer : answers) {
    list.push_back({{"op", answer.op},
                    {"variant", answer.variant},
                    {"phase", graph::to_string(answer.phase)},
                    {"device", answer.device},
                    {"supported", answer.supported()},
                    {"reason", answer.supported() ? nlohmann::ordered_json() : nlohmann::ordered_json(answer.reason)}});
  }
  return list.dump(2) + "\n";
}

std::string support_csv(const std::vector<Support>& answers) {
  std::string text = "op,variant,phase,device,supported,reason\n";
  for (const Support& answer : answers) {
    text += fmt::format("{},{},{},{},{},{}\n", answer.op, csv_field(answer.variant), graph::to_string(answer.phase),
                        csv_field(answer.device), answer.supported() ? "yes" : "no", csv_field(answer.reason));
  }
  return text;
}

}  // namespace triad::report
