#include "sim/workload/npz.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "sim/workload/npy.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;
using numerics::Format;

std::filesystem::path scratch(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / ("npz_test_" + std::to_string(getpid()) + "_" + name);
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

Arrays sample() {
  return {{"fc1.weight", HostTensor::of({2, 3}, {1, -2.5f, 3, 0, 1e-42f, 7})},
          {"fc1.bias", HostTensor::of({2}, {0.1f, 0.2f})},
          {"step", HostTensor::of_integers({}, {-7})}};
}

/// An NPY file with this header dictionary and data.
std::vector<std::byte> npy(const std::string& header, const std::string& data, char version = 1) {
  std::string text = "\x93NUMPY";
  text += {version, 0, static_cast<char>(header.size()), 0};
  if (version > 1) text += {0, 0};
  text += header + data;
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

std::string header(const std::string& type, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

template <typename T>
std::string raw(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

std::string rejection(const std::vector<std::byte>& bytes) {
  try {
    decode_npy(bytes, "x.npz: x");
  } catch (const NpzError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Npz, ReadsWhatItWrote) {
  const auto file = scratch("round_trip.npz");
  const Arrays written = sample();
  write_npz(file, written);
  const Arrays read = read_npz(file);
  ASSERT_EQ(read.size(), written.size());
  for (const auto& [name, tensor] : written) {
    ASSERT_TRUE(read.contains(name)) << name;
    EXPECT_EQ(read.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read.at(name).format, tensor.format) << name;
    EXPECT_EQ(read.at(name).bytes, tensor.bytes) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".tmp"));
  std::filesystem::remove(file);
}

TEST(Npz, EqualArraysGiveEqualBytesInEveryTimeZone) {
  const auto first = scratch("first.npz"), second = scratch("second.npz");
  setenv("TZ", "UTC", 1);
  write_npz(first, sample());
  setenv("TZ", "America/Los_Angeles", 1);
  write_npz(second, sample());
  EXPECT_EQ(bytes_of(first), bytes_of(second));
  std::filesystem::remove(first);
  std::filesystem::remove(second);
}

/// Written by numpy.savez: the goldens.
TEST(Npz, ReadsWhatNumpyWrote) {
  const Arrays arrays = read_npz(std::filesystem::path(TRIAD_SOURCE_DIR) / "tests/golden/linear.fp32.npz");
  EXPECT_EQ(arrays.at("fc.weight").shape, (graph::Shape{1, 10}));
  EXPECT_EQ(arrays.at("loss").shape, graph::Shape{100});  // float64 there
  EXPECT_EQ(arrays.at("loss").format, Format::fp32);
}

TEST(Npz, AFileCutAnywhereIsAnError) {
  const auto file = scratch("whole.npz"), torn = scratch("torn.npz");
  write_npz(file, sample());
  const std::string whole = bytes_of(file);
  for (std::size_t length = 0; length < whole.size(); length += 13) {
    write_bytes(torn, whole.substr(0, length));
    EXPECT_THROW(read_npz(torn), NpzError) << length << " of " << whole.size() << " bytes";
  }
  std::filesystem::remove(file);
  std::filesystem::remove(torn);
}

TEST(Npz, AFlippedByteInAnArrayIsAnError) {
  const auto file = scratch("flipped.npz");
  write_npz(file, sample());
  std::string bytes = bytes_of(file);
  const float value = -2.5f;
  const std::size_t place = bytes.find(std::string(reinterpret_cast<const char*>(&value), 4));
  ASSERT_NE(place, std::string::npos);
  bytes[place + 1] ^= 1;
  write_bytes(file, bytes);
  EXPECT_THROW(read_npz(file), NpzError);  // the ZIP entry's checksum
  std::filesystem::remove(file);
}

TEST(Npz, MissingFilesAndFoldersAreErrors) {
  EXPECT_THROW(read_npz(scratch("missing.npz")), NpzError);
  EXPECT_THROW(read_npz(testing::TempDir()), NpzError);
  EXPECT_THROW(write_npz(scratch("no") / "folder.npz", sample()), NpzError);
  EXPECT_THROW(write_npz(scratch("half.npz"), {{"x", HostTensor::zeros({2}, Format::bf16)}}), NpzError);
  EXPECT_FALSE(std::filesystem::exists(scratch("half.npz")));
}

TEST(Npy, ConvertsTheTypesItKnows) {
  EXPECT_EQ(decode_npy(npy(header("<f4", "(2,)"), raw<float>({1.5f, -2})), "x").floats(), (std::vector{1.5f, -2.0f}));
  EXPECT_EQ(decode_npy(npy(header("<f8", "(2,)"), raw<double>({0.1, -2})), "x").floats(), (std::vector{0.1f, -2.0f}));
  EXPECT_EQ(decode_npy(npy(header("<i4", "(2,)"), raw<std::int32_t>({3, -2})), "x").integers(), (std::vector{3, -2}));
  EXPECT_EQ(decode_npy(npy(header("<i8", "(2,)"), raw<std::int64_t>({3, -2})), "x").integers(), (std::vector{3, -2}));
  EXPECT_EQ(decode_npy(npy(header("|u1", "(2,)"), raw<std::uint8_t>({3, 255})), "x").integers(), (std::vector{3, 255}));
  EXPECT_EQ(decode_npy(npy(header("<f4", "()"), raw<float>({4})), "x").shape, graph::Shape{});
  EXPECT_EQ(decode_npy(npy(header("<f4", "(1, 2)"), raw<float>({4, 5}), 2), "x").shape, (graph::Shape{1, 2}));
}

TEST(Npy, NamesWhatIsWrong) {
  const std::string one = raw<float>({1});
  EXPECT_EQ(rejection(npy(header("<f4", "(1, 1)", "True"), one)),
            "x.npz: x: stands in Fortran (column-major) order; save numpy.ascontiguousarray of it");
  EXPECT_EQ(rejection(npy(header("<f2", "(2,)"), one)),
            "x.npz: x: the type '<f2' is not known; must be float32, float64, int32, int64 or uint8");
  EXPECT_EQ(rejection(npy(header(">f4", "(1,)"), one)),
            "x.npz: x: the type '>f4' is big-endian; save it little-endian");
  EXPECT_EQ(rejection(npy(header("<f4", "(2,)"), one)),
            "x.npz: x: shape [2] of '<f4' does not take the 4 bytes that it holds");
  EXPECT_EQ(rejection(npy(header("<i8", "(1,)"), raw<std::int64_t>({1LL << 40}))),
            "x.npz: x: element 0 is 1099511627776, not an int32");
  EXPECT_EQ(rejection(npy(header("<f4", "(1,)"), one, 9)), "x.npz: x: NPY version 9; known are 1 to 3");
  EXPECT_EQ(rejection({}), "x.npz: x: not an NPY array");
  const std::string plain = "x.npz: x: the NPY header is not one of a plain array of numbers";
  EXPECT_EQ(rejection(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", one)), plain);
  EXPECT_EQ(rejection(npy("{'descr': '<f4', 'shape': (1,), }", one)), plain);
  EXPECT_EQ(rejection(npy(header("<f4", "(-1,)"), one)), plain);
  EXPECT_EQ(rejection(npy("{'descr': '<f4", one)), plain);
  // A product of dimensions beyond 64 bits must not wrap around to a size that fits.
  EXPECT_NE(rejection(npy(header("<f4", "(4294967296, 4294967296, 4)"), "")), "accepted");
}

}  // namespace
}  // namespace triad::workload
