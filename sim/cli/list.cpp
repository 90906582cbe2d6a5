#include <fmt/format.h>

#include <fstream>

#include "sim/cli/command.hpp"
#include "sim/report/text.hpp"

namespace triad::cli {

namespace {

/// A preset in a line: its key `summary`, or the first sentence of the comment that it begins with.
std::string summary_of(const std::string& preset) {
  const std::filesystem::path file = config::presets() / (preset + ".yaml");
  try {
    if (const auto summary = config::load(file).find("summary")) return summary->text();
  } catch (const config::Error& error) {
    return std::string("cannot be read: ") + error.what();
  }
  std::ifstream stream(file);
  std::string comment;
  for (std::string line; std::getline(stream, line) && line.starts_with("#");) {
    line.erase(0, std::min(line.find_first_not_of("# "), line.size()));
    comment += (comment.empty() ? "" : " ") + line;
  }
  comment = comment.substr(0, comment.find(". "));
  if (comment.ends_with('.')) comment.pop_back();
  return comment;
}

std::string section(const std::string& title, const std::string& use, const std::vector<std::string>& presets,
                    std::size_t width) {
  std::size_t longest = 0;
  for (const std::string& preset : presets) longest = std::max(longest, preset.size());
  std::string text = fmt::format("{} ({})\n", title, use);
  for (const std::string& preset : presets) {
    text += report::entry(fmt::format("{:<{}}", preset, longest), summary_of(preset), width);
  }
  if (presets.empty()) text += "  none\n";
  return text;
}

}  // namespace

void add_list(CLI::App& app, const device::Registry& registry, Action& action) {
  CLI::App* command = app.add_subcommand("list", "List devices, workloads and experiments");
  command->footer("Presets are YAML files under " + config::presets().string() +
                  "\nYour own file can extend one: `extends: tpu/tpu-v3`.");
  command->callback([&registry, &action] {
    action = [&registry] {
      const auto width = static_cast<std::size_t>(terminal_width());
      std::vector<std::string> devices;
      for (const auto& architecture : registry.all()) {
        const auto presets = config::preset_names(architecture.name);
        devices.insert(devices.end(), presets.begin(), presets.end());
      }
      print(section("Devices", "triad describe DEVICE", devices, width) + "\n" +
            section("Workloads", "triad run DEVICE WORKLOAD", config::preset_names("workloads"), width) + "\n" +
            section("Experiments", "triad compare EXPERIMENT", config::preset_names("experiments"), width));
    };
  });
}

}  // namespace triad::cli
