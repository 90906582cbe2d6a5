#include <fmt/format.h>

#include <fstream>
#include <map>

#include "sim/cli/command.hpp"
#include "sim/report/text.hpp"

namespace triad::cli {

namespace {

/// What a preset says of itself in a line.
struct Entry {
  std::string preset, summary;
  std::string application;  ///< of a workload: what it is used for; empty where it does not say
};

/// Its keys `summary` and `application`; without a summary the first sentence of the comment that it begins with.
Entry entry_of(const std::string& preset) {
  const std::filesystem::path file = config::presets() / (preset + ".yaml");
  Entry entry{preset, "", ""};
  try {
    const config::Node node = config::load(file);
    if (const auto application = node.find("application")) entry.application = application->text();
    if (const auto summary = node.find("summary")) {
      entry.summary = summary->text();
      return entry;
    }
  } catch (const config::Error& error) {
    entry.summary = std::string("cannot be read: ") + error.what();
    return entry;
  }
  std::ifstream stream(file);
  std::string comment;
  for (std::string line; std::getline(stream, line) && line.starts_with("#");) {
    line.erase(0, std::min(line.find_first_not_of("# "), line.size()));
    comment += (comment.empty() ? "" : " ") + line;
  }
  comment = comment.substr(0, comment.find(". "));
  if (comment.ends_with('.')) comment.pop_back();
  entry.summary = comment;
  return entry;
}

/// The entries in their order: those without an application, then every application under its name.
std::string section(const std::string& title, const std::string& use, const std::vector<std::string>& presets,
                    std::size_t width) {
  std::size_t longest = 0;
  std::map<std::string, std::vector<Entry>> groups;
  for (const std::string& preset : presets) {
    const Entry entry = entry_of(preset);
    longest = std::max(longest, preset.size());
    groups[entry.application].push_back(entry);
  }
  std::string text = fmt::format("{} ({})\n", title, use);
  for (const auto& [application, entries] : groups) {
    if (!application.empty()) text += fmt::format(" {}:\n", application);
    for (const Entry& entry : entries) {
      text += report::entry(fmt::format("{:<{}}", entry.preset, longest), entry.summary, width);
    }
  }
  if (presets.empty()) text += "  none\n";
  return text;
}

}  // namespace

void add_list(CLI::App& app, const device::Registry& registry, Action& action) {
  CLI::App* command = app.add_subcommand("list", "List devices, memories, workloads and experiments");
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
            section("Memories", "triad memory MEMORY", config::preset_names("memory"), width) + "\n" +
            section("Workloads", "triad run DEVICE WORKLOAD", config::preset_names("workloads"), width) + "\n" +
            section("Experiments", "triad compare EXPERIMENT", config::preset_names("experiments"), width));
    };
  });
}

}  // namespace triad::cli
