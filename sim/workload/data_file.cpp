#include "sim/workload/data_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sim/workload/cifar.hpp"
#include "sim/workload/file_bytes.hpp"
#include "sim/workload/idx.hpp"
#include "sim/workload/npy.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;

std::filesystem::path path_of(const config::Node& file) {
  return file.folder() / file.text();
}

/// The format that a file's name tells, or "".
std::string format_of(const std::string& name) {
  for (const auto& [suffix, format] :
       {std::pair{".npz", "npz"}, {".npy", "npy"}, {".csv", "csv"}, {".bin", "cifar10"}}) {
    if (name.ends_with(suffix)) return format;
  }
  const std::size_t idx = name.rfind("idx");  // train-images-idx3-ubyte
  if (idx != std::string::npos && idx + 3 < name.size() && std::isdigit(static_cast<unsigned char>(name[idx + 3]))) {
    return "idx";
  }
  return "";
}

std::vector<std::string> column_names(const config::Node& node) {
  if (!node.is_list()) return {node.text()};
  std::vector<std::string> names;
  for (const config::Node& item : node.items()) names.push_back(item.text());
  if (names.empty()) node.fail("names no column");
  return names;
}

/// Runs `read`; what is wrong with the file is an error at the YAML value that names it.
template <class Read>
auto reading(const config::Node& node, Read read) {
  try {
    return read(path_of(node));
  } catch (const FileError& error) {
    node.fail(error.what());
  }
}

HostTensor read_npy(const std::filesystem::path& file) {
  return decode_npy(read_bytes(file), file.string());
}

/// byte / 255, in [0, 1].
HostTensor scaled(const HostTensor& pixels) {
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(graph::elements(pixels.shape)));
  for (const float value : pixels.floats()) values.push_back(value / 255.0f);
  return HostTensor::of(pixels.shape, values);
}

void append(HostTensor& to, const HostTensor& more) {
  to.shape[0] += more.shape[0];
  to.bytes.insert(to.bytes.end(), more.bytes.begin(), more.bytes.end());
}

/// As many values per sample as a batch holds per sample: the batch's shape.
void shape_like(HostTensor& samples, const graph::Shape& batch) {
  if (samples.shape.empty() || samples.shape[0] < 1 || batch.empty() || batch[0] < 1) return;
  if (graph::elements(samples.shape) / samples.shape[0] != graph::elements(batch) / batch[0]) return;
  graph::Shape shape = batch;
  shape[0] = samples.shape[0];
  samples.shape = shape;
}

}  // namespace

DataFile read_data_file(const config::Node& data) {
  DataFile source;
  const config::Node file = data.at("file");
  source.files = file.is_list() ? file.items() : std::vector<config::Node>{file};
  if (source.files.empty()) file.fail("names no file");
  const std::string name = source.files.front().text();
  if (const auto format = data.find("format")) {
    source.format = format->choice({"npz", "npy", "idx", "cifar10", "csv"});
  } else {
    source.format = format_of(name);
    if (name.ends_with(".gz")) file.fail("is compressed with gzip; unpack it first (gunzip)");
    if (source.format.empty()) {
      file.fail(
          "its name does not tell the format (.npz, .npy, .csv, .bin of CIFAR-10, or idx1 to idx4 in it); say "
          "format: npz, npy, idx, cifar10 or csv");
    }
  }
  if (source.files.size() > 1 && source.format != "cifar10") {
    file.fail("several files are read of CIFAR-10 only; name one");
  }
  if (source.format == "idx" || source.format == "npy") source.labels = data.find("labels");
  if (source.format == "idx" && !source.labels) {
    data.fail("IDX keeps images and labels apart: the key labels must name the second file");
  }
  if (source.format == "csv") {
    if (const auto x = data.find("x")) source.columns.x = column_names(*x);
    if (const auto y = data.find("y")) source.columns.y = column_names(*y);
  }
  return source;
}

Arrays load_arrays(const DataFile& source, const std::map<std::string, graph::Shape>& batches) {
  const config::Node& first = source.files.front();
  if (source.format == "npz") return reading(first, read_npz);
  Arrays arrays;
  if (source.format == "npy") {
    arrays["x"] = reading(first, read_npy);
    if (source.labels) arrays["y"] = reading(*source.labels, read_npy);
  } else if (source.format == "idx") {
    arrays["x"] = scaled(reading(first, read_idx));
    arrays["y"] = reading(*source.labels, read_idx);
    if (arrays["x"].shape[0] != arrays["y"].shape[0]) {
      source.labels->fail(
          fmt::format("{} labels for the {} images of {}", arrays["y"].shape[0], arrays["x"].shape[0], first.text()));
    }
  } else if (source.format == "csv") {
    arrays = reading(first, [&](const std::filesystem::path& path) { return read_csv(path, source.columns); });
  } else {
    for (const config::Node& file : source.files) {
      Arrays one = reading(file, read_cifar10);
      one["x"] = scaled(one["x"]);
      for (auto& [name, array] : one) {
        if (arrays.contains(name)) {
          append(arrays[name], array);
        } else {
          arrays[name] = std::move(array);
        }
      }
    }
  }
  for (auto& [name, array] : arrays) {
    const auto batch = batches.find(name);
    if (batch != batches.end()) shape_like(array, batch->second);
  }
  return arrays;
}

}  // namespace triad::workload
