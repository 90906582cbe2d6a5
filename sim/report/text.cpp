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

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
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

namespace {
const std::string no_break = "\u00a0";
}  // namespace

std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::string glued = text;  // a figure and its % stay together
  for (std::size_t at; (at = glued.find(" %")) != std::string::npos;) glued.replace(at, 1, no_break);
  std::istringstream words(glued);
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
  result += std::string(first ? 0 : indent, ' ') + line + "\n";
  for (std::size_t at; (at = result.find(no_break)) != std::string::npos;) result.replace(at, no_break.size(), " ");
  return result;
}

std::string unbroken(std::string text) {
  for (std::size_t at; (at = text.find(' ')) != std::string::npos;) text.replace(at, 1, no_break);
  return text;
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

namespace {
constexpr std::size_t gap = 2;        // columns between columns
constexpr std::size_t least_cut = 8;  // columns that are left of a name
constexpr std::size_t hidden = 0;     // width of a column that was given up
}  // namespace

/// The width of every column; `hidden` for those given up.
std::vector<std::size_t> Table::fitted_widths(std::size_t width) const {
  std::vector<std::size_t> widths(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    widths[c] = std::max<std::size_t>(1, columns(columns_[c].title));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], columns(row.at(c)));
  }
  const auto excess = [&]() -> std::size_t {
    std::size_t sum = 0;
    for (const std::size_t w : widths)
      if (w != hidden) sum += w + (sum ? gap : 0);
    return sum > width ? sum - width : 0;
  };
  const auto wrap_last = [&] {
    const std::size_t least = columns_.back().least;
    if (columns_.back().wrap && widths.back() > least) {
      widths.back() -= std::min(excess(), widths.back() - least);
    }
  };
  wrap_last();
  while (excess() > 0) {
    std::size_t victim = columns_.size();
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (widths[c] != hidden && columns_[c].give_up > 0 &&
          (victim == columns_.size() || columns_[c].give_up > columns_[victim].give_up)) {
        victim = c;
      }
    }
    if (victim == columns_.size()) break;
    widths[victim] = hidden;
  }
  if (const std::size_t over = excess(); over > 0) {
    widths[0] = widths[0] > over + least_cut ? widths[0] - over : std::min(widths[0], least_cut);
  }
  return widths;
}

std::string Table::line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const {
  std::string out;
  std::size_t begin = 0;  // of the last column
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (widths[c] == hidden) continue;
    if (!out.empty()) out += std::string(gap, ' ');
    begin = columns(out);
    if (columns_[c].wrap) {
      out += wrapped(cells[c], widths[c]);
      continue;
    }
    const std::string text = shortened(cells[c], widths[c]);
    const std::string blanks(widths[c] - std::min(widths[c], columns(text)), ' ');
    out += columns_[c].right ? blanks + text : text + blanks;
  }
  for (std::size_t at = out.find('\n'); at != std::string::npos && at + 1 < out.size(); at = out.find('\n', at + 1)) {
    out.insert(at + 1, std::string(begin, ' '));
  }
  out.erase(out.find_last_not_of(" \n") + 1);
  return out + "\n";
}

std::string Table::text(std::size_t width) const {
  const std::vector<std::size_t> widths = fitted_widths(width);
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  const bool titled =
      std::any_of(titles.begin(), titles.end(), [](const std::string& title) { return !title.empty(); });
  std::string result = titled ? line(titles, widths) : "";
  for (const auto& row : rows_) result += line(row, widths);
  return result;
}

}  // namespace triad::report
