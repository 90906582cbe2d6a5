#include <algorithm>
#include <limits>

#include "sim/workload/onnx/convolution.hpp"
#include "sim/workload/onnx/operators.hpp"

/// Pooling over one and two axes.
namespace triad::workload::onnx_import {
namespace {

using N = const Node&;
using Integers = std::vector<std::int64_t>;

Integers spatial(N node) {
  const Shape shape = node.shape(0);
  if (shape.size() < 3) node.fail(graph::to_string(shape) + " must be [batch, channels, ...]");
  return {shape.begin() + 2, shape.end()};
}

/// Rounding up gives the same extents as rounding down, or is refused.
void check_rounding(N node, const Window& window, const Shape& shape) {
  if (node.integer("ceil_mode", 0) == 0) return;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t padded = shape[i + 2] + window.before[i] + window.after[i];
    if ((padded - window.kernel[i]) % window.stride[i] != 0) node.fail("ceil_mode is not supported where it matters");
  }
}

Window window_of(N node, TensorId x) {
  const auto kernel = node.list("kernel_shape");
  if (!kernel) node.fail("has no kernel_shape");
  Window window = read_window(node, spatial(node), *kernel);
  if (window.dilation != Integers{1, 1}) node.fail("dilations are not supported");
  check_rounding(node, window, node.builder().shape(x));
  return window;
}

Attributes attributes_of(const Window& window) {
  return {{"kernel", window.kernel}, {"stride", window.stride}, {"padding", window.before}};
}

void max_pool(N node) {
  if (node.wants(1)) node.fail("the indices are not supported as an output");
  TensorId x = with_two_axes(node, node.tensor(0));
  Window window = window_of(node, x);
  x = padded(node, x, window, std::numeric_limits<float>::lowest());
  node.deliver(with_axes_of(node, node.builder().op(OpKind::max_pool, node.of("max_pool"), {x}, attributes_of(window)),
                            node.rank(0)));
}

void average_pool(N node) {
  TensorId x = with_two_axes(node, node.tensor(0));
  Window window = window_of(node, x);
  const bool include = node.integer("count_include_pad", 0) != 0;
  if (window.before != window.after && !include) node.fail("pads that differ need count_include_pad = 1");
  x = padded(node, x, window, 0);
  Attributes attributes = attributes_of(window);
  attributes["include_padding"] = include;
  node.deliver(with_axes_of(node, node.builder().op(OpKind::average_pool, node.of("average_pool"), {x}, attributes),
                            node.rank(0)));
}

template <OpKind kind>
void global(N node) {
  Integers axes;
  for (std::size_t axis = 2; axis < 2 + spatial(node).size(); ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  node.deliver(node.builder().reduce(kind, node.of(graph::to_string(kind)), node.tensor(0), axes, true));
}

}  // namespace

std::vector<Operator> pooling_operators() {
  return {{"MaxPool", 1, max_pool},
          {"AveragePool", 1, average_pool},
          {"GlobalAveragePool", 1, global<OpKind::reduce_mean>},
          {"GlobalMaxPool", 1, global<OpKind::reduce_max>}};
}

}  // namespace triad::workload::onnx_import
