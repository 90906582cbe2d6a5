#pragma once
#include <filesystem>
#include <optional>

#include "sim/config/node.hpp"
#include "sim/device/job.hpp"
#include "sim/workload/data_file.hpp"
#include "sim/workload/network.hpp"

/// The arrays of a workload: samples, targets and initial parameters, from files or synthetic.
namespace triad::workload {

/// Where arrays come from: a file, or a seed.
struct Source {
  std::optional<config::Node> file;  ///< the YAML value that names the file: errors point at it
  std::filesystem::path path;        ///< of the file
  std::uint64_t seed = 0;
};

/// `data:` {file} or {seed, samples}
struct DataSource : Source {
  std::optional<DataFile> data;  ///< where there is a file
  std::int64_t samples = 0;      ///< how many synthetic ones there are
};

/// Reads `initial:` of a workload; absent: seed 0.
Source read_initial_source(const config::Node& workload);
/// Reads `data:` of a workload; absent: seed 0, as many samples as the batch holds.
DataSource read_data_source(const config::Node& workload, const Network& network, bool values);

/// The value of a tensor that has the same one everywhere: Tensor::fill.
device::HostTensor filled(const graph::Tensor& tensor);

/// The initial value of every parameter, of the states that the file has and of the tensors that the network gives.
/// Synthetic: stream = the parameter's name, as its Initial says. Throws config::Error about an array that is missing,
/// unexpected, or of the wrong shape or type.
std::map<graph::TensorId, device::HostTensor> initial_values(const Network& network, const Source& source);

/// The batches of all inputs and targets. Step s takes samples s * batch, s * batch + 1, ..., modulo the number of
/// samples; the sequence of batches repeats after lcm(samples, batch) / batch steps, and no more than `steps` are made.
///
/// From a file: arrays by the names of inputs and targets. Synthetic: synthetic.hpp. Throws config::Error about an
/// array that is missing, of the wrong shape or type, or a class number out of range.
std::map<graph::TensorId, std::vector<device::HostTensor>> batches(const Network& network, const DataSource& source,
                                                                   int steps);

/// The same without values: tensors that have a shape but no bytes, as many. Of a file the number of samples is read.
std::map<graph::TensorId, std::vector<device::HostTensor>> batch_shapes(const Network& network,
                                                                        const DataSource& source, int steps);

}  // namespace triad::workload
