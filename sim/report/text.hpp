#pragma once
#include <cstdint>
#include <string>
#include <vector>

/// Figures and columns for people.
namespace triad::report {

/// Three or four significant digits with an SI prefix: si(1.234e-3, "s") -> "1.234 ms", si(0, "J") -> "0 J".
std::string si(double value, const std::string& unit);
/// "1,234,567"
std::string grouped(std::uint64_t value);
/// A ratio as a percentage with three significant digits: "98.2 %", "0.00123 %".
std::string percent(double ratio);
/// A plain number with up to four significant digits: "0.0123", "1.2e-07".
std::string plain(double value);
/// "3.14 times", "1.8e+04 times": three significant digits.
std::string times(double ratio);

/// A field of a line of CSV (RFC 4180): quoted when it holds a comma, a quote or a line's end.
std::string csv_field(const std::string& text);

/// How many columns a UTF-8 text takes on a terminal (one per character).
std::size_t columns(const std::string& text);
/// The first `width` columns, the last of them "~" where something was cut.
std::string shortened(const std::string& text, std::size_t width);
/// Lines of at most `width` columns, broken at blanks; lines after the first begin with `indent` blanks.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent = 0);

/// The text with its blanks kept together by wrapped().
std::string unbroken(std::string text);
/// "  name  text", the text broken at blanks and kept in its column.
std::string entry(const std::string& name, const std::string& text, std::size_t width);

/// A table whose columns are as wide as their texts. Too wide for the terminal, it breaks the texts of its last column
/// (when that may `wrap`), then gives up columns, those of the highest `give_up` first (0: never), then cuts its first
/// column.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;
    int give_up = 0;
    bool wrap = false;       ///< last column only: broken at blanks
    std::size_t least = 24;  ///< columns that a text which is broken keeps
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  /// Every line ends with a newline and in no blanks.
  std::string text(std::size_t width) const;

 private:
  std::vector<std::size_t> fitted_widths(std::size_t width) const;
  std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace triad::report
