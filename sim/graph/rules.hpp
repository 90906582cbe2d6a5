#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/graph/op.hpp"

/// What the entries of the table in op.cpp are made of: shape rules, FLOP counts and gradient rules.
namespace triad::graph::rules {

using Operands = std::span<const Tensor>;

// Shape rules (shapes.cpp). Each throws std::invalid_argument saying what was found and what would be right.
std::vector<Tensor> matmul(Operands inputs, const Attributes& attributes);
std::vector<Tensor> element_wise(Operands inputs, const Attributes& attributes);  ///< two operands, b broadcasts
std::vector<Tensor> unary(Operands inputs, const Attributes& attributes);         ///< one fp32 operand
std::vector<Tensor> relu_grad(Operands inputs, const Attributes& attributes);
std::vector<Tensor> reduce_sum(Operands inputs, const Attributes& attributes);
std::vector<Tensor> broadcast(Operands inputs, const Attributes& attributes);
std::vector<Tensor> cast(Operands inputs, const Attributes& attributes);
std::vector<Tensor> reshape(Operands inputs, const Attributes& attributes);
std::vector<Tensor> mse(Operands inputs, const Attributes& attributes);
std::vector<Tensor> mse_grad(Operands inputs, const Attributes& attributes);
std::vector<Tensor> cross_entropy(Operands inputs, const Attributes& attributes);
std::vector<Tensor> cross_entropy_grad(Operands inputs, const Attributes& attributes);
std::vector<Tensor> sgd(Operands inputs, const Attributes& attributes);

// Gradient rules (gradients.cpp), see GradientRule.
using Gradients = std::span<const TensorId>;
using Wanted = std::vector<bool>;
std::vector<TensorId> matmul_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> add_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> subtract_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> multiply_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> scale_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> relu_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> reduce_sum_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> broadcast_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> cast_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> reshape_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> mse_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);
std::vector<TensorId> cross_entropy_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted);

}  // namespace triad::graph::rules
