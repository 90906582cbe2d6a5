#pragma once
#include <functional>
#include <span>

#include "sim/graph/movement.hpp"
#include "sim/graph/op.hpp"
#include "sim/reference/memory.hpp"

/// The families of ops on the host. Every function gives the same bits whatever the number of threads.
namespace triad::reference {

/// Executes a formula: operand i is `operands[i]`, result i goes to `results[i]`. Element-wise terms are fp32 steps of
/// sim/numerics; a row_sum is summed in fp64 and rounded once. Results are rounded to their format
/// (numerics::bf16_bits, fp16_bits, int8_of, int32_of).
void execute_formula(const graph::Formula& formula, std::span<const Source> operands, std::span<const Target> results,
                     int threads = 1);

/// Executes a contraction without its epilogue. fp32, bf16 and fp16 operands: fp32 products and sums by oneDNN; int8:
/// exact integers, modulo 2^32.
void execute_contraction(const graph::Graph& graph, const graph::Op& op, Source a, Source b, Target result, Pool& pool,
                         int threads = 1);

/// C[batch, m, n] = op(A) op(B), row-major fp32; `transpose_a`: A is stored [batch, k, m], `transpose_b`: B is stored
/// [batch, n, k]. By oneDNN; a large product in two halves whatever the number of threads.
struct Product {
  std::int64_t batch = 1, m = 1, n = 1, k = 1;
  bool transpose_a = false, transpose_b = false;
};
void multiply(const Product& product, const float* a, const float* b, float* c, int threads = 1);

/// A convolution: x [n, c, h, w], weights [o, c / groups, r, s], y [n, o, p, q].
struct Convolution {
  std::int64_t n, c, h, w, o, r, s, p, q, groups;
  std::int64_t stride[2], padding[2], dilation[2];
};
/// In fp32, by oneDNN, the batch in two halves whatever the number of threads: y of x and weights; dx of dy and
/// weights; dw of x and dy.
void convolve(const Convolution& c, const float* x, const float* weights, float* y, Pool& pool, int threads = 1);
void convolve_dgrad(const Convolution& c, const float* dy, const float* weights, float* dx, Pool& pool,
                    int threads = 1);
void convolve_wgrad(const Convolution& c, const float* x, const float* dy, float* dw, Pool& pool, int threads = 1);

/// Executes the copies of a movement.
void execute_movement(const graph::Movement& movement, std::span<const Source> operands, Target result,
                      std::int64_t elements);

/// Executes a pooling op or its gradient. Sums in fp64, rounded once.
void execute_window(const graph::Graph& graph, const graph::Op& op, std::span<const Source> operands,
                    std::span<const Target> results);

/// Executes gather or scatter_add. Throws std::invalid_argument about an index that the table does not have.
void execute_indexed(const graph::Graph& graph, const graph::Op& op, std::span<const Source> operands, Target result);

/// To fp32, exactly.
void widen(Source source, std::int64_t elements, float* result);

/// Calls body(begin, end) for parts of [0, count), on up to `threads` threads of its own that are gone afterwards (a
/// later fork loses nothing).
void in_parallel(std::int64_t count, int threads, const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace triad::reference
