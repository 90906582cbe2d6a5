#pragma once
#include <string>
#include <vector>

#include "sim/workload/layers/builder.hpp"

/// Workloads of single operations, for kernel-level studies: forward only, no loss, nothing trained. Every operation
/// has operands of its own, which lie in device memory in the multiply format when it starts.
namespace triad::workload {

/// One operation on two operands.
struct SingleOp {
  std::string name;
  OpKind kind;
  std::string a, b;  ///< what its operands are called: "a" and "b", "x" and "weight", ...
  Shape a_shape, b_shape;
  Attributes attributes;
};

/// C[m, n] = A[m, k] · B[k, n]
SingleOp matmul_op(std::string name, std::int64_t m, std::int64_t n, std::int64_t k);

/// A convolution, and which of its three products.
struct ConvolutionOp {
  std::int64_t batch = 1, in_channels = 0, height = 0, width = 0, out_channels = 0, groups = 1;
  std::vector<std::int64_t> kernel = {1, 1}, stride = {1, 1}, padding = {0, 0}, dilation = {1, 1};
  enum class Pass { forward, dgrad, wgrad } pass = Pass::forward;
};
/// forward: (x, weight) -> y; dgrad: (dy, weight) -> dx; wgrad: (x, dy) -> dweight. Throws std::invalid_argument where
/// the kernel does not fit.
SingleOp convolution_op(std::string name, const ConvolutionOp& convolution);

/// Appends the operation with its operands: constants "NAME.a" in the builder's precision, uniform in [-1, 1) (int8:
/// 127 times that, rounded to nearest even), stream of sim/workload/random.hpp = the operand's name, seed 0. Throws
/// std::invalid_argument.
void append(Builder& builder, const SingleOp& op);

/// Reads `ops:` of a workload: a list of operations.
///
///     ops:
///       - {op: matmul, m: 1000, n: 2048, k: 512, batch: 1, name: gemm}   # batch and name may be left out
///       - {op: conv2d, batch: 8, in_channels: 64, height: 56, width: 56, out_channels: 64, kernel: 3, stride: 1,
///          padding: 1, dilation: 1, groups: 1, pass: forward}            # pass: forward (default), dgrad, wgrad
///
/// Throws config::Error naming the operation.
Network read_ops(const config::Node& list, Format precision, bool values);

}  // namespace triad::workload
