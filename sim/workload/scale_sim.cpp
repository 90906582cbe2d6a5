#include "sim/workload/scale_sim.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <stdexcept>

#include "sim/workload/csv.hpp"

namespace triad::workload {
namespace {

[[noreturn]] void fail(const std::string& name, const CsvField& field, const std::string& message) {
  throw FileError(fmt::format("{}:{}:{}: {}", name, field.line, field.column, message));
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::int64_t positive(const std::string& name, const CsvField& field, const char* meaning) {
  std::int64_t value = 0;
  const char* end = field.text.data() + field.text.size();
  const auto [stop, error] = std::from_chars(field.text.data(), end, value);
  if (error != std::errc() || stop != end || value < 1 || value > largest_dimension) {
    fail(name, field, fmt::format("{}: must be a whole number from 1 to {}", meaning, largest_dimension));
  }
  return value;
}

/// Without the empty field that a comma at the end of a line makes.
void drop_last_comma(CsvRecord& record) {
  if (record.size() > 1 && record.back().text.empty()) record.pop_back();
}

enum class Form { convolution, gemm };
Form form_of(const CsvRecord& header, const std::string& name) {
  const CsvField& first = header.front();
  if (header.size() >= 4 && lower(header[1].text) == "m" && lower(header[2].text) == "n" &&
      lower(header[3].text) == "k") {
    return Form::gemm;
  }
  if (header.size() >= 2 && lower(header[1].text).starts_with("ifmap")) return Form::convolution;
  if (header.size() >= 2 && is_number(header[1].text)) fail(name, first, "the first line must be the header");
  fail(name, first,
       "not the header of a SCALE-Sim topology: must begin with 'Layer name, IFMAP Height' or 'Layer, M, N, K'");
}

SingleOp gemm(const CsvRecord& r, const std::string& name) {
  return matmul_op(r[0].text, positive(name, r[1], "M"), positive(name, r[2], "N"), positive(name, r[3], "K"));
}

SingleOp convolution(const CsvRecord& r, const std::string& name) {
  ConvolutionOp c;
  c.height = positive(name, r[1], "IFMAP Height");
  c.width = positive(name, r[2], "IFMAP Width");
  c.kernel = {positive(name, r[3], "Filter Height"), positive(name, r[4], "Filter Width")};
  c.in_channels = positive(name, r[5], "Channels");
  c.out_channels = positive(name, r[6], "Num Filter");
  c.stride = std::vector<std::int64_t>(2, positive(name, r[7], "Strides"));
  if (r.size() == 9) c.stride[1] = positive(name, r[8], "Strides along columns");
  if (c.kernel[0] > c.height) fail(name, r[3], fmt::format("a filter of {} rows for {} rows", c.kernel[0], c.height));
  if (c.kernel[1] > c.width) {
    fail(name, r[4], fmt::format("a filter of {} columns for {} columns", c.kernel[1], c.width));
  }
  if (r[0].text.find("DP") != std::string::npos) {
    c.groups = c.in_channels;
    if (c.out_channels > largest_dimension / c.groups) fail(name, r[6], "too many filters for a depth-wise layer");
    c.out_channels *= c.groups;
  }
  // As many windows as ceil((H - R) / stride) + 1; the last one needs rows up to (windows - 1) * stride + R.
  const auto extended = [](std::int64_t extent, std::int64_t kernel, std::int64_t stride) {
    return (extent - kernel + stride - 1) / stride * stride + kernel;
  };
  c.height = extended(c.height, c.kernel[0], c.stride[0]);
  c.width = extended(c.width, c.kernel[1], c.stride[1]);
  return convolution_op(r[0].text, c);
}

}  // namespace

std::vector<SingleOp> decode_scale_sim(std::string_view text, const std::string& name) {
  std::vector<CsvRecord> records = split_csv(text, name);
  if (records.empty()) throw FileError(name + ": holds no layer");
  for (CsvRecord& record : records) drop_last_comma(record);
  const Form form = form_of(records.front(), name);
  if (records.size() == 1) throw FileError(name + ": holds a header and no layer");
  std::vector<SingleOp> ops;
  for (std::size_t i = 1; i < records.size(); ++i) {
    const CsvRecord& record = records[i];
    const std::size_t least = form == Form::gemm ? 4 : 8, most = form == Form::gemm ? 4 : 9;
    if (record.size() < least || record.size() > most) {
      fail(name, record.size() > most ? record[most] : record.back(),
           fmt::format("{} fields, must be {}", record.size(),
                       form == Form::gemm ? "4: name, M, N, K"
                                          : "8: name, IFMAP Height and Width, Filter Height and Width, Channels, Num "
                                            "Filter, Strides (or 9: a stride per axis)"));
    }
    if (record[0].text.empty()) fail(name, record[0], "the layer has no name");
    ops.push_back(form == Form::gemm ? gemm(record, name) : convolution(record, name));
  }
  return ops;
}

Network read_topology(const config::Node& topology, Format precision, bool values) {
  const config::Node file = topology.at("scale_sim");
  const std::filesystem::path path = file.folder() / file.text();
  Network network;
  Builder builder(network, precision, values);
  try {
    const std::vector<std::byte> bytes = read_bytes(path);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (const SingleOp& op : decode_scale_sim(text, path.string())) append(builder, op);
  } catch (const FileError& error) {
    file.fail(error.what());
  } catch (const std::invalid_argument& error) {
    file.fail(error.what());
  }
  return network;
}

}  // namespace triad::workload
