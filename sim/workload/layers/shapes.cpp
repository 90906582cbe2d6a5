#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/workload/layers/layer.hpp"

/// Layers that move elements or name them differently.
namespace triad::workload {
namespace {

/// Axes from `start` on become one.
TensorId flatten(const Layer& layer) {
  const auto start = static_cast<std::size_t>(layer.axis("start", 1));
  Shape shape(layer.shape().begin(), layer.shape().begin() + static_cast<std::ptrdiff_t>(start));
  shape.push_back(graph::elements(layer.shape()) / graph::elements(shape));
  return layer.builder.reshape(layer.of("flatten"), layer.input(), shape);
}

/// `shape`: 0 stands for the batch, one -1 for what is left.
TensorId reshape(const Layer& layer) {
  Shape shape = layer.list("shape", -1, largest_dimension);
  const std::int64_t all = graph::elements(layer.shape());
  std::int64_t known = 1, left = -1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) shape[i] = layer.shape().empty() ? 1 : layer.shape()[0];
    if (shape[i] == -1) {
      if (left != -1) layer.node.at("shape").fail("only one -1");
      left = static_cast<std::int64_t>(i);
    } else {
      if (shape[i] > all / known) known = all + 1;  // cannot fit; said below
      known = std::min(known * shape[i], all + 1);
    }
  }
  if (left != -1 && all % known == 0) shape[static_cast<std::size_t>(left)] = all / known;
  if ((left == -1 && known != all) || (left != -1 && all % known != 0)) {
    layer.node.at("shape").fail(fmt::format("layer '{}': {} has {} elements, which do not make {}", layer.name,
                                            graph::to_string(layer.shape()), all, graph::to_string(shape)));
  }
  return layer.builder.reshape(layer.of("reshape"), layer.input(), shape);
}

/// Axis i of the result is axis permutation[i] of the input; `axes: [a, b]` swaps two.
TensorId transpose(const Layer& layer) {
  const auto two = layer.node.find("axes");
  if (!two) return layer.op(OpKind::transpose, {{"permutation", layer.list("permutation", 0, 100)}});
  if (const auto both = layer.node.find("permutation")) both->fail("either axes or a permutation");
  const std::vector<std::int64_t> axes = layer.axes("axes");
  if (axes.size() != 2) two->fail("two axes");
  return layer.builder.swap(layer.of("transpose"), layer.input(), axes[0], axes[1]);
}

/// begin and end; negative: from the end.
TensorId slice(const Layer& layer) {
  const std::int64_t axis = layer.axis("axis"), n = layer.builder.extent(layer.input(), axis);
  std::int64_t begin = layer.integer("begin", -n, n - 1, 0), end = layer.integer("end", -n, n, n);
  const std::int64_t step = layer.integer("step", 1, n, 1);
  if (begin < 0) begin += n;
  if (end < 0) end += n;
  if (begin >= end) layer.fail(fmt::format("[{}, {}) of {} is empty", begin, end, n));
  return layer.builder.slice(layer.of("slice"), layer.input(), axis, begin, end, step);
}

/// One index of an axis; the axis goes.
TensorId select(const Layer& layer) {
  const std::int64_t axis = layer.axis("axis"), n = layer.builder.extent(layer.input(), axis);
  std::int64_t index = layer.integer("index", -n, n - 1);
  if (index < 0) index += n;
  Shape shape = layer.shape();
  shape.erase(shape.begin() + axis);
  const TensorId part = layer.builder.slice(layer.of("slice"), layer.input(), axis, index, index + 1);
  return layer.builder.reshape(layer.of("select"), part, shape);
}

TensorId concat(const Layer& layer) {
  return layer.builder.concat(layer.of("concat"), layer.inputs, layer.axis("axis", 1));
}

/// `padding`: before and after the last axis, then before and after the last but one, ... as torch.nn.functional.pad.
TensorId pad(const Layer& layer) {
  const std::vector<std::int64_t> list = layer.list("padding", 0, largest_dimension);
  if (list.empty() || list.size() % 2 != 0 || list.size() / 2 > layer.rank()) {
    layer.node.at("padding").fail(
        fmt::format("two numbers per axis from the last on, for at most {} axes", layer.rank()));
  }
  std::vector<std::int64_t> before(layer.rank(), 0), after = before;
  for (std::size_t i = 0; i < list.size() / 2; ++i) {
    before[layer.rank() - 1 - i] = list[2 * i];
    after[layer.rank() - 1 - i] = list[2 * i + 1];
  }
  return layer.op(OpKind::pad, {{"before", before},
                                {"after", after},
                                {"interior", std::vector<std::int64_t>(layer.rank(), 0)},
                                {"value", layer.number("value", -1e30, 1e30, 0)}});
}

/// To a shape by NumPy's rule.
TensorId broadcast(const Layer& layer) {
  return layer.op(OpKind::broadcast, {{"shape", layer.list("shape", 1, largest_dimension)}});
}

/// What it reads, under another name.
TensorId identity(const Layer& layer) {
  return layer.input();
}

}  // namespace

std::vector<LayerType> shape_layers() {
  return {
      {"flatten", "[start]", 1, 1, flatten},
      {"reshape", "shape", 1, 1, reshape},
      {"transpose", "permutation | axes", 1, 1, transpose},
      {"slice", "axis [begin end step]", 1, 1, slice},
      {"select", "axis index", 1, 1, select},
      {"concat", "[axis]", 2, any_number, concat},
      {"pad", "padding [value]", 1, 1, pad},
      {"broadcast", "shape", 1, 1, broadcast},
      {"identity", "", 1, 1, identity},
  };
}

}  // namespace triad::workload
