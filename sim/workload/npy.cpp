#include "sim/workload/npy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

#include "sim/workload/npz.hpp"

static_assert(std::endian::native == std::endian::little, "NPY values are read in the host's byte order");

namespace triad::workload {
namespace {

using device::HostTensor;

constexpr std::string_view magic{"\x93NUMPY", 6};

/// The header of an NPY file is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (64, 784), }
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  std::string type;
  bool fortran_order = false;
  graph::Shape shape;

  void read() {
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        type = quoted();
        has_type = true;
      } else if (key == "fortran_order") {
        fortran_order = boolean();
        has_order = true;
      } else if (key == "shape") {
        shape = tuple();
        has_shape = true;
      } else {
        corrupt();
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!has_type || !has_order || !has_shape) corrupt();
  }

 private:
  [[noreturn]] void corrupt() const {
    throw NpzError(fmt::format("{}: the NPY header is not one of a plain array of numbers", name_));
  }
  void skip_spaces() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }
  bool accept(char wanted) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) corrupt();
  }
  std::string quoted() {
    skip_spaces();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) corrupt();
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) corrupt();
    const std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool boolean() {
    skip_spaces();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    corrupt();
  }
  graph::Shape tuple() {
    graph::Shape dimensions;
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      std::int64_t dimension = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), dimension);
      if (error != std::errc() || dimension < 0) corrupt();
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      dimensions.push_back(dimension);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return dimensions;
  }

  std::string_view rest_;
  const std::string& name_;
};

template <typename Word>
std::vector<Word> words(std::span<const std::byte> data) {
  std::vector<Word> result(data.size() / sizeof(Word));
  if (!result.empty()) std::memcpy(result.data(), data.data(), data.size());
  return result;
}

std::vector<float> round_to_fp32(const std::vector<double>& values) {
  std::vector<float> result;
  result.reserve(values.size());
  for (const double value : values) result.push_back(static_cast<float>(value));
  return result;
}

std::vector<std::int32_t> narrow(const std::vector<std::int64_t>& values, const std::string& name) {
  std::vector<std::int32_t> result;
  result.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<std::int32_t>(values[i]);
    if (value != values[i]) throw NpzError(fmt::format("{}: element {} is {}, not an int32", name, i, values[i]));
    result.push_back(value);
  }
  return result;
}

std::size_t bytes_per_element(const std::string& type, const std::string& name) {
  if (type == "|u1") return 1;
  if (type == "<f4" || type == "<i4") return 4;
  if (type == "<f8" || type == "<i8") return 8;
  if (type.starts_with(">")) {
    throw NpzError(fmt::format("{}: the type '{}' is big-endian; save it little-endian", name, type));
  }
  throw NpzError(
      fmt::format("{}: the type '{}' is not known; must be float32, float64, int32, int64 or uint8", name, type));
}

/// The bytes that an array of this shape holds, or nothing when no file could hold them.
std::optional<std::size_t> size_of(const graph::Shape& shape, std::size_t bytes_per_element) {
  std::size_t size = bytes_per_element;
  for (const std::int64_t dimension : shape) {
    const auto factor = static_cast<std::size_t>(dimension);
    if (factor != 0 && size > std::numeric_limits<std::size_t>::max() / factor) return std::nullopt;
    size *= factor;
  }
  return size;
}

}  // namespace

HostTensor decode_npy(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(magic) || text.size() < 12) throw NpzError(fmt::format("{}: not an NPY array", name));
  const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(bytes[at]); };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3) throw NpzError(fmt::format("{}: NPY version {}; known are 1 to 3", name, version));
  const std::size_t start = version == 1 ? 10 : 12;
  const std::size_t length = byte(8) | byte(9) << 8 | (version == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (length > text.size() - start) throw NpzError(fmt::format("{}: truncated inside the NPY header", name));

  HeaderReader header(text.substr(start, length), name);
  header.read();
  if (header.fortran_order) {
    throw NpzError(fmt::format("{}: stands in Fortran (column-major) order; save numpy.ascontiguousarray of it", name));
  }
  const std::span<const std::byte> data = bytes.subspan(start + length);
  const std::optional<std::size_t> size = size_of(header.shape, bytes_per_element(header.type, name));
  if (size != data.size()) {
    throw NpzError(fmt::format("{}: shape {} of '{}' does not take the {} bytes that it holds", name,
                               graph::to_string(header.shape), header.type, data.size()));
  }
  if (header.type == "<f4") return HostTensor::of(header.shape, words<float>(data));
  if (header.type == "<f8") return HostTensor::of(header.shape, round_to_fp32(words<double>(data)));
  if (header.type == "<i4") return HostTensor::of_integers(header.shape, words<std::int32_t>(data));
  if (header.type == "<i8") return HostTensor::of_integers(header.shape, narrow(words<std::int64_t>(data), name));
  const auto small = words<std::uint8_t>(data);
  return HostTensor::of_integers(header.shape, {small.begin(), small.end()});
}

std::vector<std::byte> encode_npy(const HostTensor& tensor, const std::string& name) {
  if (tensor.format != numerics::Format::fp32 && tensor.format != numerics::Format::int32) {
    throw NpzError(
        fmt::format("{}: {} is not written; must be fp32 or int32", name, numerics::to_string(tensor.format)));
  }
  const char* type = tensor.format == numerics::Format::fp32 ? "<f4" : "<i4";
  // A tuple of one element is written (3,).
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", type,
                                   fmt::join(tensor.shape, ", "), tensor.shape.size() == 1 ? "," : "");
  const std::size_t prefix = magic.size() + 4;
  header.append(63 - (prefix + header.size()) % 64, ' ');  // the data starts at a multiple of 64 bytes
  header.push_back('\n');

  std::string head(magic);
  head += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  head += header;
  std::vector<std::byte> bytes(head.size() + tensor.bytes.size());
  std::memcpy(bytes.data(), head.data(), head.size());
  if (!tensor.bytes.empty()) std::memcpy(bytes.data() + head.size(), tensor.bytes.data(), tensor.bytes.size());
  return bytes;
}

}  // namespace triad::workload
