#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "sim/workload/onnx/node.hpp"

/// The operators that are read: each is one entry of a table, with the function that builds it of the graph's ops.
namespace triad::workload::onnx_import {

struct Operator {
  std::string_view name;
  std::size_t least_inputs;
  void (*build)(const Node& node);
};

/// All of them, by name.
std::span<const Operator> operators();
/// The supported operator that comes nearest to one that is not, in meaning or else in spelling, or "".
std::string nearest_operator(const std::string& name);

// The tables that operators() joins, one a file. Their builders use definitions of the operators in "ONNX Operator
// Schemas", operator sets 9 to 17.
std::vector<Operator> activation_operators();
std::vector<Operator> arithmetic_operators();
std::vector<Operator> contraction_operators();
std::vector<Operator> convolution_operators();
std::vector<Operator> indexing_operators();
std::vector<Operator> layout_operators();
std::vector<Operator> logic_operators();
std::vector<Operator> normalization_operators();
std::vector<Operator> pooling_operators();
std::vector<Operator> recurrent_operators();
std::vector<Operator> reduction_operators();
std::vector<Operator> shape_operators();

}  // namespace triad::workload::onnx_import
