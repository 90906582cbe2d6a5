#pragma once
#include <fmt/format.h>

#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/graph/op.hpp"

/// The tables of ops, one a file, and what their entries are made of.
namespace triad::graph::ops {

std::vector<OpDefinition> contractions();
std::vector<OpDefinition> element_wise();
std::vector<OpDefinition> element_wise_gradients();
std::vector<OpDefinition> rows();
std::vector<OpDefinition> movements();
std::vector<OpDefinition> windows();
std::vector<OpDefinition> indexed();
std::vector<OpDefinition> losses();
std::vector<OpDefinition> optimizers();

using Operands = std::span<const Tensor>;
using Gradients = std::span<const TensorId>;
using Wanted = std::vector<bool>;
using numerics::Format;

// Shape rules are made of these (checks.cpp). Each throws std::invalid_argument saying what was found and what would be
// right.
template <typename... Arguments>
[[noreturn]] void reject(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw std::invalid_argument(fmt::format(format, std::forward<Arguments>(arguments)...));
}
std::string describe(const Tensor& tensor);  ///< "fc1.weight [256, 784]"
void count(Operands inputs, std::size_t least, std::size_t most);
void expect_format(const Tensor& tensor, Format format);
void expect_rank(const Tensor& tensor, std::size_t rank, const char* meaning);
void expect_same_shape(const Tensor& a, const Tensor& b);
/// An output tensor, to be named by Graph::add_op.
Tensor made(Shape shape, Format format = Format::fp32, std::string suffix = "");

std::int64_t integer(const Attributes& attributes, const std::string& key);
double number(const Attributes& attributes, const std::string& key);
bool flag(const Attributes& attributes, const std::string& key);
const std::string& text(const Attributes& attributes, const std::string& key);
const std::vector<std::int64_t>& integers(const Attributes& attributes, const std::string& key);

/// A formula over the shape that all inputs broadcast to, no axis reduced; `axes` reduced otherwise.
Formula over(Operands inputs, const std::vector<std::int64_t>& axes = {});
/// Operand `number` of a formula.
Expression operand(Formula& formula, int number);
/// Makes the term the next result.
void deliver(Expression value, bool per_row = false);

// Gradient rules are made of these (build.cpp): ordinary ops of the backward phase.
/// Appends an op with one output. Its name: `name`, or with a number behind it where that is taken.
TensorId append(Graph& graph, OpKind kind, const std::string& name, std::vector<TensorId> inputs,
                Attributes attributes = {});
/// "fc1.weight.grad" for the gradient of fc1.weight, and of its copies in another format.
std::string gradient_name(const Graph& graph, TensorId id);
/// Sums a gradient over the dimensions over which `operand` was broadcast.
TensorId reduce_to(Graph& graph, TensorId gradient, TensorId operand);
/// The value in another format; itself where it has it.
TensorId as_format(Graph& graph, TensorId value, Format format);
TensorId reshaped(Graph& graph, const std::string& name, TensorId value, const Shape& shape);

}  // namespace triad::graph::ops
