#include "sim/report/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

namespace triad::report {

std::string si(double value, const std::string& unit) {
  if (!std::isfinite(value)) return fmt::format("{} {}", value, unit);
  static constexpr std::array<const char*, 13> prefixes = {"a", "f", "p", "n", "u", "m", "",
                                                           "k", "M", "G", "T", "P", "E"};
  constexpr int one = 6;  // where the empty prefix stands
  int prefix = one;
  double scaled = value;
  // 999.95 would print as 1000.0: it belongs to the next prefix.
  while (std::abs(scaled) >= 999.95 && prefix + 1 < static_cast<int>(prefixes.size())) scaled /= 1000, ++prefix;
  while (scaled != 0 && std::abs(scaled) < 0.99995 && prefix > 0) scaled *= 1000, --prefix;
  const std::string suffix = prefixes[static_cast<std::size_t>(prefix)] + unit;
  return fmt::format("{:.4g}{}{}", scaled, suffix.empty() ? "" : " ", suffix);
}

std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string percent(double ratio) {
  if (!std::isfinite(ratio)) return "-";
  const double value = ratio * 100;
  return value >= 99.95 ? fmt::format("{:.0f} %", value) : fmt::format("{:.3g} %", value);
}

std::string plain(double value) {
  return fmt::format("{:.4g}", value);
}

std::string times(double ratio) {
  if (ratio >= 999.5 && ratio < 1e15) return grouped(static_cast<std::uint64_t>(std::llround(ratio))) + " times";
  return fmt::format("{:.3g} times", ratio);
}

namespace {
bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}
}  // namespace

std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string shortened(const std::string& text, std::size_t width) {
  if (columns(text) <= width || width == 0) return text;
  std::string result;
  std::size_t used = 0;
  for (const char byte : text) {
    if (begins_character(byte) && used++ == width - 1) break;
    result += byte;
  }
  return result + "~";
}

std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::istringstream words(text);
  std::string result, line, word;
  bool first = true;
  while (words >> word) {
    const std::size_t begin = first ? 0 : indent;
    if (!line.empty() && begin + columns(line) + 1 + columns(word) > width) {
      result += std::string(begin, ' ') + line + "\n";
      line.clear();
      first = false;
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return result + std::string(first ? 0 : indent, ' ') + line + "\n";
}

std::string entry(const std::string& name, const std::string& text, std::size_t width) {
  const std::string head = "  " + name + "  ";
  const std::size_t indent = columns(head);
  constexpr std::size_t least = 20;  // columns for the text
  std::string lines = wrapped(text, std::max(width, indent + least) - indent);
  for (std::size_t at = lines.find('\n'); at + 1 < lines.size(); at = lines.find('\n', at + 1)) {
    lines.insert(at + 1, std::string(indent, ' '));
  }
  if (text.empty()) return "  " + name.substr(0, name.find_last_not_of(' ') + 1) + "\n";
  return head + lines;
}

std::string Table::text(std::size_t width) const {
  constexpr std::size_t gap = 2;
  std::vector<std::size_t> widths(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    widths[c] = columns(columns_[c].title);
    for (const auto& row : rows_) widths[c] = std::max(widths[c], columns(row.at(c)));
  }
  std::vector<bool> shown(columns_.size(), true);
  const auto total = [&] {
    std::size_t sum = 0;
    for (std::size_t c = 0; c < columns_.size(); ++c)
      if (shown[c]) sum += widths[c] + (sum ? gap : 0);
    return sum;
  };
  while (total() > width) {
    std::size_t victim = columns_.size();
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (shown[c] && columns_[c].give_up > 0 &&
          (victim == columns_.size() || columns_[c].give_up > columns_[victim].give_up)) {
        victim = c;
      }
    }
    if (victim == columns_.size()) break;
    shown[victim] = false;
  }
  if (const std::size_t sum = total(); sum > width) {
    constexpr std::size_t least = 8;
    const std::size_t excess = sum - width;
    widths[0] = widths[0] > excess + least ? widths[0] - excess : std::min(widths[0], least);
  }

  std::string result;
  const auto line = [&](const auto& cell) {
    std::string out;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (!shown[c]) continue;
      const std::string text = shortened(cell(c), widths[c]);
      const std::string blanks(widths[c] - std::min(widths[c], columns(text)), ' ');
      out += (c ? std::string(gap, ' ') : "") + (columns_[c].right ? blanks + text : text + blanks);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    result += out + "\n";
  };
  const bool titled = std::any_of(columns_.begin(), columns_.end(), [](const Column& c) { return !c.title.empty(); });
  if (titled) line([&](std::size_t c) { return columns_[c].title; });
  for (const auto& row : rows_) line([&](std::size_t c) { return row[c]; });
  return result;
}

}  // namespace triad::report
