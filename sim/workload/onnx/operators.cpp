#include "sim/workload/onnx/operators.hpp"

#include <algorithm>
#include <map>

#include "sim/config/node.hpp"

namespace triad::workload::onnx_import {

std::span<const Operator> operators() {
  static const std::vector<Operator> all = [] {
    std::vector<Operator> joined;
    for (const auto table : {activation_operators, arithmetic_operators, contraction_operators, convolution_operators,
                             indexing_operators, layout_operators, logic_operators, normalization_operators,
                             pooling_operators, recurrent_operators, reduction_operators, shape_operators}) {
      const std::vector<Operator> part = table();
      joined.insert(joined.end(), part.begin(), part.end());
    }
    std::ranges::sort(joined, {}, &Operator::name);
    return joined;
  }();
  return all;
}

std::string nearest_operator(const std::string& name) {
  static const std::map<std::string_view, std::string_view> by_meaning = {
      {"Acos", "Tanh"},
      {"ArgMax", "ReduceMax"},
      {"ArgMin", "ReduceMin"},
      {"Asin", "Tanh"},
      {"Atan", "Tanh"},
      {"CumSum", "ReduceSum"},
      {"Einsum", "MatMul"},
      {"Gelu", "Erf"},
      {"GatherElements", "Gather"},
      {"GatherND", "Gather"},
      {"GridSample", "Resize"},
      {"GroupNormalization", "InstanceNormalization"},
      {"Hardmax", "Softmax"},
      {"If", "Where"},
      {"Loop", "LSTM"},
      {"LpNormalization", "ReduceL2"},
      {"LpPool", "AveragePool"},
      {"LRN", "BatchNormalization"},
      {"MatMulInteger", "MatMul"},
      {"MaxUnpool", "Resize"},
      {"MeanVarianceNormalization", "InstanceNormalization"},
      {"Mish", "HardSwish"},
      {"QLinearConv", "Conv"},
      {"QLinearMatMul", "MatMul"},
      {"ReduceL1", "ReduceSum"},
      {"ScatterElements", "Where"},
      {"ScatterND", "Where"},
      {"Scan", "LSTM"},
      {"ThresholdedRelu", "Relu"},
      {"TopK", "ReduceMax"},
      {"Xor", "Equal"},
  };
  const auto found = by_meaning.find(name);
  if (found != by_meaning.end()) return std::string(found->second);
  std::vector<std::string> names;
  for (const Operator& one : operators()) names.emplace_back(one.name);
  return config::nearest(name, names);
}

}  // namespace triad::workload::onnx_import
