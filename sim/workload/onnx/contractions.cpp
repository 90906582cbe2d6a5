#include <algorithm>
#include <numeric>

#include "sim/workload/onnx/operators.hpp"

/// Matrix products.
namespace triad::workload::onnx_import {
namespace {

/// An operand of a product: of a transposed matrix the matrix itself, so that nothing has to move.
struct Operand {
  TensorId tensor;
  bool transposed;
};
Operand operand(const Node& node, TensorId tensor) {
  const graph::Op* made = maker(node.builder().graph(), tensor);
  if (made == nullptr || made->kind != OpKind::transpose) return {tensor, false};
  std::vector<std::int64_t> swapped(node.builder().shape(tensor).size());
  std::iota(swapped.begin(), swapped.end(), 0);
  std::swap(swapped[swapped.size() - 1], swapped[swapped.size() - 2]);
  if (made->integers("permutation") != swapped) return {tensor, false};
  return {made->inputs[0], true};
}

TensorId product(const Node& node, TensorId a, TensorId b, bool transpose_a = false, bool transpose_b = false) {
  const Operand left = operand(node, a), right = operand(node, b);
  return node.builder().product(node.of("matmul"), left.tensor, right.tensor, left.transposed != transpose_a,
                                right.transposed != transpose_b);
}

/// `leading` dimensions and the last two of the tensor, repeated where it has 1.
TensorId spread(const Node& node, TensorId tensor, Shape leading) {
  const Shape& shape = node.builder().shape(tensor);
  leading.insert(leading.end(), shape.end() - 2, shape.end());
  if (leading == shape) return tensor;
  return node.builder().op(OpKind::broadcast, node.of("broadcast"), {tensor}, {{"shape", leading}});
}

/// NumPy's matmul: the last two axes are matrices, those before them broadcast; a vector is a matrix for the time
/// being.
void matmul(const Node& node) {
  Builder& b = node.builder();
  TensorId left = node.tensor(0), right = node.tensor(1);
  const bool row = b.shape(left).size() == 1, column = b.shape(right).size() == 1;
  if (b.shape(left).empty() || b.shape(right).empty()) node.fail("an operand is a scalar");
  if (row) left = b.reshape(node.of("row"), left, {1, b.shape(left)[0]});
  if (column) right = b.reshape(node.of("column"), right, {b.shape(right)[0], 1});
  const Shape of_left = b.shape(left), of_right = b.shape(right);
  Shape result;
  TensorId y = -1;
  if (of_right.size() == 2) {  // one matrix for all: the rows of all batches in one
    result.assign(of_left.begin(), of_left.end() - 1);
    result.push_back(of_right[1]);
    if (of_left.size() > 2) {
      const std::int64_t k = of_left.back();
      left = b.reshape(node.of("rows"), b.operand(left), {graph::elements(of_left) / k, k});
    }
    y = product(node, left, right);
  } else {
    std::vector<graph::Tensor> leading(2);
    leading[0].shape.assign(of_left.begin(), of_left.end() - 2);
    leading[1].shape.assign(of_right.begin(), of_right.end() - 2);
    result = graph::broadcast_shape(leading);
    y = product(node, spread(node, left, result), spread(node, right, result));
    result.insert(result.end(), {of_left[of_left.size() - 2], of_right.back()});
  }
  if (row) result.erase(result.end() - 2);
  if (column) result.pop_back();
  node.deliver(b.reshape(node.of("output"), y, result));
}

/// alpha A B + beta C, with A and B transposed where asked for.
void gemm(const Node& node) {
  Builder& b = node.builder();
  TensorId y =
      product(node, node.tensor(0), node.tensor(1), node.integer("transA", 0) != 0, node.integer("transB", 0) != 0);
  const double alpha = node.number("alpha", 1), beta = node.number("beta", 1);
  if (alpha != 1) y = b.scale(node.of("alpha"), y, alpha);
  if (node.has(2) && beta != 0) {
    TensorId c = node.tensor(2);
    if (beta != 1) c = b.scale(node.of("beta"), c, beta);
    y = b.add(node.of("add"), y, c);
  }
  node.deliver(y);
}

}  // namespace

std::vector<Operator> contraction_operators() {
  return {{"MatMul", 2, matmul}, {"Gemm", 2, gemm}};
}

}  // namespace triad::workload::onnx_import
