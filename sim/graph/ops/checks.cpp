#include "sim/graph/ops/tables.hpp"

namespace triad::graph::ops {

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

void expect_rank(const Tensor& tensor, std::size_t rank, const char* meaning) {
  if (tensor.shape.size() != rank) reject("{} must be {}", describe(tensor), meaning);
}

void expect_same_shape(const Tensor& a, const Tensor& b) {
  if (a.shape != b.shape) reject("{} and {} must have the same shape", describe(a), describe(b));
}

Tensor made(Shape shape, Format format, std::string suffix) {
  return {std::move(suffix), std::move(shape), format, Role::activation};
}

std::int64_t integer(const Attributes& attributes, const std::string& key) {
  return std::get<std::int64_t>(attributes.at(key));
}
double number(const Attributes& attributes, const std::string& key) {
  return std::get<double>(attributes.at(key));
}
bool flag(const Attributes& attributes, const std::string& key) {
  return std::get<bool>(attributes.at(key));
}
const std::string& text(const Attributes& attributes, const std::string& key) {
  return std::get<std::string>(attributes.at(key));
}
const std::vector<std::int64_t>& integers(const Attributes& attributes, const std::string& key) {
  return std::get<std::vector<std::int64_t>>(attributes.at(key));
}

Formula over(Operands inputs, const std::vector<std::int64_t>& axes) {
  Formula formula;
  formula.space = broadcast_shape(inputs);
  formula.reduced.assign(formula.space.size(), false);
  for (const std::int64_t axis : axes) formula.reduced.at(static_cast<std::size_t>(axis)) = true;
  for (const Tensor& input : inputs) formula.strides.push_back(broadcast_strides(input.shape, formula.space));
  return formula;
}

Expression operand(Formula& formula, int number) {
  return {formula, formula.add({Function::operand, {number, -1, -1}})};
}

void deliver(Expression value, bool per_row) {
  value.formula().results.push_back({value.term(), per_row});
}

}  // namespace triad::graph::ops
