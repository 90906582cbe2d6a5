#include "sim/workload/onnx/operators.hpp"

#include <algorithm>

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

}  // namespace triad::workload::onnx_import
