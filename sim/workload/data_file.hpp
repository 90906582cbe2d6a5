#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/config/node.hpp"
#include "sim/workload/csv.hpp"
#include "sim/workload/npz.hpp"

/// Samples in files of the formats in which data sets are published.
namespace triad::workload {

/// `data:` with a `file:`, as YAML states it:
///
///     data: {file: d.npz}                                                    # arrays x and y, or by other names
///     data: {file: x.npy, labels: y.npy}
///     data: {file: train-images-idx3-ubyte, labels: train-labels-idx1-ubyte}   # MNIST's format (IDX)
///     data: {file: [data_batch_1.bin, data_batch_2.bin]}                     # CIFAR-10's binary version; one or
///     several data: {file: d.csv, x: [width, height], y: [class]}                    # x: all others, y: the last one
///
/// The format is `format: npz|npy|idx|cifar10|csv`, or follows from the name: .npz, .npy, .csv, .bin (CIFAR-10), and
/// "idx" with a digit behind it (IDX). The bytes of images (IDX, CIFAR-10) become byte / 255, in [0, 1].
struct DataFile {
  std::string format;
  std::vector<config::Node> files;     ///< the YAML values that name files: errors point at them
  std::optional<config::Node> labels;  ///< IDX, NPY
  CsvColumns columns;
};

/// Reads the keys; opens no file. Throws config::Error.
DataFile read_data_file(const config::Node& data);

/// Reads the files: x and y, of an NPZ file all that it holds. An array whose samples have as many values as those of
/// `batches` under its name takes that shape ([n, 28, 28] -> [n, 1, 28, 28], columns -> [n, 2, 3]); of NPZ files shapes
/// stay. Throws config::Error at the YAML value, with what is wrong in the file.
Arrays load_arrays(const DataFile& source, const std::map<std::string, graph::Shape>& batches);

}  // namespace triad::workload
