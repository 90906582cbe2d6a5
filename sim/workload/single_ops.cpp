#include "sim/workload/single_ops.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "sim/numerics/format.hpp"
#include "sim/workload/random.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;

template <typename Word>
void store(HostTensor& tensor, std::size_t index, Word word) {
  std::memcpy(tensor.bytes.data() + index * sizeof(Word), &word, sizeof(Word));
}

/// Values in [-1, 1) of the stream, in the format.
HostTensor operand_values(const Shape& shape, Format format, const std::string& stream) {
  const std::vector<float> values = Random(0, stream).uniform(static_cast<std::size_t>(graph::elements(shape)), 1.0f);
  if (format == Format::fp32) return HostTensor::of(shape, values);
  HostTensor tensor = HostTensor::zeros(shape, format);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (format == Format::bf16) store(tensor, i, numerics::bf16_bits(values[i]));
    if (format == Format::fp16) store(tensor, i, numerics::fp16_bits(values[i]));
    if (format == Format::int8) store(tensor, i, static_cast<std::int8_t>(std::nearbyint(127.0f * values[i])));
  }
  return tensor;
}

void check_size(const std::string& name, const Shape& shape) {
  std::int64_t elements = 1;
  for (const std::int64_t dimension : shape) {
    if (dimension > largest_tensor / elements) {
      throw std::invalid_argument(
          fmt::format("{} {} has more than {} elements", name, graph::to_string(shape), largest_tensor));
    }
    elements *= dimension;
  }
}

double product(const Shape& shape, std::size_t from = 0) {
  double result = 1;
  for (std::size_t i = from; i < shape.size(); ++i) result *= static_cast<double>(shape[i]);
  return result;
}

/// FLOPs are counted in 64 bits.
void check_work(const std::string& name, double macs) {
  if (macs > 0x1p58) throw std::invalid_argument(name + ": more than 2^58 multiply-accumulates");
}

TensorId operand(Builder& builder, const std::string& name, const Shape& shape) {
  check_size(name, shape);
  const Format format = builder.precision();
  return builder.constant(
      name, shape, [shape, format, name] { return operand_values(shape, format, name); }, format);
}

std::int64_t positive(const config::Node& node, std::string_view key) {
  return node.at(key).integer(1, largest_dimension);
}
std::int64_t positive_or_one(const config::Node& node, std::string_view key) {
  const auto found = node.find(key);
  return found ? found->integer(1, largest_dimension) : 1;
}

/// One number for both axes, or a list of two: rows, columns.
std::vector<std::int64_t> pair(const config::Node& node, std::int64_t least) {
  if (!node.is_list()) return std::vector<std::int64_t>(2, node.integer(least, largest_dimension));
  const std::vector<config::Node> items = node.items();
  if (items.size() != 2) node.fail("must be one number, or two: rows and columns");
  return {items[0].integer(least, largest_dimension), items[1].integer(least, largest_dimension)};
}

SingleOp read_matmul(const config::Node& node, std::string name) {
  SingleOp op = matmul_op(std::move(name), positive(node, "m"), positive(node, "n"), positive(node, "k"));
  if (const auto batch = node.find("batch")) {
    const std::int64_t count = batch->integer(1, largest_dimension);
    op.a_shape.insert(op.a_shape.begin(), count);
    op.b_shape.insert(op.b_shape.begin(), count);
  }
  return op;
}

SingleOp read_convolution(const config::Node& node, std::string name) {
  ConvolutionOp c;
  c.batch = positive_or_one(node, "batch");
  c.in_channels = positive(node, "in_channels");
  c.height = positive(node, "height");
  c.width = positive(node, "width");
  c.out_channels = positive(node, "out_channels");
  c.groups = positive_or_one(node, "groups");
  c.kernel = pair(node.at("kernel"), 1);
  if (const auto stride = node.find("stride")) c.stride = pair(*stride, 1);
  if (const auto padding = node.find("padding")) c.padding = pair(*padding, 0);
  if (const auto dilation = node.find("dilation")) c.dilation = pair(*dilation, 1);
  if (const auto pass = node.find("pass")) {
    const std::string which = pass->choice({"forward", "dgrad", "wgrad"});
    if (which == "dgrad") c.pass = ConvolutionOp::Pass::dgrad;
    if (which == "wgrad") c.pass = ConvolutionOp::Pass::wgrad;
  }
  return convolution_op(std::move(name), c);
}

/// The name given, or the operation and its place in the list: "matmul0".
std::string name_of(const config::Node& node, const std::string& type, std::size_t index, const graph::Graph& graph) {
  const auto given = node.find("name");
  if (!given) return type + std::to_string(index);
  const std::string name = given->text();
  if (name.empty()) given->fail("must not be empty");
  if (graph.has_op(name)) given->fail(fmt::format("two operations have the name '{}'", name));
  return name;
}

}  // namespace

SingleOp matmul_op(std::string name, std::int64_t m, std::int64_t n, std::int64_t k) {
  return {std::move(name), OpKind::matmul, "a", "b", {m, k}, {k, n}, {}};
}

SingleOp convolution_op(std::string name, const ConvolutionOp& c) {
  if (c.in_channels % c.groups != 0) {
    throw std::invalid_argument(fmt::format("{} channels are not {} equal groups", c.in_channels, c.groups));
  }
  const Shape x = {c.batch, c.in_channels, c.height, c.width};
  const Shape weight = {c.out_channels, c.in_channels / c.groups, c.kernel[0], c.kernel[1]};
  Shape y = {c.batch, c.out_channels};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t window = c.dilation[axis] * (c.kernel[axis] - 1) + 1;
    const std::int64_t padded = x[axis + 2] + 2 * c.padding[axis];
    if (window > padded) {
      throw std::invalid_argument(fmt::format("a kernel of {} with dilation {} does not fit into {} padded by {}",
                                              c.kernel[axis], c.dilation[axis], x[axis + 2], c.padding[axis]));
    }
    y.push_back((padded - window) / c.stride[axis] + 1);
  }
  check_work(name, product(y) * product(weight, 1));
  Attributes attributes = {
      {"stride", c.stride}, {"padding", c.padding}, {"dilation", c.dilation}, {"groups", c.groups}};
  switch (c.pass) {
    case ConvolutionOp::Pass::forward:
      return {std::move(name), OpKind::conv2d, "x", "weight", x, weight, attributes};
    case ConvolutionOp::Pass::dgrad:
      attributes["shape"] = x;
      return {std::move(name), OpKind::conv2d_dgrad, "dy", "weight", y, weight, attributes};
    case ConvolutionOp::Pass::wgrad:
      attributes["shape"] = weight;
      return {std::move(name), OpKind::conv2d_wgrad, "x", "dy", x, y, attributes};
  }
  throw std::invalid_argument("unknown pass");
}

void append(Builder& builder, const SingleOp& op) {
  if (op.kind == OpKind::matmul) check_work(op.name, product(op.a_shape) * static_cast<double>(op.b_shape.back()));
  const std::string name = builder.graph().unique_name(op.name);
  const TensorId a = operand(builder, name + "." + op.a, op.a_shape);
  const TensorId b = operand(builder, name + "." + op.b, op.b_shape);
  builder.network().output = builder.op(op.kind, name, {a, b}, op.attributes);
}

Network read_ops(const config::Node& list, Format precision, bool values) {
  Network network;
  Builder builder(network, precision, values);
  const std::vector<config::Node> items = list.items();
  if (items.empty()) list.fail("names no operation");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const config::Node& node = items[i];
    const std::string type = node.at("op").choice({"matmul", "conv2d"});
    const std::string name = name_of(node, type, i, network.graph);
    try {
      append(builder, type == "matmul" ? read_matmul(node, name) : read_convolution(node, name));
    } catch (const std::invalid_argument& error) {
      node.fail(error.what());
    }
  }
  return network;
}

}  // namespace triad::workload
