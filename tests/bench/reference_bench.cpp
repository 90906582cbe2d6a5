#include <benchmark/benchmark.h>

#include "sim/graph/op.hpp"
#include "sim/graph/training.hpp"
#include "sim/reference/reference.hpp"

namespace {

using namespace triad;
using device::HostTensor;
using graph::OpKind;
using graph::Role;
using graph::Shape;
using graph::TensorId;
using numerics::Format;

/// A graph under construction whose tensors get small, varied values.
class Builder {
 public:
  device::Job job;
  graph::Graph& graph = job.graph;

  TensorId tensor(const std::string& name, const Shape& shape, Role role, float scale = 1) {
    const TensorId id = graph.add_tensor({name, shape, Format::fp32, role});
    std::vector<float> values(static_cast<std::size_t>(graph::elements(shape)));
    for (float& v : values)
      v = (static_cast<float>((state_ = state_ * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1) * scale;
    give(id, HostTensor::of(shape, values));
    return id;
  }
  void give(TensorId id, HostTensor value) {
    if (graph.tensor(id).role == Role::input) {
      job.batches[id] = {std::move(value)};
    } else {
      job.initial[id] = std::move(value);
    }
  }
  TensorId op(OpKind kind, std::vector<TensorId> inputs, graph::Attributes attributes = {}) {
    return graph.add_op(kind, graph.unique_name(to_string(kind)), std::move(inputs), std::move(attributes))[0];
  }
  TensorId convolution(TensorId x, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
    const Shape in = graph.tensor(x).shape;
    const TensorId w =
        tensor(graph.unique_name("conv2d") + ".weight", {out, in[1], kernel, kernel}, Role::parameter, 0.05f);
    return op(OpKind::conv2d, {x, w}, {{"stride", Shape{stride, stride}}, {"padding", Shape{kernel / 2, kernel / 2}}});
  }
  TensorId normalized(TensorId x, bool relu) {
    const std::int64_t channels = graph.tensor(x).shape[1];
    const std::string name = graph.unique_name("normalize");
    const TensorId weight = tensor(name + ".weight", {channels, 1, 1}, Role::parameter);
    const TensorId bias = tensor(name + ".bias", {channels, 1, 1}, Role::parameter);
    const TensorId y = op(OpKind::normalize, {x}, {{"axes", Shape{0, 2, 3}}});
    const TensorId z = op(OpKind::add, {op(OpKind::multiply, {y, weight}), bias});
    return relu ? op(OpKind::relu, {z}) : z;
  }
  /// Makes a training step of the mean of `losses`.
  void train(TensorId losses) {
    graph.loss = op(OpKind::reduce_mean, {losses}, {{"axes", Shape{0}}});
    graph::Training training;
    training.optimizer.momentum = 0.9;
    graph = graph::training_step(graph, training);
    for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
      if (graph.tensors[i].name == graph::learning_rate_name)
        job.batches[static_cast<TensorId>(i)] = {HostTensor::of({}, {0.01f})};
    }
  }

 private:
  std::uint32_t state_ = 1;
};

/// ResNet-50 v1.5: He et al., "Deep Residual Learning for Image Recognition", 2016; the stride in the 3x3 convolution.
device::Job resnet50(std::int64_t batch) {
  Builder b;
  TensorId x = b.tensor("x", {batch, 3, 224, 224}, Role::input);
  x = b.normalized(b.convolution(x, 64, 7, 2), true);
  x = b.op(OpKind::max_pool, {x}, {{"kernel", Shape{3, 3}}, {"stride", Shape{2, 2}}, {"padding", Shape{1, 1}}});
  const std::int64_t depths[] = {3, 4, 6, 3};
  for (std::int64_t stage = 0; stage < 4; ++stage) {
    const std::int64_t width = 64 << stage;
    for (std::int64_t block = 0; block < depths[stage]; ++block) {
      const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      TensorId y = b.normalized(b.convolution(x, width, 1, 1), true);
      y = b.normalized(b.convolution(y, width, 3, stride), true);
      y = b.normalized(b.convolution(y, 4 * width, 1, 1), false);
      if (block == 0) x = b.normalized(b.convolution(x, 4 * width, 1, stride), false);
      x = b.op(OpKind::relu, {b.op(OpKind::add, {x, y})});
    }
  }
  x = b.op(OpKind::reduce_mean, {x}, {{"axes", Shape{2, 3}}});
  const TensorId w = b.tensor("fc.weight", {1000, 2048}, Role::parameter, 0.02f);
  x = b.op(OpKind::matmul, {x, w}, {{"transpose_b", true}});
  const TensorId classes = b.graph.add_tensor({"classes", {batch}, Format::int32, Role::input});
  b.give(classes, HostTensor::of_integers({batch}, std::vector<std::int32_t>(static_cast<std::size_t>(batch), 7)));
  b.train(b.op(OpKind::cross_entropy, {x, classes}));
  return b.job;
}

void resnet50_step(benchmark::State& state) {
  const device::Job job = resnet50(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(reference::run(job).loss);
  state.counters["FLOPS"] =
      benchmark::Counter(static_cast<double>(job.graph.flops()), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(resnet50_step)->Arg(8)->Unit(benchmark::kMillisecond)->Iterations(1);

/// One op, whose result is wanted.
void measure(benchmark::State& state, Builder& b, TensorId result) {
  const std::vector<TensorId> wanted = {result};
  for (auto _ : state) benchmark::DoNotOptimize(reference::evaluate(b.job, wanted));
  state.counters["FLOPS"] =
      benchmark::Counter(static_cast<double>(b.graph.flops()), benchmark::Counter::kIsIterationInvariantRate);
}

/// A convolution of ResNet-50's third stage: 14 x 14, 256 channels, batch 8.
void convolution(benchmark::State& state) {
  Builder b;
  const TensorId x = b.tensor("x", {8, 256, 14, 14}, Role::input);
  measure(state, b, b.convolution(x, 256, 3, 1));
}
BENCHMARK(convolution)->Unit(benchmark::kMillisecond);

/// Formulas over 2^22 elements.
void formula(benchmark::State& state, OpKind kind, const Shape& shape, const graph::Attributes& attributes,
             int operands) {
  Builder b;
  std::vector<TensorId> inputs;
  for (int i = 0; i < operands; ++i) inputs.push_back(b.tensor("x" + std::to_string(i), shape, Role::input));
  const TensorId result = b.op(kind, inputs, attributes);
  measure(state, b, result);
}
const Shape activations = {8, 64, 128, 64};
BENCHMARK_CAPTURE(formula, add, OpKind::add, activations, {}, 2)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(formula, gelu, OpKind::gelu, activations, {}, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(formula, batch_norm, OpKind::normalize, activations, {{"axes", Shape{0, 2, 3}}}, 1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(formula, softmax, OpKind::softmax, Shape({4096, 1024}), {{"axes", Shape{1}}}, 1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(formula, softmax_short, OpKind::softmax, Shape({419430, 10}), {{"axes", Shape{1}}}, 1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(formula, column_sum, OpKind::reduce_sum, Shape({4096, 1024}), {{"axes", Shape{0}}}, 1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
