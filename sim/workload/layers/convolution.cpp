#include <fmt/format.h>

#include <cmath>

#include "sim/workload/layers/layer.hpp"

/// Convolutions and their transposes, in one and two dimensions. One dimension runs as an image of height 1.
namespace triad::workload {
namespace {

/// What the keys say, rows first; in one dimension the rows have kernel 1, stride 1 and no padding.
struct Window {
  std::vector<std::int64_t> kernel, stride, padding, dilation;
  std::int64_t groups = 1;
};

constexpr std::int64_t most = 1 << 20;

/// [batch, channels, (height,) width] as an image.
TensorId image(const Layer& layer, std::size_t dimensions) {
  if (layer.rank() != dimensions + 2) {
    layer.fail(fmt::format("takes [batch, channels, {}], not {}", dimensions == 1 ? "length" : "height, width",
                           graph::to_string(layer.shape())));
  }
  Shape shape = layer.shape();
  if (dimensions == 1) shape.insert(shape.begin() + 2, 1);
  return layer.builder.reshape(layer.of("image"), layer.input(), shape);
}

TensorId from_image(const Layer& layer, TensorId y, std::size_t dimensions) {
  Shape shape = layer.builder.shape(y);
  if (dimensions == 1) shape.erase(shape.begin() + 2);
  return layer.builder.reshape(layer.of("output"), y, shape);
}

std::vector<std::int64_t> as_two(std::vector<std::int64_t> numbers, std::int64_t row) {
  if (numbers.size() == 1) numbers.insert(numbers.begin(), row);
  return numbers;
}

Window read_window(const Layer& layer, std::size_t dimensions) {
  Window window;
  window.kernel = as_two(layer.numbers("kernel", dimensions, 1, most), 1);
  window.stride = as_two(layer.numbers("stride", dimensions, 1, most, 1), 1);
  window.dilation = as_two(layer.numbers("dilation", dimensions, 1, most, 1), 1);
  const auto padding = layer.node.find("padding");
  if (padding && !padding->is_list() && padding->text() == "same") {
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const std::int64_t total = window.dilation[axis] * (window.kernel[axis] - 1);
      if (total % 2 != 0 || window.stride[axis] != 1) {
        padding->fail(fmt::format("layer '{}': same needs stride 1 and an odd kernel", layer.name));
      }
      window.padding.push_back(total / 2);
    }
  } else {
    window.padding = as_two(layer.numbers("padding", dimensions, 0, most, 0), 0);
  }
  window.groups = layer.integer("groups", 1, largest_dimension, 1);
  return window;
}

Attributes attributes(const Window& window) {
  return {
      {"stride", window.stride}, {"padding", window.padding}, {"dilation", window.dilation}, {"groups", window.groups}};
}

/// The weight in its PyTorch shape, and as the op takes it: 4 dimensions.
TensorId weight_of(const Layer& layer, const Shape& shape, std::size_t dimensions, const Initial& initial) {
  Shape stored = shape;
  if (dimensions == 1) stored.erase(stored.begin() + 2);
  const TensorId weight = layer.builder.parameter(layer.of("weight"), stored, initial);
  return layer.builder.reshape(layer.of("weight.image"), layer.builder.operand(weight), shape);
}

/// y + bias[channel]
TensorId biased(const Layer& layer, TensorId y, std::int64_t channels, const Initial& initial) {
  if (!layer.flag("bias", true)) return y;
  const TensorId bias = layer.builder.parameter(layer.of("bias"), {channels}, initial);
  return layer.builder.add(layer.of("add"), y, layer.builder.reshape(layer.of("bias.image"), bias, {channels, 1, 1}));
}

/// Weight [out, in/groups, kernel], bias [out]; both drawn from ±1/sqrt(in/groups * kernel), PyTorch's default.
template <std::size_t dimensions>
TensorId convolution(const Layer& layer) {
  const Window window = read_window(layer, dimensions);
  const TensorId x = image(layer, dimensions);
  const std::int64_t in = layer.shape()[1], out = layer.integer("out_channels", 1, largest_dimension);
  for (const std::int64_t channels : {in, out}) {
    if (channels % window.groups != 0) {
      layer.fail(fmt::format("{} channels do not make {} groups", channels, window.groups));
    }
  }
  const Shape shape = {out, in / window.groups, window.kernel[0], window.kernel[1]};
  const double fan_in = static_cast<double>(graph::elements(shape) / out);
  const Initial initial = uniform(layer.number("bound", 0, 1e6, 1 / std::sqrt(fan_in)));
  const TensorId weight = weight_of(layer, shape, dimensions, initial);
  const TensorId y =
      layer.builder.op(OpKind::conv2d, layer.of("conv2d"), {layer.builder.operand(x), weight}, attributes(window));
  return from_image(layer, biased(layer, y, out, initial), dimensions);
}

/// Weight [in, out/groups, kernel]: the gradient of a convolution with respect to its input. PyTorch draws from
/// ±1/sqrt(out/groups * kernel).
template <std::size_t dimensions>
TensorId transposed(const Layer& layer) {
  const Window window = read_window(layer, dimensions);
  const auto more = as_two(layer.numbers("output_padding", dimensions, 0, most, 0), 0);
  const TensorId x = image(layer, dimensions);
  const Shape from = layer.builder.shape(x);
  const std::int64_t in = from[1], out = layer.integer("out_channels", 1, largest_dimension);
  for (const std::int64_t channels : {in, out}) {
    if (channels % window.groups != 0) {
      layer.fail(fmt::format("{} channels do not make {} groups", channels, window.groups));
    }
  }
  Shape to = {from[0], out};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (more[axis] >= std::max(window.stride[axis], window.dilation[axis])) {
      layer.node.at("output_padding").fail(fmt::format("layer '{}': must be below stride or dilation", layer.name));
    }
    const std::int64_t extent = (from[axis + 2] - 1) * window.stride[axis] - 2 * window.padding[axis] +
                                window.dilation[axis] * (window.kernel[axis] - 1) + more[axis] + 1;
    if (extent < 1) layer.fail("nothing is left: the padding cuts away the whole output");
    to.push_back(extent);
  }
  const Shape shape = {in, out / window.groups, window.kernel[0], window.kernel[1]};
  const double fan_in = static_cast<double>(graph::elements(shape) / in);
  const Initial initial = uniform(layer.number("bound", 0, 1e6, 1 / std::sqrt(fan_in)));
  Attributes with_shape = attributes(window);
  with_shape["shape"] = to;
  const TensorId weight = weight_of(layer, shape, dimensions, initial);
  const TensorId y =
      layer.builder.op(OpKind::conv2d_dgrad, layer.of("conv2d_dgrad"), {layer.builder.operand(x), weight}, with_shape);
  return from_image(layer, biased(layer, y, out, initial), dimensions);
}

constexpr std::string_view keys = "out_channels kernel [stride padding dilation groups bias bound]";
constexpr std::string_view transposed_keys =
    "out_channels kernel [stride padding output_padding dilation groups bias bound]";

}  // namespace

std::vector<LayerType> convolution_layers() {
  return {
      {"conv1d", keys, 1, 1, convolution<1>},
      {"conv2d", keys, 1, 1, convolution<2>},
      {"conv_transpose1d", transposed_keys, 1, 1, transposed<1>},
      {"conv_transpose2d", transposed_keys, 1, 1, transposed<2>},
  };
}

}  // namespace triad::workload
