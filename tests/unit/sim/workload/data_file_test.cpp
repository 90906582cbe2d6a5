#include "sim/workload/data_file.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "sim/workload/cifar.hpp"
#include "sim/workload/idx.hpp"
#include "sim/workload/npy.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;
using numerics::Format;

std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> bytes(text.size());
  std::transform(text.begin(), text.end(), bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

/// An IDX file of unsigned bytes: magic 00 00 08 RANK, extents of four bytes, the largest first, values.
std::string idx(const std::vector<std::uint32_t>& shape, const std::string& values) {
  std::string text = {'\0', '\0', '\x08', static_cast<char>(shape.size())};
  for (const std::uint32_t extent : shape) {
    for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(extent >> shift & 0xff);
  }
  return text + values;
}

/// A record of CIFAR-10 of which every pixel has one value.
std::string record(int label, int pixel) {
  return std::string(1, static_cast<char>(label)) + std::string(3072, static_cast<char>(pixel));
}

/// The message of the FileError that `decode` throws, or "accepted".
template <class Decode>
std::string rejection(Decode decode) {
  try {
    decode();
  } catch (const FileError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Idx, DecodesBytesOfAnyRank) {
  const HostTensor labels = decode_idx(bytes_of(idx({3}, "\x05\x01\xff")), "labels");
  EXPECT_EQ(labels.shape, (graph::Shape{3}));
  EXPECT_EQ(labels.integers(), (std::vector<std::int32_t>{5, 1, 255}));
  const HostTensor images = decode_idx(bytes_of(idx({2, 1, 3}, "abcdef")), "images");
  EXPECT_EQ(images.shape, (graph::Shape{2, 1, 3}));
  EXPECT_EQ(images.integers(), (std::vector<std::int32_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
}

TEST(Idx, NamesWhatIsWrong) {
  const auto of = [](const std::string& text) { return rejection([&] { decode_idx(bytes_of(text), "f"); }); };
  EXPECT_EQ(of(""), "f: 0 bytes are no IDX file: its magic number has 4");
  EXPECT_EQ(of(std::string("\x1f\x8b\x08\x00", 4)), "f: is compressed with gzip; unpack it first (gunzip)");
  EXPECT_EQ(of("PK\x03\x04"),
            "f: not an IDX file: it starts with 50 4b 03 04, must be 00 00 08 and the number of dimensions");
  EXPECT_EQ(of(std::string("\0\0\x0d\x01", 4)), "f: holds values of type float, must be unsigned byte (08)");
  EXPECT_EQ(of(std::string("\0\0\x08\0", 4)), "f: has no dimension, must have one or more");
  EXPECT_EQ(of(idx({2, 0}, "")), "f: dimension 1 is 0, must be at least 1");
  EXPECT_EQ(of(idx({2, 2}, "abc")), "f: shape [2, 2] does not take the 3 bytes behind the header");
  EXPECT_EQ(of(idx({2, 2}, "abcde")), "f: shape [2, 2] does not take the 5 bytes behind the header");
  // 2^32 - 1 to the fifth power does not overflow into something that fits.
  EXPECT_EQ(of(idx(std::vector<std::uint32_t>(5, 0xffffffff), "a")).rfind("f: shape [4294967295, ", 0), 0u);
  EXPECT_EQ(of(idx({0x10000, 0x10000, 0x10000, 0x10000}, "")).rfind("f: shape [65536, ", 0), 0u);  // 2^64
}

TEST(Idx, IsWholeOrRefusedAtEveryLength) {
  const std::string whole = idx({2, 3}, "abcdef");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(rejection([&] { decode_idx(bytes_of(whole.substr(0, length)), "f"); }), "accepted") << length;
  }
  EXPECT_EQ(rejection([&] { decode_idx(bytes_of(whole), "f"); }), "accepted");
}

TEST(Cifar, DecodesRecords) {
  std::string text = record(3, 0) + record(9, 255);
  text[1 + 1024] = '\x07';  // first image, green, row 0, column 0
  const Arrays arrays = decode_cifar10(bytes_of(text), "f");
  EXPECT_EQ(arrays.at("y").integers(), (std::vector<std::int32_t>{3, 9}));
  EXPECT_EQ(arrays.at("x").shape, (graph::Shape{2, 3, 32, 32}));
  const std::vector<std::int32_t> x = arrays.at("x").integers();
  EXPECT_EQ(x[0], 0);
  EXPECT_EQ(x[1024], 7);
  EXPECT_EQ(x[3072], 255);
}

TEST(Cifar, IsWholeOrRefusedAtEveryLength) {
  const std::string whole = record(1, 2) + record(3, 4);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string message = rejection([&] { decode_cifar10(bytes_of(whole.substr(0, length)), "f"); });
    if (length == 3073) continue;  // exactly one record: a whole file, too
    EXPECT_EQ(message.rfind("f: " + std::to_string(length) + " bytes are not whole records of 3073", 0), 0u) << length;
  }
  EXPECT_EQ(rejection([] { decode_cifar10(bytes_of(record(1, 0) + record(10, 0)), "f"); }),
            "f: image 1 is of class 10, must be 0 to 9");
}

TEST(Csv, TakesTheLastColumnAsTarget) {
  const Arrays arrays = decode_csv("1,2.5,0\n-3e2, +4 ,1\r\n\n", "f", {});
  EXPECT_EQ(arrays.at("x").shape, (graph::Shape{2, 2}));
  EXPECT_EQ(arrays.at("x").floats(), (std::vector<float>{1, 2.5, -300, 4}));
  EXPECT_EQ(arrays.at("y").integers(), (std::vector<std::int32_t>{0, 1}));
}

TEST(Csv, ChoosesColumnsByNameOrNumber) {
  const std::string text = "\"a\",b,\"the \"\"c\"\"\"\n1,2,3\n4,5,6.5\n";
  const Arrays arrays = decode_csv(text, "f", {{"the \"c\"", "0"}, {"b"}});
  EXPECT_EQ(arrays.at("x").floats(), (std::vector<float>{3, 1, 6.5, 4}));
  EXPECT_EQ(arrays.at("y").integers(), (std::vector<std::int32_t>{2, 5}));
  const Arrays real = decode_csv(text, "f", {{"a"}, {"the \"c\""}});  // 6.5 is no class number
  EXPECT_EQ(real.at("y").shape, (graph::Shape{2, 1}));
  EXPECT_EQ(real.at("y").floats(), (std::vector<float>{3, 6.5}));
  EXPECT_EQ(decode_csv(text, "f", {{}, {"a", "b"}}).at("y").shape, (graph::Shape{2, 2}));
}

TEST(Csv, NamesWhatIsWrongWithLineAndColumn) {
  const auto of = [](const std::string& text, const CsvColumns& columns = {}) {
    return rejection([&] { decode_csv(text, "f", columns); });
  };
  EXPECT_EQ(of(""), "f: holds no line of numbers");
  EXPECT_EQ(of("a,b\n"), "f: holds a header and no line of numbers");
  EXPECT_EQ(of("1\n2\n"), "f: has one column, must have two or more: data and target");
  EXPECT_EQ(of("1,2\n3,x\n"), "f:2:3: 'x' is not a number");
  EXPECT_EQ(of("1,2\n3,\n"), "f:2:3: '' is not a number");
  EXPECT_EQ(of("1,2\n3, nan\n"), "f:2:4: 'nan' is not a finite number of 32 bits");
  EXPECT_EQ(of("1,2\n1e39,2\n"), "f:2:1: '1e39' is not a finite number of 32 bits");
  EXPECT_EQ(of("1,2\n3\n"), "f:2:1: 1 fields, must be 2 as in the first line");
  EXPECT_EQ(of("a,b,c\n1,2\n"), "f:2:1: 2 fields, must be 3 as in the header");
  EXPECT_EQ(of("1,2\n3,\"4\n"), "f:2:3: a quote begins here and does not end");
  EXPECT_EQ(of("1,2\n3,\"4\"5\n"), "f:2:3: text behind a quote; a comma must follow");
  EXPECT_EQ(of(std::string("1,2\n3,\0", 7)), "f:2:3: a zero byte: this is no text file");
  EXPECT_EQ(of("width,b\n1,2\n", {{"widht"}, {}}), "f: no column 'widht'; did you mean width?");
  EXPECT_EQ(of("1,2\n", {{"a"}, {}}), "f: no column 'a': the file has no header; name columns by number, from 0 to 1");
  EXPECT_EQ(of("1,2\n", {{"2"}, {}}), "f: no column 2; they go from 0 to 1");
  EXPECT_EQ(of("1,2\n", {{}, {"0", "1"}}), "f: every column is a target; none is left for x");
}

RC_GTEST_PROP(Csv, AnyTextIsReadOrRefused, ()) {
  const auto alphabet = rc::gen::elementOf(std::string("0123456789.,-e\n\r\"ab \t\0+", 23));
  const auto text = *rc::gen::container<std::string>(alphabet);
  try {
    const Arrays arrays = decode_csv(text, "f", {});
    RC_ASSERT(arrays.at("x").shape.size() == 2u);
    RC_ASSERT(arrays.at("x").shape[0] == arrays.at("y").shape[0]);
  } catch (const FileError& error) {
    RC_ASSERT(std::string(error.what()).rfind("f:", 0) == 0u);
  }
}

TEST(Npy, IsWholeOrRefusedAtEveryLength) {
  const std::vector<std::byte> whole = encode_npy(HostTensor::of({2, 2}, {1, 2, 3, 4}), "f");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(rejection([&] { decode_npy({whole.data(), length}, "f"); }), "accepted") << length;
  }
  EXPECT_EQ(decode_npy(whole, "f").floats(), (std::vector<float>{1, 2, 3, 4}));
}

/// `data:` of a workload in a folder of its own.
class DataFiles : public testing::Test {
 protected:
  DataFiles() {
    folder_ = std::filesystem::path(testing::TempDir()) / ("data_file_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~DataFiles() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& contents) {
    std::ofstream(folder_ / name, std::ios::binary) << contents;
  }
  Arrays load(const std::string& data, const std::map<std::string, graph::Shape>& batches = {}) {
    std::ofstream(folder_ / "w.yaml") << "data: " << data << "\n";
    const config::Node node = config::load(folder_ / "w.yaml");
    const DataFile source = read_data_file(node.at("data"));
    node.reject_unread();
    return load_arrays(source, batches);
  }
  std::string rejection(const std::string& data) {
    try {
      load(data);
    } catch (const config::Error& error) {
      std::string message = error.what();
      const std::string prefix = folder_.string() + "/";
      for (std::size_t at; (at = message.find(prefix)) != std::string::npos;) message.erase(at, prefix.size());
      return message;
    }
    return "accepted";
  }
  std::filesystem::path folder_;
};

TEST_F(DataFiles, ReadsMnistInTheShapeOfTheBatch) {
  write("train-images-idx3-ubyte", idx({3, 1, 2}, std::string("\x00\xff\x33\x66\x01\x02", 6)));
  write("train-labels-idx1-ubyte", idx({3}, std::string("\x07\x00\x02", 3)));
  const Arrays arrays =
      load("{file: train-images-idx3-ubyte, labels: train-labels-idx1-ubyte}", {{"x", {64, 1, 1, 2}}, {"y", {64}}});
  EXPECT_EQ(arrays.at("x").shape, (graph::Shape{3, 1, 1, 2}));
  EXPECT_EQ(arrays.at("x").floats(), (std::vector<float>{0, 1, 51 / 255.0f, 102 / 255.0f, 1 / 255.0f, 2 / 255.0f}));
  EXPECT_EQ(arrays.at("y").integers(), (std::vector<std::int32_t>{7, 0, 2}));
  // The names say nothing: the format is told.
  write("a", idx({1, 2}, "ab"));
  write("b", idx({1}, "a"));
  EXPECT_EQ(load("{format: idx, file: a, labels: b}").at("x").shape, (graph::Shape{1, 2}));
}

TEST_F(DataFiles, JoinsTheBatchesOfCifar) {
  write("one.bin", record(1, 0) + record(2, 51));
  write("two.bin", record(3, 255));
  const Arrays arrays = load("{file: [one.bin, two.bin]}");
  EXPECT_EQ(arrays.at("x").shape, (graph::Shape{3, 3, 32, 32}));
  EXPECT_EQ(arrays.at("y").integers(), (std::vector<std::int32_t>{1, 2, 3}));
  const std::vector<float> x = arrays.at("x").floats();
  EXPECT_EQ(x[0], 0.0f);
  EXPECT_EQ(x[3072], 0.2f);
  EXPECT_EQ(x[2 * 3072], 1.0f);
}

TEST_F(DataFiles, ReadsCsvNpyAndNpz) {
  write("d.csv", "class,a,b\n1,0.5,2\n0,4,5\n");
  const Arrays csv = load("{file: d.csv, y: class}", {{"x", {8, 2, 1}}});
  EXPECT_EQ(csv.at("x").shape, (graph::Shape{2, 2, 1}));
  EXPECT_EQ(csv.at("y").integers(), (std::vector<std::int32_t>{1, 0}));
  const HostTensor tensor = HostTensor::of({2, 2}, {1, 2, 3, 4});
  const std::vector<std::byte> npy = encode_npy(tensor, "x");
  write("x.npy", std::string(reinterpret_cast<const char*>(npy.data()), npy.size()));
  EXPECT_EQ(load("{file: x.npy, labels: x.npy}").at("y").bytes, tensor.bytes);
  write_npz(folder_ / "d.npz", {{"tokens", tensor}});
  EXPECT_EQ(load("{file: d.npz}", {{"tokens", {1, 2, 1}}}).at("tokens").shape, (graph::Shape{2, 2}));
}

TEST_F(DataFiles, NamesWhatIsWrong) {
  write("d.csv", "1,x\n3,4\n,5\n");
  write("i-idx1-ubyte", idx({3}, "abc"));
  write("l-idx1-ubyte", idx({2}, "ab"));
  EXPECT_EQ(rejection("{file: d.csv}"), "w.yaml:1:14: data.file: d.csv:3:1: '' is not a number");
  EXPECT_EQ(rejection("{file: d.csv, labels: d.csv}"),
            "w.yaml:1:21: data.labels: unknown key; the keys here are file, format, x, y");
  EXPECT_EQ(rejection("{file: i-idx1-ubyte}"),
            "w.yaml:1:7: data: IDX keeps images and labels apart: the key labels must name the second file");
  EXPECT_EQ(rejection("{file: i-idx1-ubyte, labels: l-idx1-ubyte}"),
            "w.yaml:1:36: data.labels: 2 labels for the 3 images of i-idx1-ubyte");
  EXPECT_EQ(rejection("{file: i.idx.gz}"), "w.yaml:1:14: data.file: is compressed with gzip; unpack it first (gunzip)");
  EXPECT_EQ(rejection("{file: d.txt}").rfind("w.yaml:1:14: data.file: its name does not tell the format", 0), 0u);
  EXPECT_EQ(rejection("{file: d.txt, format: cvs}"),
            "w.yaml:1:29: data.format: 'cvs' is none of npz, npy, idx, cifar10, csv; did you mean csv?");
  EXPECT_EQ(rejection("{file: [d.csv, d.csv]}"),
            "w.yaml:1:14: data.file: several files are read of CIFAR-10 only; name one");
  EXPECT_EQ(rejection("{file: none.csv}"), "w.yaml:1:14: data.file: none.csv: No such file or directory");
  std::filesystem::create_directories(folder_ / "folder.csv");
  EXPECT_EQ(rejection("{file: folder.csv}"), "w.yaml:1:14: data.file: folder.csv: is a folder, not a file");
}

}  // namespace
}  // namespace triad::workload
