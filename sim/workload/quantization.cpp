#include "sim/workload/quantization.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "sim/graph/op.hpp"
#include "sim/reference/reference.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;
using graph::Op;
using graph::OpKind;
using graph::Role;
using graph::Shape;
using graph::TensorId;
using numerics::Format;

constexpr float largest = 127;  ///< symmetric: -128 is not used

float scale_of(float magnitude) {
  return magnitude == 0 ? 1.0f : magnitude / largest;
}

/// The axis of the second operand that counts output channels, where it may have scales of its own.
std::optional<std::size_t> channel_axis(const graph::Graph& graph, const Op& op) {
  const Shape& weight = graph.tensor(op.inputs[1]).shape;
  if (op.kind == OpKind::conv2d) return 0;
  if (op.kind == OpKind::conv2d_dgrad && op.integer("groups") == 1) return 1;
  if (op.kind == OpKind::matmul && weight.size() == 2) return op.flag("transpose_b") ? 0 : 1;
  return std::nullopt;
}

/// An operand in int8: its scale is a scalar, or one value per channel.
struct Operand {
  TensorId tensor = -1, scale = -1;
};

class Quantizer {
 public:
  Quantizer(device::Job& job, int batches) : job_(job), graph_(job.graph), batches_(batches) {}

  void run() {
    find_fixed();
    if (job_.values) calibrate();
    const std::vector<Op> ops = graph_.ops;
    graph_.replace_ops({});
    for (const Op& op : ops) {
      if (graph::is_contraction(op.kind)) {
        contraction(op);
      } else {
        graph_.ops.push_back(op);
      }
    }
    graph_.replace_ops(graph_.ops);  // takes note of the names of those that stayed
    job_.precision = Format::int8;
  }

 private:
  static std::size_t at(TensorId id) { return static_cast<std::size_t>(id); }

  /// Which tensors depend on parameters and constants alone.
  void find_fixed() {
    for (const graph::Tensor& tensor : graph_.tensors) {
      fixed_.push_back(tensor.role == Role::parameter || tensor.role == Role::constant);
    }
    for (const Op& op : graph_.ops) {
      const bool all = std::ranges::all_of(op.inputs, [&](TensorId id) { return fixed_[at(id)]; });
      for (const TensorId id : op.outputs) fixed_[at(id)] = all;
    }
  }

  /// Largest magnitudes: of activations over the batches, of weights by channel.
  void calibrate() {
    std::vector<TensorId> moving, fixed;
    for (const Op& op : graph_.ops) {
      if (!graph::is_contraction(op.kind)) continue;
      for (std::size_t i = 0; i < 2; ++i) (fixed_[at(op.inputs[i])] ? fixed : moving).push_back(op.inputs[i]);
    }
    for (int step = 0; step < batches_ && !moving.empty(); ++step) {
      const std::vector<HostTensor> values = reference::evaluate(job_, moving, step);
      for (std::size_t i = 0; i < values.size(); ++i) {
        float& most = magnitude_[moving[i]];
        for (const float value : values[i].floats()) most = std::max(most, std::abs(value));
      }
    }
    if (fixed.empty()) return;
    std::vector<HostTensor> values = reference::evaluate(job_, fixed);
    for (std::size_t i = 0; i < fixed.size(); ++i) weights_[fixed[i]] = std::move(values[i]);
  }

  TensorId constant(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    const TensorId id = graph_.add_tensor({name, shape, Format::fp32, Role::constant, 1.0});
    if (job_.values) job_.initial[id] = HostTensor::of(shape, values);
    return id;
  }

  TensorId quantized(TensorId id, TensorId scale, const std::string& name) {
    return graph_.add_op(OpKind::quantize, graph_.unique_name(name), {id, scale})[0];
  }

  /// With one scale; made once for all its readers.
  Operand whole(TensorId id) {
    const auto known = whole_.find(id);
    if (known != whole_.end()) return known->second;
    float magnitude = magnitude_[id];
    if (const auto weight = weights_.find(id); weight != weights_.end()) {
      for (const float value : weight->second.floats()) magnitude = std::max(magnitude, std::abs(value));
    }
    const std::string name = graph_.tensor(id).name;
    const TensorId scale = constant(name + ".scale", {}, {scale_of(magnitude)});
    return whole_[id] = {quantized(id, scale, name + ".int8"), scale};
  }

  /// Weights with a scale per channel; the scales come back in the shape that broadcasts over the result.
  Operand by_channel(TensorId id, std::size_t axis, const Shape& of_result) {
    const Shape shape = graph_.tensor(id).shape;
    const std::int64_t channels = shape[axis];
    std::vector<float> scales(static_cast<std::size_t>(channels), 0.0f);
    if (job_.values) {
      std::int64_t inner = 1;
      for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
      const std::vector<float> values = weights_.at(id).floats();
      for (std::size_t i = 0; i < values.size(); ++i) {
        float& most = scales[static_cast<std::size_t>(static_cast<std::int64_t>(i) / inner % channels)];
        most = std::max(most, std::abs(values[i]));
      }
      for (float& scale : scales) scale = scale_of(scale);
    }
    Shape of_weight(shape.size(), 1);
    of_weight[axis] = channels;
    const std::string name = graph_.tensor(id).name;
    const TensorId own = constant(name + ".scale", of_weight, scales);
    return {quantized(id, own, name + ".int8"), constant(name + ".scales", of_result, scales)};
  }

  void contraction(const Op& op) {
    const Operand x = whole(op.inputs[0]);
    const auto axis = channel_axis(graph_, op);
    Operand w;
    if (axis && fixed_[at(op.inputs[1])]) {
      const std::int64_t channels = graph_.tensor(op.inputs[1]).shape[*axis];
      w = by_channel(op.inputs[1], *axis, op.kind == OpKind::matmul ? Shape{channels} : Shape{channels, 1, 1});
    } else {
      w = whole(op.inputs[1]);
    }
    const TensorId sums = graph_.add_op(op.kind, op.name, {x.tensor, w.tensor}, op.attributes, op.phase)[0];
    const TensorId scale =
        graph_.add_op(OpKind::multiply, graph_.unique_name(op.name + ".scale"), {x.scale, w.scale})[0];
    graph_.add_op(OpKind::dequantize, graph_.unique_name(op.name + ".dequantize"), {sums, scale});
    // The fp32 result is the tensor that later ops read.
    graph_.ops.back().outputs = op.outputs;
  }

  device::Job& job_;
  graph::Graph& graph_;
  int batches_;
  std::vector<bool> fixed_;
  std::map<TensorId, float> magnitude_;
  std::map<TensorId, HostTensor> weights_;
  std::map<TensorId, Operand> whole_;
};

}  // namespace

void quantize(device::Job& job, int batches) {
  Quantizer(job, batches).run();
}

}  // namespace triad::workload
