#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include "sim/config/data.hpp"

namespace triad::config {

namespace fs = std::filesystem;

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// Insertions, deletions, substitutions and swaps of neighbours that make one word of another (optimal string
/// alignment).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

std::string last_component(const std::string& name) {
  return name.substr(name.rfind('/') + 1);
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  constexpr std::size_t longest = 80;  // of a name that somebody can have meant
  if (word.empty() || word.size() > longest) return {};
  // Two thirds of a word must be right, and more of a long one.
  const std::size_t near = std::min<std::size_t>(3, (word.size() + 1) / 3);
  std::string best;
  std::size_t best_distance = near + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest || candidate == word) continue;
    const std::size_t distance = edit_distance(lower(word), lower(candidate));
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

fs::path presets() {
  if (const char* folder = std::getenv("TRIAD_CONFIGS"); folder && *folder) return folder;
  return TRIAD_SOURCE_CONFIGS;
}

std::vector<std::string> preset_names(const std::string& folder) {
  std::vector<std::string> names;
  const fs::path top = presets();
  std::error_code error;
  for (fs::recursive_directory_iterator entry(top / folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".yaml") {
      names.push_back(fs::path(entry->path()).replace_extension().lexically_relative(top).generic_string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

/// When the name is that of a preset in another folder than those asked for: what it is. A folder of the user's own
/// may hold anything, so only a whole name under workloads/, experiments/ or memory/ is sure to be wrong.
std::optional<std::string> misplaced(const std::string& name, const std::vector<std::string>& folders,
                                     const std::vector<std::string>& presets) {
  const auto is = [&](const std::string& preset, const std::string& what) {
    return fmt::format("{} is {} ({}); expected a preset of {}", in_quotes(name), what, preset, list(folders));
  };
  const auto asked = [&](const std::string& folder) {
    return folders.empty() || std::find(folders.begin(), folders.end(), folder) != folders.end();
  };
  const std::pair<std::string, std::string> known[] = {
      {"workloads", "a workload"}, {"experiments", "an experiment"}, {"memory", "a memory"}};
  for (const auto& [folder, what] : known) {
    for (const std::string& preset : presets) {
      if (!asked(folder) && preset.starts_with(folder + "/") && (preset == name || preset == folder + "/" + name))
        return is(preset, what);
    }
  }
  for (const std::string& preset : presets) {
    const std::string folder = preset.substr(0, preset.find('/'));
    if (!asked(folder) && preset == folder + "/" + name) return is(preset, "a preset of " + folder);
  }
  return std::nullopt;
}

/// When there is a thing of that name among the files: why it cannot be read.
std::optional<std::string> unreadable(const std::string& name, const fs::path& base) {
  std::error_code error;
  const fs::path path = base / name;
  if (name.empty() || !fs::exists(path, error)) return std::nullopt;
  if (fs::is_directory(path, error))
    return in_quotes(name) + " is a directory; expected a preset or a file whose name ends in .yaml";
  return in_quotes(name) + " is a file, but its name does not end in .yaml";
}

}  // namespace

fs::path resolve(const std::string& name, const fs::path& base, const std::vector<std::string>& folders) {
  if (name.ends_with(".yaml")) return fs::path(name).is_absolute() ? fs::path(name) : base / name;
  const std::vector<std::string> all = preset_names();
  const auto exists = [&](const std::string& preset) { return std::binary_search(all.begin(), all.end(), preset); };
  const auto file = [&](const std::string& preset) { return presets() / (preset + ".yaml"); };
  for (const std::string& folder : folders)
    if (exists(folder + "/" + name)) return file(folder + "/" + name);
  if (const auto message = misplaced(name, folders, all)) throw Error(*message);
  if (exists(name)) return file(name);
  if (const auto message = unreadable(name, base)) throw Error(*message);

  std::vector<std::string> candidates;  // of the folders asked for, or all
  for (const std::string& preset : all) {
    const std::string folder = preset.substr(0, preset.find('/'));
    if (folders.empty() || std::find(folders.begin(), folders.end(), folder) != folders.end())
      candidates.push_back(preset);
  }
  std::string near = nearest(name, candidates);
  if (near.empty()) {
    std::vector<std::string> last;
    for (const std::string& candidate : candidates) last.push_back(last_component(candidate));
    const std::string word = last_component(name);
    auto found = std::find(last.begin(), last.end(), word);
    if (found == last.end()) found = std::find(last.begin(), last.end(), nearest(word, last));
    if (found != last.end()) near = candidates[static_cast<std::size_t>(found - last.begin())];
  }
  std::string help;
  if (!near.empty()) {
    help = "; did you mean " + near + "?";
  } else if (candidates.empty()) {
    help = "; there are none under " + presets().string();
  } else {
    help = "; there are " + list(candidates);
  }
  throw Error(fmt::format("{}: no such preset (a file's name ends in .yaml){}", in_quotes(name), help));
}

}  // namespace triad::config
