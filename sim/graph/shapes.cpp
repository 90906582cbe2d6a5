#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "sim/graph/rules.hpp"

/// Shape rules of the ops.
namespace triad::graph::rules {
namespace {

using numerics::Format;

template <typename... Arguments>
[[noreturn]] void reject(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw std::invalid_argument(fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// "fc1.weight [256, 784]"
std::string describe(const Tensor& tensor) {
  return fmt::format("{} {}", tensor.name, to_string(tensor.shape));
}

void count(Operands inputs, std::size_t least, std::size_t most) {
  if (inputs.size() >= least && inputs.size() <= most) return;
  const std::string right = least == most ? std::to_string(least) : fmt::format("{} or {}", least, most);
  reject("takes {} operands, not {}", right, inputs.size());
}

void expect_format(const Tensor& tensor, Format format) {
  if (tensor.format != format) {
    reject("{} is {}, must be {}", describe(tensor), numerics::to_string(tensor.format), numerics::to_string(format));
  }
}

void expect_same_shape(const Tensor& a, const Tensor& b) {
  if (a.shape != b.shape) reject("{} and {} must have the same shape", describe(a), describe(b));
}

/// Is `end` what `whole` ends in? Then a tensor of shape `end` broadcasts to `whole`.
bool ends_in(const Shape& whole, const Shape& end) {
  return end.size() <= whole.size() && std::equal(end.rbegin(), end.rend(), whole.rbegin());
}

Tensor made(Shape shape, Format format = Format::fp32, std::string suffix = "") {
  return {std::move(suffix), std::move(shape), format, Role::activation};
}

}  // namespace

std::vector<Tensor> matmul(Operands inputs, const Attributes& attributes) {
  count(inputs, 2, 2);
  const Tensor &a = inputs[0], &b = inputs[1];
  for (const Tensor* operand : {&a, &b}) {
    if (operand->shape.size() != 2) reject("{} must be a matrix", describe(*operand));
    if (operand->format != Format::fp32 && operand->format != Format::bf16 && operand->format != Format::fp16) {
      reject("{} is {}, must be fp32, bf16 or fp16", describe(*operand), numerics::to_string(operand->format));
    }
  }
  if (a.format != b.format) {
    reject("{} is {} and {} is {}: the operands must have one format", describe(a), numerics::to_string(a.format),
           describe(b), numerics::to_string(b.format));
  }
  const bool ta = std::get<bool>(attributes.at("transpose_a")), tb = std::get<bool>(attributes.at("transpose_b"));
  const std::int64_t m = a.shape[ta ? 1 : 0], k = a.shape[ta ? 0 : 1];
  const std::int64_t n = b.shape[tb ? 0 : 1], k_of_b = b.shape[tb ? 1 : 0];
  if (k != k_of_b) {
    reject("{}{} times {}{}: the inner dimensions {} and {} must be equal", describe(a), ta ? " transposed" : "",
           describe(b), tb ? " transposed" : "", k, k_of_b);
  }
  return {made({m, n})};
}

std::vector<Tensor> element_wise(Operands inputs, const Attributes&) {
  count(inputs, 2, 2);
  for (const Tensor& input : inputs) expect_format(input, Format::fp32);
  if (!ends_in(inputs[0].shape, inputs[1].shape)) {
    reject("{} does not broadcast to {}: its shape must be the end of the other one", describe(inputs[1]),
           describe(inputs[0]));
  }
  return {made(inputs[0].shape)};
}

std::vector<Tensor> unary(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  expect_format(inputs[0], Format::fp32);
  if (const auto factor = attributes.find("factor"); factor != attributes.end()) std::get<double>(factor->second);
  return {made(inputs[0].shape)};
}

std::vector<Tensor> relu_grad(Operands inputs, const Attributes&) {
  count(inputs, 2, 2);
  for (const Tensor& input : inputs) expect_format(input, Format::fp32);
  expect_same_shape(inputs[0], inputs[1]);
  return {made(inputs[0].shape)};
}

std::vector<Tensor> reduce_sum(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  expect_format(inputs[0], Format::fp32);
  const std::int64_t keep = std::get<std::int64_t>(attributes.at("keep"));
  const Shape& shape = inputs[0].shape;
  if (keep < 0 || keep > static_cast<std::int64_t>(shape.size())) {
    reject("cannot keep {} dimensions of {}", keep, describe(inputs[0]));
  }
  return {made(Shape(shape.end() - keep, shape.end()))};
}

std::vector<Tensor> broadcast(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  expect_format(inputs[0], Format::fp32);
  const auto& shape = std::get<std::vector<std::int64_t>>(attributes.at("shape"));
  if (!ends_in(shape, inputs[0].shape)) {
    reject("{} does not broadcast to {}: its shape must be the end of the other one", describe(inputs[0]),
           to_string(shape));
  }
  return {made(shape)};
}

std::vector<Tensor> cast(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  const auto& name = std::get<std::string>(attributes.at("format"));
  for (const Format format : {Format::fp32, Format::bf16}) {
    if (name != numerics::to_string(format)) continue;
    if (inputs[0].format != Format::fp32 && inputs[0].format != Format::bf16) {
      reject("{} is {}, must be fp32 or bf16", describe(inputs[0]), numerics::to_string(inputs[0].format));
    }
    return {made(inputs[0].shape, format)};
  }
  reject("cannot cast to {}: must be fp32 or bf16", name);
}

std::vector<Tensor> reshape(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  const auto& shape = std::get<std::vector<std::int64_t>>(attributes.at("shape"));
  if (elements(shape) != elements(inputs[0].shape)) {
    reject("{} has {} elements, {} has {}", describe(inputs[0]), elements(inputs[0].shape), to_string(shape),
           elements(shape));
  }
  return {made(shape, inputs[0].format)};
}

std::vector<Tensor> mse(Operands inputs, const Attributes&) {
  count(inputs, 2, 2);
  for (const Tensor& input : inputs) expect_format(input, Format::fp32);
  expect_same_shape(inputs[0], inputs[1]);
  return {made({})};
}

std::vector<Tensor> mse_grad(Operands inputs, const Attributes& attributes) {
  mse(inputs, attributes);
  return {made(inputs[0].shape)};
}

std::vector<Tensor> cross_entropy(Operands inputs, const Attributes&) {
  count(inputs, 2, 2);
  expect_format(inputs[0], Format::fp32);
  expect_format(inputs[1], Format::int32);
  const Shape &logits = inputs[0].shape, &classes = inputs[1].shape;
  if (logits.size() != 2) reject("{} must be [batch, classes]", describe(inputs[0]));
  if (classes != Shape{logits[0]}) {
    reject("{} must hold one class number per row of {}: [{}]", describe(inputs[1]), describe(inputs[0]), logits[0]);
  }
  return {made({})};
}

std::vector<Tensor> cross_entropy_grad(Operands inputs, const Attributes& attributes) {
  cross_entropy(inputs, attributes);
  return {made(inputs[0].shape)};
}

std::vector<Tensor> sgd(Operands inputs, const Attributes& attributes) {
  count(inputs, 2, 3);
  for (const Tensor& input : inputs) {
    expect_format(input, Format::fp32);
    expect_same_shape(inputs[0], input);
  }
  std::get<double>(attributes.at("learning_rate"));
  const double momentum = std::get<double>(attributes.at("momentum"));
  if ((momentum != 0) != (inputs.size() == 3)) reject("momentum {} and {} operands", momentum, inputs.size());
  if (inputs.size() == 2) return {made(inputs[0].shape)};
  return {made(inputs[0].shape), made(inputs[0].shape, Format::fp32, "velocity")};
}

}  // namespace triad::graph::rules
