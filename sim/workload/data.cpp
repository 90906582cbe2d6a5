#include "sim/workload/data.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "sim/workload/data_file.hpp"
#include "sim/workload/npz.hpp"
#include "sim/workload/random.hpp"
#include "sim/workload/synthetic.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;
using graph::Role;
using graph::Shape;
using graph::TensorId;
using numerics::Format;

constexpr std::int64_t largest_seed = std::numeric_limits<std::int64_t>::max();

void read_seed(const config::Node& node, Source& source) {
  const auto seed = node.find("seed");
  if (!seed) return;
  if (source.file) seed->fail("either a file or a seed, not both");
  source.seed = static_cast<std::uint64_t>(seed->integer(0, largest_seed));
}

/// Arrays of a file; every error points at the YAML value that names it.
class File {
 public:
  File(const Source& source, Arrays arrays) : source_(source), arrays_(std::move(arrays)) {}
  const HostTensor& array(const std::string& name) const {
    const auto found = arrays_.find(name);
    if (found != arrays_.end()) return found->second;
    const std::vector<std::string> known = names();
    const std::string near = config::nearest(name, known);
    fail(fmt::format("no array '{}'; it has {}{}", name,
                     known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")),
                     near.empty() ? "" : fmt::format("; is {} meant?", near)));
  }
  const HostTensor* find(const std::string& name) const {
    const auto found = arrays_.find(name);
    return found == arrays_.end() ? nullptr : &found->second;
  }
  [[noreturn]] void fail(const std::string& message) const {
    source_.file->fail(source_.path.empty() ? message : fmt::format("{}: {}", source_.path.string(), message));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [name, tensor] : arrays_) result.push_back(name);
    return result;
  }

 private:
  const Source& source_;
  Arrays arrays_;
};

using Samples = std::map<TensorId, HostTensor>;  ///< all of them; the first dimension counts

/// Is `shape` that of samples of a tensor whose batches have shape `batch`?
bool holds_samples(const Shape& shape, const Shape& batch) {
  return shape.size() == batch.size() && shape[0] >= 1 && std::equal(shape.begin() + 1, shape.end(), batch.begin() + 1);
}

/// "[samples, 784]"
std::string pattern(const Shape& batch) {
  const Shape rest(batch.begin() + 1, batch.end());
  return rest.empty() ? "[samples]" : fmt::format("[samples, {}]", fmt::join(rest, ", "));
}

std::vector<Feed> feeds(const Network& network) {
  std::vector<Feed> all = network.inputs;
  all.insert(all.end(), network.targets.begin(), network.targets.end());
  return all;
}

/// An array as an input or target takes it.
HostTensor checked(const Network& network, const Feed& feed, const File& file) {
  const Shape& batch = network.graph.tensor(feed.tensor).shape;
  HostTensor values = file.array(feed.name);
  if (!holds_samples(values.shape, batch)) {
    file.fail(fmt::format("{} has shape {}, must be {}", feed.name, graph::to_string(values.shape), pattern(batch)));
  }
  if (feed.classes == 0) {
    return values.format == Format::fp32 ? values : HostTensor::of(values.shape, values.floats());
  }
  if (values.format != Format::int32) {
    file.fail(fmt::format("{} holds real numbers; {} (integers)", feed.name,
                          feed.target ? "cross_entropy takes class numbers" : "the input takes class numbers"));
  }
  const std::vector<std::int32_t> numbers = values.integers();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::int32_t n = numbers[i];
    if ((n >= 0 && n < feed.classes && n != feed.excluded) || (feed.ignores && n == feed.ignored)) continue;
    file.fail(fmt::format("{}[{}] is class {}, must be {} to {}{}", feed.name, i, n, feed.excluded == 0 ? 1 : 0,
                          feed.classes - (feed.excluded > 0 ? 2 : 1),
                          feed.target && feed.kind == Feed::Kind::score
                              ? fmt::format(" (the last layer makes {} outputs)", feed.classes)
                              : ""));
  }
  return values;
}

Samples load_samples(const Network& network, const DataSource& source) {
  std::map<std::string, Shape> shapes;
  for (const Feed& feed : feeds(network)) shapes[feed.name] = network.graph.tensor(feed.tensor).shape;
  const File file(source, load_arrays(*source.data, shapes));
  Samples samples;
  const std::string& first = network.inputs.at(0).name;
  for (const Feed& feed : feeds(network)) {
    samples[feed.tensor] = checked(network, feed, file);
    const std::int64_t count = samples[feed.tensor].shape[0], expected = samples[network.inputs[0].tensor].shape[0];
    if (count != expected) file.fail(fmt::format("{} has {} samples, {} has {}", first, expected, feed.name, count));
  }
  return samples;
}

/// Batch number `step` of the samples, wrapping around.
HostTensor batch_of(const HostTensor& samples, const Shape& shape, std::int64_t step) {
  HostTensor batch = HostTensor::zeros(shape, samples.format);
  const auto row = batch.bytes.size() / static_cast<std::size_t>(shape[0]);
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    const auto sample = static_cast<std::size_t>((step * shape[0] + i) % samples.shape[0]);
    std::memcpy(batch.bytes.data() + static_cast<std::size_t>(i) * row, samples.bytes.data() + sample * row, row);
  }
  return batch;
}

HostTensor drawn(const graph::Tensor& parameter, const Initial& initial, std::uint64_t seed) {
  const auto count = static_cast<std::size_t>(graph::elements(parameter.shape));
  if (initial.kind == Initial::Kind::constant) {
    return HostTensor::of(parameter.shape, std::vector<float>(count, static_cast<float>(initial.value)));
  }
  return HostTensor::of(parameter.shape,
                        Random(seed, parameter.name).uniform(count, static_cast<float>(initial.value)));
}

Arrays read_initial(const Source& source) {
  try {
    return read_npz(source.path);
  } catch (const NpzError& error) {
    source.file->fail(error.what());
  }
}

void check_initial(const graph::Tensor& tensor, const HostTensor& array, const File& file) {
  if (array.shape != tensor.shape) {
    file.fail(fmt::format("{} has shape {}, must be {}", tensor.name, graph::to_string(array.shape),
                          graph::to_string(tensor.shape)));
  }
  if (array.format != Format::fp32) file.fail(fmt::format("{} holds integers, must be real numbers", tensor.name));
}

}  // namespace

Source read_initial_source(const config::Node& workload) {
  Source source;
  const auto node = workload.find("initial");
  if (!node) return source;
  source.file = node->find("file");
  if (source.file) source.path = source.file->folder() / source.file->text();
  read_seed(*node, source);
  return source;
}

DataSource read_data_source(const config::Node& workload, const Network& network, bool values) {
  DataSource source;
  source.samples = network.graph.tensor(network.inputs.at(0).tensor).shape[0];
  const auto node = workload.find("data");
  if (!node) return source;
  source.file = node->find("file");
  read_seed(*node, source);
  const auto samples = node->find("samples");
  if (source.file) {
    if (samples) samples->fail("the file says how many samples there are");
    source.data = read_data_file(*node);
    if (source.data->files.size() == 1) source.path = source.file->folder() / source.data->files[0].text();
    return source;
  }
  if (samples) {
    std::int64_t largest = 1;
    for (const Feed& feed : feeds(network)) {
      const Shape& batch = network.graph.tensor(feed.tensor).shape;
      largest = std::max(largest, graph::elements(batch) / batch[0]);
    }
    source.samples = samples->integer(1, (values ? largest_array : largest_tensor) / largest);
  }
  return source;
}

HostTensor filled(const graph::Tensor& tensor) {
  const auto count = static_cast<std::size_t>(graph::elements(tensor.shape));
  if (tensor.format == Format::int32) {
    return HostTensor::of_integers(tensor.shape,
                                   std::vector<std::int32_t>(count, static_cast<std::int32_t>(tensor.fill)));
  }
  return HostTensor::of(tensor.shape, std::vector<float>(count, static_cast<float>(tensor.fill)));
}

std::map<TensorId, HostTensor> initial_values(const Network& network, const Source& source) {
  std::map<TensorId, HostTensor> values;
  for (const auto& [id, make] : network.given) values[id] = make();
  if (!source.file) {
    for (const auto& [id, initial] : network.initial) {
      if (!values.contains(id)) values[id] = drawn(network.graph.tensor(id), initial, source.seed);
    }
    return values;
  }
  const File file(source, read_initial(source));
  std::vector<std::string> parameters;
  for (const auto& [id, initial] : network.initial) {
    const graph::Tensor& parameter = network.graph.tensor(id);
    const HostTensor& array = file.array(parameter.name);
    check_initial(parameter, array, file);
    values[id] = array;
    parameters.push_back(parameter.name);
  }
  std::vector<std::string> states;
  for (std::size_t i = 0; i < network.graph.tensors.size(); ++i) {
    const graph::Tensor& tensor = network.graph.tensors[i];
    // Running statistics are states in training, constants in inference.
    if (tensor.role != Role::state && tensor.role != Role::constant) continue;
    const HostTensor* array = file.find(tensor.name);
    if (array == nullptr) continue;
    states.push_back(tensor.name);
    check_initial(tensor, *array, file);
    values[static_cast<TensorId>(i)] = *array;
  }
  for (const std::string& name : file.names()) {
    // PyTorch counts the batches that a batch_norm has seen; nothing depends on it unless momentum is None.
    if (name.ends_with(".num_batches_tracked")) continue;
    if (std::ranges::find(parameters, name) == parameters.end() && std::ranges::find(states, name) == states.end()) {
      file.fail(fmt::format("the array '{}' is no parameter of the workload; those are {}", name,
                            fmt::join(parameters, ", ")));
    }
  }
  return values;
}

namespace {

/// Batches before the first one comes again.
std::int64_t different_batches(std::int64_t samples, std::int64_t batch, int steps) {
  return std::min<std::int64_t>(std::lcm(samples, batch) / batch, steps);
}

}  // namespace

std::map<TensorId, std::vector<HostTensor>> batches(const Network& network, const DataSource& source, int steps) {
  const Samples samples =
      source.file ? load_samples(network, source) : synthesize(network, source.seed, source.samples);
  std::map<TensorId, std::vector<HostTensor>> result;
  for (const auto& [id, all] : samples) {
    const Shape& shape = network.graph.tensor(id).shape;
    const std::int64_t count = different_batches(all.shape[0], shape[0], steps);
    for (std::int64_t step = 0; step < count; ++step) result[id].push_back(batch_of(all, shape, step));
  }
  return result;
}

std::map<TensorId, std::vector<HostTensor>> batch_shapes(const Network& network, const DataSource& source, int steps) {
  Samples samples;
  if (source.file) samples = load_samples(network, source);
  std::map<TensorId, std::vector<HostTensor>> result;
  for (const Feed& feed : feeds(network)) {
    const graph::Tensor& tensor = network.graph.tensor(feed.tensor);
    const std::int64_t all = source.file ? samples.at(feed.tensor).shape[0] : source.samples;
    const auto count = static_cast<std::size_t>(different_batches(all, tensor.shape[0], steps));
    result[feed.tensor].assign(count, {tensor.shape, tensor.format, {}});
  }
  return result;
}

}  // namespace triad::workload
