#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "sim/graph/op.hpp"
#include "sim/graph/training.hpp"
#include "sim/reference/reference.hpp"
#include "sim/workload/npz.hpp"

/// Every op of the graph, forward and all its gradients, against PyTorch (tests/golden/ops/make.py).
namespace triad::reference {
namespace {

using device::HostTensor;
using graph::OpKind;
using graph::Role;
using graph::TensorId;
using numerics::Format;
using Json = nlohmann::json;

const std::filesystem::path folder = std::filesystem::path(TRIAD_SOURCE_DIR) / "tests/golden/ops";
const char* const groups[] = {"contractions", "element_wise", "rows", "movements", "windows", "training"};

/// Of an element, relative to the largest magnitude in its tensor (at least 1e-3). The goldens are exact; fp32 steps
/// and transcendental functions of 2 units in the last place leave this much.
constexpr double tolerance = 5e-6;

Format format_of(const std::string& name) {
  for (const Format format : {Format::fp32, Format::int32, Format::int8}) {
    if (numerics::to_string(format) == name) return format;
  }
  throw std::invalid_argument("unknown format " + name);
}

graph::Attribute attribute(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) return json.get<std::vector<std::int64_t>>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  return json.get<double>();
}

OpKind kind_of(const std::string& name) {
  for (const graph::OpDefinition& op : graph::definitions()) {
    if (op.name == name) return op.kind;
  }
  throw std::invalid_argument("unknown op " + name);
}

void expect_near(const std::string& what, const HostTensor& got, const HostTensor& wanted) {
  ASSERT_EQ(got.shape, wanted.shape) << what;
  const std::vector<float> g = got.floats(), w = wanted.floats();
  double largest = 0.02;
  for (const float x : w) largest = std::isfinite(x) ? std::max(largest, std::abs(static_cast<double>(x))) : largest;
  // Integers are exact; so are casts, which the largest element would drown.
  const bool exact =
      got.format == Format::int8 || got.format == Format::int32 || what.find("cast") != std::string::npos;
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (g[i] == w[i] || (std::isnan(g[i]) && std::isnan(w[i]))) continue;
    ASSERT_FALSE(exact) << what << "[" << i << "]: " << g[i] << ", not " << w[i];
    ASSERT_LE(std::abs(static_cast<double>(g[i]) - w[i]), tolerance * largest)
        << what << "[" << i << "]: " << g[i] << ", not " << w[i] << ", largest " << largest;
  }
}

struct Golden {
  std::string name;
  Json entry;
  workload::Arrays arrays;
};

std::vector<Golden> read(const std::string& group) {
  const workload::Arrays all = workload::read_npz(folder / (group + ".npz"));
  std::ifstream file(folder / (group + ".json"));
  std::vector<Golden> cases;
  for (const Json& entry : Json::parse(file)) {
    Golden golden{entry.at("name"), entry, {}};
    const std::string prefix = golden.name + "/";
    for (auto it = all.lower_bound(prefix); it != all.end() && it->first.starts_with(prefix); ++it) {
      golden.arrays[it->first.substr(prefix.size())] = it->second;
    }
    cases.push_back(std::move(golden));
  }
  return cases;
}

/// The case as a graph, differentiated; `results` are what it is compared by: golden array, tensor.
struct Built {
  device::Job job;
  std::vector<std::pair<std::string, TensorId>> results;
};

Built build(const Golden& golden) {
  Built built;
  graph::Graph& graph = built.job.graph;
  std::map<std::string, TensorId> tensors;
  std::vector<std::string> trained;
  for (const Json& operand : golden.entry.at("operands")) {
    const std::string name = operand.at("name");
    const HostTensor& array = golden.arrays.at(name);
    const Format format = format_of(operand.at("format"));
    const Role role = operand.at("trained") ? Role::parameter : Role::constant;
    tensors[name] = graph.add_tensor({name, array.shape, format, role});
    built.job.initial[tensors[name]] = HostTensor::of(array.shape, array.floats(), format);
    if (role == Role::parameter) trained.push_back(name);
  }
  std::vector<TensorId> outputs;
  for (const Json& op : golden.entry.at("ops")) {
    std::vector<TensorId> inputs;
    for (const std::string name : op.at("inputs")) inputs.push_back(tensors.at(name));
    graph::Attributes attributes;
    for (const auto& [key, value] : op.at("attributes").items()) attributes[key] = attribute(value);
    outputs = graph.add_op(kind_of(op.at("kind")), op.at("name"), inputs, attributes);
    tensors[op.at("name")] = outputs[0];
  }
  for (std::size_t i = 0; i < golden.entry.at("outputs"); ++i)
    built.results.emplace_back(fmt::format("output{}", i), outputs.at(i));
  if (trained.empty()) return built;

  // loss = sum of output * seed
  for (std::size_t i = 0; i < golden.entry.at("seeded"); ++i) {
    const HostTensor& seed = golden.arrays.at(fmt::format("seed{}", i));
    const TensorId weights = graph.add_tensor({fmt::format("seed{}", i), seed.shape, Format::fp32, Role::constant});
    built.job.initial[weights] = seed;
    const std::int64_t n = graph::elements(seed.shape);
    TensorId term = graph.add_op(OpKind::multiply, fmt::format("weighted{}", i), {outputs.at(i), weights})[0];
    term = graph.add_op(OpKind::reshape, fmt::format("flat{}", i), {term}, {{"shape", graph::Shape{n}}})[0];
    graph.loss = graph.add_op(OpKind::reduce_sum, fmt::format("loss{}", i), {term}, {{"axes", graph::Shape{0}}})[0];
  }
  const TensorId one = graph.add_tensor({"loss.grad", {}, Format::fp32, Role::constant, 1});
  for (const auto& [parameter, gradient] : graph::differentiate(graph, one)) {
    built.results.emplace_back(graph.tensor(parameter).name + ".grad", gradient);
  }
  return built;
}

/// A training job: loss = mean((w * a - t)^2), a and t new in each step.
device::Job training_job(const Golden& golden) {
  const auto& settings = golden.entry.at("optimizer");
  device::Job job;
  graph::Graph forward;
  const HostTensor &w = golden.arrays.at("w"), &rates = golden.arrays.at("loss");
  job.steps = static_cast<int>(graph::elements(rates.shape));
  const auto steps_of = [&](const std::string& name) {
    const std::vector<float> all = golden.arrays.at(name).floats();
    std::vector<HostTensor> steps;
    const auto n = static_cast<std::ptrdiff_t>(graph::elements(w.shape));
    for (int step = 0; step < job.steps; ++step) {
      steps.push_back(
          HostTensor::of(w.shape, std::vector<float>(all.begin() + step * n, all.begin() + (step + 1) * n)));
    }
    return steps;
  };
  const TensorId parameter = forward.add_tensor({"w", w.shape, Format::fp32, Role::parameter});
  const TensorId a = forward.add_tensor({"a", w.shape, Format::fp32, Role::input});
  const TensorId t = forward.add_tensor({"t", w.shape, Format::fp32, Role::input});
  const TensorId product = forward.add_op(OpKind::multiply, "product", {parameter, a})[0];
  forward.loss = forward.add_op(OpKind::mse, "loss", {product, t})[0];
  graph::Training training;
  training.loss_scale = golden.entry.at("loss_scale");
  graph::Optimizer& optimizer = training.optimizer;
  optimizer.weight_decay = settings.at("weight_decay");
  if (settings.at("kind") == "adam") {
    optimizer.kind = graph::Optimizer::Kind::adam;
    optimizer.beta1 = settings.at("beta1");
    optimizer.beta2 = settings.at("beta2");
    optimizer.epsilon = settings.at("epsilon");
    optimizer.decoupled = settings.at("decoupled");
  } else {
    optimizer.momentum = settings.at("momentum");
    optimizer.nesterov = settings.at("nesterov");
  }
  job.graph = graph::training_step(forward, training);
  job.initial[parameter] = w;
  job.batches[a] = steps_of("a");
  job.batches[t] = steps_of("t");
  for (std::size_t i = 0; i < job.graph.tensors.size(); ++i) {
    const std::string& name = job.graph.tensors[i].name;
    for (int step = 0; step < job.steps; ++step) {
      double value = 0;
      if (name == graph::learning_rate_name) {
        value = golden.entry.at("rates").at(static_cast<std::size_t>(step));
      } else if (name == graph::correction1_name) {
        value = 1 - std::pow(optimizer.beta1, step + 1);
      } else if (name == graph::correction2_name) {
        value = 1 - std::pow(optimizer.beta2, step + 1);
      } else {
        break;
      }
      job.batches[static_cast<TensorId>(i)].push_back(HostTensor::of({}, {static_cast<float>(value)}));
    }
  }
  return job;
}

class Ops : public testing::TestWithParam<const char*> {};

TEST_P(Ops, AgreeWithPyTorch) {
  for (const Golden& golden : read(GetParam())) {
    SCOPED_TRACE(golden.name);
    if (golden.entry.contains("optimizer")) {
      const Outcome outcome = run(training_job(golden));
      const std::vector<float> losses = golden.arrays.at("loss").floats();
      ASSERT_EQ(outcome.loss.size(), losses.size());
      for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(outcome.loss[i], losses[i], tolerance * losses[i]);
      expect_near(golden.name, outcome.weights.at("w"), golden.arrays.at("updated"));
      continue;
    }
    const Built built = build(golden);
    std::vector<TensorId> wanted;
    for (const auto& [name, tensor] : built.results) wanted.push_back(tensor);
    const std::vector<HostTensor> values = evaluate(built.job, wanted);
    for (std::size_t i = 0; i < values.size(); ++i) {
      expect_near(golden.name + " " + built.results[i].first, values[i], golden.arrays.at(built.results[i].first));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Ops, testing::ValuesIn(groups),
                         [](const auto& info) { return std::string(info.param); });

/// An op without a golden, or a gradient rule that none reaches, is not held to anything.
TEST(Golden, EveryOpAndEveryGradientRuleHasOne) {
  std::set<OpKind> executed, differentiated;
  for (const char* group : groups) {
    for (const Golden& golden : read(group)) {
      const bool optimizer = golden.entry.contains("optimizer");
      const graph::Graph graph = optimizer ? training_job(golden).graph : build(golden).job.graph;
      for (const graph::Op& op : graph.ops) {
        executed.insert(op.kind);
        if (graph.loss >= 0 && op.phase == graph::Phase::forward) differentiated.insert(op.kind);
      }
    }
  }
  for (const graph::OpDefinition& op : graph::definitions()) {
    if (op.kind == OpKind::fused) continue;  // made by a pass, held to the ops that it stands for
    EXPECT_TRUE(executed.contains(op.kind)) << op.name;
    EXPECT_TRUE(!op.gradient || differentiated.contains(op.kind)) << "the gradient of " << op.name;
  }
}

}  // namespace
}  // namespace triad::reference
