#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sim/workload/npz.hpp"

/// Comma-separated values, after RFC 4180: a record a line, fields apart by commas, a field may stand in double quotes.
namespace triad::workload {

/// One field with its place in the file.
struct CsvField {
  std::string text;  ///< without quotes and without spaces around it
  int line = 0, column = 0;
};
using CsvRecord = std::vector<CsvField>;

/// Splits a text into records; empty lines are left out. Throws FileError ("NAME:line:column: ...") about a quote that
/// does not end and about a zero byte.
std::vector<CsvRecord> split_csv(std::string_view text, const std::string& name);

/// Which columns are data and which are targets: names of the header or numbers from 0.
struct CsvColumns {
  std::vector<std::string> x;  ///< empty: all that are not y
  std::vector<std::string> y;  ///< empty: the last one
};

/// A table of numbers: x, fp32 [records, columns of x]; y, of one column of whole numbers int32 [records] (class
/// numbers), else fp32 [records, columns of y]. The first line is a header when one of its fields is no number. Throws
/// FileError ("NAME:line:column: ...") about a field that is no finite number, a record with more or fewer fields than
/// the first, a column that is not there.
Arrays decode_csv(std::string_view text, const std::string& name, const CsvColumns& columns);

/// Reads a file. Throws FileError.
Arrays read_csv(const std::filesystem::path& file, const CsvColumns& columns);

}  // namespace triad::workload
