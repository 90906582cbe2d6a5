#include <algorithm>

#include "sim/workload/onnx/convolution.hpp"
#include "sim/workload/onnx/operators.hpp"

/// Convolutions over one and two axes.
namespace triad::workload::onnx_import {

using Integers = std::vector<std::int64_t>;

Window read_window(const Node& node, const Integers& extents, const Integers& kernel) {
  const std::size_t axes = extents.size();
  if (axes != 1 && axes != 2) node.fail(std::to_string(axes) + " axes behind batch and channels; must be one or two");
  Window window;
  const auto read = [&](const char* key, std::size_t count, std::int64_t otherwise) {
    Integers values = node.list(key).value_or(Integers(count, otherwise));
    if (values.size() != count) node.fail(std::string(key) + ": must be " + std::to_string(count) + " numbers");
    return values;
  };
  window.kernel = kernel;
  window.stride = read("strides", axes, 1);
  window.dilation = read("dilations", axes, 1);
  const Integers pads = read("pads", 2 * axes, 0);
  window.before.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(axes));
  window.after.assign(pads.begin() + static_cast<std::ptrdiff_t>(axes), pads.end());
  if (window.kernel.size() != axes) node.fail("the kernel must have " + std::to_string(axes) + " extents");
  for (const Integers* positive : {&window.kernel, &window.stride, &window.dilation}) {
    if (std::ranges::any_of(*positive, [](std::int64_t v) { return v < 1; })) {
      node.fail("kernel, strides and dilations must be at least 1");
    }
  }
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "VALID") window.before = window.after = Integers(axes, 0);
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    for (std::size_t i = 0; i < axes; ++i) {  // as many outputs as the stride allows: ceil(extent / stride)
      const std::int64_t outputs = (extents[i] + window.stride[i] - 1) / window.stride[i];
      const std::int64_t span = (outputs - 1) * window.stride[i] + window.dilation[i] * (window.kernel[i] - 1) + 1;
      const std::int64_t all = std::max<std::int64_t>(0, span - extents[i]);
      window.before[i] = automatic == "SAME_UPPER" ? all / 2 : all - all / 2;
      window.after[i] = all - window.before[i];
    }
  }
  if (axes == 1) {  // one row
    window.kernel.insert(window.kernel.begin(), 1);
    window.stride.insert(window.stride.begin(), 1);
    window.dilation.insert(window.dilation.begin(), 1);
    window.before.insert(window.before.begin(), 0);
    window.after.insert(window.after.begin(), 0);
  }
  return window;
}

TensorId with_two_axes(const Node& node, TensorId x) {
  Shape shape = node.builder().shape(x);
  if (shape.size() == 3) shape.insert(shape.begin() + 2, 1);
  return node.builder().reshape(node.of("rows"), x, shape);
}

TensorId with_axes_of(const Node& node, TensorId y, std::size_t rank) {
  Shape shape = node.builder().shape(y);
  if (rank == 3) shape.erase(shape.begin() + 2);
  return node.builder().reshape(node.of("columns"), y, shape);
}

TensorId padded(const Node& node, TensorId x, Window& window, double value) {
  if (window.before == window.after && std::ranges::all_of(window.before, [](std::int64_t p) { return p >= 0; })) {
    return x;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const auto axis = static_cast<std::int64_t>(i) + 2;
    if (window.before[i] < 0 || window.after[i] < 0) node.fail("pads must not be negative");
    if (window.before[i] + window.after[i] > 0) {
      x = node.builder().pad(node.of("pad"), x, axis, window.before[i], window.after[i], value);
    }
    window.before[i] = window.after[i] = 0;
  }
  return x;
}

namespace {

Attributes attributes_of(const Window& window, std::int64_t groups) {
  return {{"stride", window.stride}, {"padding", window.before}, {"dilation", window.dilation}, {"groups", groups}};
}

/// Extents behind batch and channels.
Integers spatial(const Node& node, std::size_t input) {
  const Shape shape = node.shape(input);
  if (shape.size() < 3) node.fail(graph::to_string(shape) + " must be [batch, channels, ...]");
  return {shape.begin() + 2, shape.end()};
}

TensorId with_bias(const Node& node, TensorId y) {
  if (!node.has(2)) return y;
  Builder& b = node.builder();
  const TensorId bias = b.reshape(node.of("bias"), node.tensor(2), {graph::elements(node.shape(2)), 1, 1});
  return b.add(node.of("add"), y, bias);
}

void conv(const Node& node) {
  const Integers extents = spatial(node, 0);
  Window window = read_window(node, extents, spatial(node, 1));
  Builder& b = node.builder();
  const TensorId x = padded(node, with_two_axes(node, node.tensor(0)), window, 0);
  const TensorId weight = with_two_axes(node, node.tensor(1));
  const TensorId y = b.op(OpKind::conv2d, node.of("conv2d"), {b.operand(x), b.operand(weight)},
                          attributes_of(window, node.integer("group", 1)));
  node.deliver(with_axes_of(node, with_bias(node, y), node.rank(0)));
}

/// The gradient of a convolution: weight [in, out / groups, R, S]. Extents of the result:
/// stride (n - 1) + output_padding + dilation (kernel - 1) + 1 - pads.
void conv_transpose(const Node& node) {
  const Integers extents = spatial(node, 0);
  Window window = read_window(node, extents, spatial(node, 1));
  if (node.has_attribute("output_shape") || node.text("auto_pad", "NOTSET").starts_with("SAME")) {
    node.fail("output_shape and auto_pad SAME are not supported; state pads");
  }
  Integers more = node.list("output_padding").value_or(Integers(extents.size(), 0));
  if (more.size() != extents.size()) node.fail("output_padding must have a number per axis");
  if (more.size() == 1) more.insert(more.begin(), 0);
  Builder& b = node.builder();
  const std::int64_t groups = node.integer("group", 1);
  const TensorId dy = with_two_axes(node, node.tensor(0)), weight = with_two_axes(node, node.tensor(1));
  const Shape small = b.shape(dy), kernel = b.shape(weight);
  // Pads that differ, or that a convolution of that size cannot have: the whole result is made and cut.
  const bool cut = window.before != window.after;
  Shape whole = {small[0], kernel[1] * groups};
  Integers begin(4, 0), end;
  for (std::size_t i = 0; i < 2; ++i) {
    if (more[i] < 0 || more[i] >= std::max(window.stride[i], window.dilation[i])) {
      node.fail("output_padding must be smaller than stride or dilation");
    }
    const std::int64_t full = (small[i + 2] - 1) * window.stride[i] + window.dilation[i] * (window.kernel[i] - 1) + 1;
    whole.push_back(full + more[i] - (cut ? 0 : window.before[i] + window.after[i]));
    begin[i + 2] = cut ? window.before[i] : 0;
  }
  end = whole;
  if (cut) {
    for (std::size_t i = 0; i < 2; ++i) end[i + 2] -= window.after[i];
    window.before = {0, 0};
  }
  Attributes attributes = attributes_of(window, groups);
  attributes["shape"] = whole;
  TensorId y = b.op(OpKind::conv2d_dgrad, node.of("conv2d_dgrad"), {b.operand(dy), b.operand(weight)}, attributes);
  if (cut) {
    y = b.op(OpKind::slice, node.of("cut"), {y}, {{"begin", begin}, {"end", end}, {"step", Integers(4, 1)}});
  }
  node.deliver(with_axes_of(node, with_bias(node, y), node.rank(0)));
}

}  // namespace

std::vector<Operator> convolution_operators() {
  return {{"Conv", 2, conv}, {"ConvTranspose", 2, conv_transpose}};
}

}  // namespace triad::workload::onnx_import
