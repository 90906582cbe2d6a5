#include "sim/workload/data.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "sim/workload/npz.hpp"
#include "sim/workload/random.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;
using graph::Shape;
using numerics::Format;

constexpr std::int64_t largest_seed = std::numeric_limits<std::int64_t>::max();

/// Elements of a tensor per sample.
std::int64_t features_of(const Network& network, graph::TensorId id) {
  const Shape& shape = network.graph.tensor(id).shape;
  return graph::elements(shape) / shape[0];
}

void read_source(const config::Node& node, Source& source) {
  source.file = node.find("file");
  if (source.file) {
    source.path = source.file->folder() / source.file->text();
    if (const auto seed = node.find("seed")) seed->fail("either a file or a seed, not both");
  } else if (const auto seed = node.find("seed")) {
    source.seed = static_cast<std::uint64_t>(seed->integer(0, largest_seed));
  }
}

/// An NPZ file; every error points at the YAML value that names it.
class File {
 public:
  explicit File(const Source& source) : source_(source) {
    try {
      arrays_ = read_npz(source.path);
    } catch (const NpzError& error) {
      source.file->fail(error.what());
    }
  }
  const HostTensor& array(const std::string& name) const {
    const auto found = arrays_.find(name);
    if (found != arrays_.end()) return found->second;
    const std::vector<std::string> known = names();
    const std::string near = config::nearest(name, known);
    fail(fmt::format("no array '{}'; it has {}{}", name,
                     known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")),
                     near.empty() ? "" : fmt::format("; is {} meant?", near)));
  }
  [[noreturn]] void fail(const std::string& message) const {
    source_.file->fail(fmt::format("{}: {}", source_.path.string(), message));
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

/// All samples; the first dimension counts them.
struct Samples {
  HostTensor x, y;
};

Shape with_first(Shape shape, std::int64_t first) {
  shape[0] = first;
  return shape;
}

/// Is `shape` that of samples of a tensor whose batches have shape `batch`?
bool holds_samples(const Shape& shape, const Shape& batch) {
  return shape.size() == batch.size() && shape[0] >= 1 && shape == with_first(batch, shape[0]);
}

/// "[samples, 784]"
std::string pattern(const Shape& batch) {
  const Shape rest(batch.begin() + 1, batch.end());
  return rest.empty() ? "[samples]" : fmt::format("[samples, {}]", fmt::join(rest, ", "));
}

Samples load_samples(const Network& network, const Source& source) {
  const File file(source);
  const graph::Tensor &x = network.graph.tensor(network.x), &y = network.graph.tensor(network.y);
  HostTensor inputs = file.array("x"), targets = file.array("y");
  if (!holds_samples(inputs.shape, x.shape)) {
    file.fail(fmt::format("x has shape {}, must be {}", graph::to_string(inputs.shape), pattern(x.shape)));
  }
  if (!holds_samples(targets.shape, y.shape)) {
    file.fail(fmt::format("y has shape {}, must be {}", graph::to_string(targets.shape), pattern(y.shape)));
  }
  if (inputs.shape[0] != targets.shape[0]) {
    file.fail(fmt::format("x has {} samples, y has {}", inputs.shape[0], targets.shape[0]));
  }
  if (inputs.format != Format::fp32) inputs = HostTensor::of(inputs.shape, inputs.floats());
  if (y.format == Format::int32) {
    if (targets.format != Format::int32)
      file.fail("y holds real numbers; cross_entropy takes class numbers (integers)");
    const std::int64_t classes = network.graph.tensor(network.output).shape[1];
    const std::vector<std::int32_t> numbers = targets.integers();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] >= 0 && numbers[i] < classes) continue;
      file.fail(fmt::format("y[{}] is class {}, must be 0 to {} (the last layer makes {} outputs)", i, numbers[i],
                            classes - 1, classes));
    }
  } else if (targets.format != Format::fp32) {
    targets = HostTensor::of(targets.shape, targets.floats());
  }
  return {std::move(inputs), std::move(targets)};
}

Samples synthesize(const Network& network, const DataSource& source) {
  const graph::Tensor &x = network.graph.tensor(network.x), &y = network.graph.tensor(network.y);
  const auto samples = static_cast<std::size_t>(source.samples);
  const auto features = static_cast<std::size_t>(features_of(network, network.x));
  const auto outputs = static_cast<std::size_t>(features_of(network, network.output));
  const std::vector<float> inputs = Random(source.seed, "x").uniform(samples * features, std::sqrt(3.0f));
  const std::vector<float> teacher = Random(source.seed, "teacher").uniform(outputs * features, 1.0f);

  std::vector<float> scores(samples * outputs);
  std::vector<std::int32_t> classes(samples);
  for (std::size_t s = 0; s < samples; ++s) {
    double highest = -std::numeric_limits<double>::infinity();
    for (std::size_t o = 0; o < outputs; ++o) {
      double score = 0;
      for (std::size_t f = 0; f < features; ++f) {
        score += static_cast<double>(inputs[s * features + f]) * static_cast<double>(teacher[o * features + f]);
      }
      scores[s * outputs + o] = static_cast<float>(score);
      if (score > highest) classes[s] = static_cast<std::int32_t>(o);
      highest = std::max(highest, score);
    }
  }
  HostTensor data = HostTensor::of(with_first(x.shape, source.samples), inputs);
  const Shape shape = with_first(y.shape, source.samples);
  return {std::move(data),
          y.format == Format::int32 ? HostTensor::of_integers(shape, classes) : HostTensor::of(shape, scores)};
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

}  // namespace

Source read_initial_source(const config::Node& workload) {
  Source source;
  if (const auto node = workload.find("initial")) read_source(*node, source);
  return source;
}

DataSource read_data_source(const config::Node& workload, const Network& network) {
  DataSource source;
  source.samples = network.graph.tensor(network.x).shape[0];
  const std::int64_t features = features_of(network, network.x), outputs = features_of(network, network.output);
  const auto node = workload.find("data");
  if (node) read_source(*node, source);
  if (source.file) {
    if (const auto samples = node->find("samples")) samples->fail("the file says how many samples there are");
    return source;
  }
  if (features > largest_tensor / outputs) {
    workload.fail(fmt::format("{} features and {} outputs are too many for synthetic data; name a file under data",
                              features, outputs));
  }
  if (const auto samples = node ? node->find("samples") : std::nullopt) {
    source.samples = samples->integer(1, largest_tensor / std::max(features, outputs));
  }
  return source;
}

std::map<graph::TensorId, HostTensor> initial_values(const Network& network, const Source& source) {
  std::map<graph::TensorId, HostTensor> values;
  if (!source.file) {
    for (const auto& [id, bound] : network.initial_bounds) {
      const graph::Tensor& parameter = network.graph.tensor(id);
      const auto count = static_cast<std::size_t>(graph::elements(parameter.shape));
      values[id] = HostTensor::of(parameter.shape, Random(source.seed, parameter.name).uniform(count, bound));
    }
    return values;
  }
  const File file(source);
  std::vector<std::string> parameters;
  for (const auto& [id, bound] : network.initial_bounds) {
    const graph::Tensor& parameter = network.graph.tensor(id);
    const HostTensor& array = file.array(parameter.name);
    if (array.shape != parameter.shape) {
      file.fail(fmt::format("{} has shape {}, must be {}", parameter.name, graph::to_string(array.shape),
                            graph::to_string(parameter.shape)));
    }
    if (array.format != Format::fp32) file.fail(fmt::format("{} holds integers, must be real numbers", parameter.name));
    values[id] = array;
    parameters.push_back(parameter.name);
  }
  for (const std::string& name : file.names()) {
    if (std::ranges::find(parameters, name) == parameters.end()) {
      file.fail(fmt::format("the array '{}' is no parameter of the workload; those are {}", name,
                            fmt::join(parameters, ", ")));
    }
  }
  return values;
}

std::map<graph::TensorId, std::vector<HostTensor>> batches(const Network& network, const DataSource& source,
                                                           int steps) {
  const Samples samples = source.file ? load_samples(network, source) : synthesize(network, source);
  const graph::Tensor &x = network.graph.tensor(network.x), &y = network.graph.tensor(network.y);
  const std::int64_t count = std::min<std::int64_t>(std::lcm(samples.x.shape[0], x.shape[0]) / x.shape[0], steps);
  std::map<graph::TensorId, std::vector<HostTensor>> result;
  for (std::int64_t step = 0; step < count; ++step) {
    result[network.x].push_back(batch_of(samples.x, x.shape, step));
    result[network.y].push_back(batch_of(samples.y, y.shape, step));
  }
  return result;
}

}  // namespace triad::workload
