#include "sim/workload/csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "sim/config/node.hpp"
#include "sim/workload/file_bytes.hpp"

namespace triad::workload {
namespace {

FileError error_at(const std::string& name, const CsvField& field, const std::string& message) {
  return FileError(fmt::format("{}:{}:{}: {}", name, field.line, field.column, message));
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view spaces = " \t";
  const std::size_t begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(spaces) - begin + 1));
}

/// As it stands in a message: not longer than a line, no bytes that a terminal would act on.
std::string quoted(const std::string& text) {
  std::string shown = text.substr(0, 40);
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  return "'" + shown + (text.size() > 40 ? "...'" : "'");
}

std::optional<double> number(const std::string& text) {
  const char *begin = text.data(), *end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  double value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || stop != end || begin == end) return std::nullopt;
  return value;
}

double finite(const std::string& name, const CsvField& field) {
  const std::optional<double> value = number(field.text);
  if (!value) throw error_at(name, field, quoted(field.text) + " is not a number");
  if (!std::isfinite(static_cast<float>(*value))) {
    throw error_at(name, field, quoted(field.text) + " is not a finite number of 32 bits");
  }
  return *value;
}

/// A name of the header, or a number from 0, as the index of a column.
std::size_t column(const std::string& wanted, const std::vector<std::string>& header, std::size_t count,
                   const std::string& name) {
  const auto found = std::ranges::find(header, wanted);
  if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  std::size_t index = 0;
  const auto [stop, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
  if (error == std::errc() && stop == wanted.data() + wanted.size()) {
    if (index < count) return index;
    throw FileError(fmt::format("{}: no column {}; they go from 0 to {}", name, index, count - 1));
  }
  if (header.empty()) {
    throw FileError(fmt::format("{}: no column {}: the file has no header; name columns by number, from 0 to {}", name,
                                quoted(wanted), count - 1));
  }
  const std::string near = config::nearest(wanted, header);
  throw FileError(fmt::format("{}: no column {}{}", name, quoted(wanted),
                              near.empty() ? "; the header has " + fmt::format("{}", fmt::join(header, ", "))
                                           : "; did you mean " + near + "?"));
}

}  // namespace

std::vector<CsvRecord> split_csv(std::string_view text, const std::string& name) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // the byte order mark that spreadsheets write
  std::vector<CsvRecord> records;
  int line = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view rest = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    ++line;
    if (trimmed(rest).empty()) continue;
    const char* begin = rest.data();
    CsvRecord record;
    while (true) {
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
      CsvField field{"", line, static_cast<int>(rest.data() - begin) + 1};
      std::size_t comma = 0;
      if (rest.starts_with('"')) {
        std::size_t quote = 1;
        while (true) {
          const std::size_t next = rest.find('"', quote);
          if (next == std::string_view::npos) throw error_at(name, field, "a quote begins here and does not end");
          field.text += rest.substr(quote, next - quote);
          quote = next + 1;
          if (!rest.substr(quote).starts_with('"')) break;
          field.text += '"';  // "" stands for one quote
          ++quote;
        }
        comma = std::min(rest.find(',', quote), rest.size());
        if (!trimmed(rest.substr(quote, comma - quote)).empty()) {
          throw error_at(name, field, "text behind a quote; a comma must follow");
        }
      } else {
        comma = std::min(rest.find(','), rest.size());
        field.text = trimmed(rest.substr(0, comma));
      }
      if (field.text.find('\0') != std::string::npos) throw error_at(name, field, "a zero byte: this is no text file");
      record.push_back(std::move(field));
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
    records.push_back(std::move(record));
  }
  return records;
}

Arrays decode_csv(std::string_view text, const std::string& name, const CsvColumns& columns) {
  std::vector<CsvRecord> records = split_csv(text, name);
  if (records.empty()) throw FileError(name + ": holds no line of numbers");
  std::vector<std::string> header;
  if (!std::ranges::all_of(records.front(), [](const CsvField& field) { return number(field.text).has_value(); })) {
    for (const CsvField& field : records.front()) header.push_back(field.text);
    records.erase(records.begin());
    if (records.empty()) throw FileError(name + ": holds a header and no line of numbers");
  }
  const std::size_t count = records.front().size();
  if (count < 2) throw FileError(name + ": has one column, must have two or more: data and target");
  for (const CsvRecord& record : records) {
    const std::size_t expected = header.empty() ? count : header.size();
    if (record.size() == expected) continue;
    throw error_at(name, record.front(),
                   fmt::format("{} fields, must be {} as in the {}", record.size(), expected,
                               header.empty() ? "first line" : "header"));
  }
  std::vector<std::size_t> x, y;
  for (const std::string& wanted : columns.y) y.push_back(column(wanted, header, count, name));
  if (y.empty()) y.push_back(count - 1);
  for (const std::string& wanted : columns.x) x.push_back(column(wanted, header, count, name));
  if (x.empty()) {
    for (std::size_t i = 0; i < count; ++i) {
      if (std::ranges::find(y, i) == y.end()) x.push_back(i);
    }
    if (x.empty()) throw FileError(name + ": every column is a target; none is left for x");
  }
  std::vector<float> inputs, targets;
  std::vector<std::int32_t> classes;
  for (const CsvRecord& record : records) {
    for (const std::size_t i : x) inputs.push_back(static_cast<float>(finite(name, record[i])));
    for (const std::size_t i : y) {
      const double value = finite(name, record[i]);
      targets.push_back(static_cast<float>(value));
      if (value == std::floor(value) && std::abs(value) <= 0x7fffffff) {
        classes.push_back(static_cast<std::int32_t>(value));
      }
    }
  }
  const auto samples = static_cast<std::int64_t>(records.size());
  Arrays arrays;
  arrays["x"] = device::HostTensor::of({samples, static_cast<std::int64_t>(x.size())}, inputs);
  const bool whole = y.size() == 1 && classes.size() == targets.size();
  arrays["y"] = whole ? device::HostTensor::of_integers({samples}, classes)
                      : device::HostTensor::of({samples, static_cast<std::int64_t>(y.size())}, targets);
  return arrays;
}

Arrays read_csv(const std::filesystem::path& file, const CsvColumns& columns) {
  const std::vector<std::byte> bytes = read_bytes(file);
  return decode_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.string(), columns);
}

}  // namespace triad::workload
