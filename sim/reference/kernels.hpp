#pragma once
#include <cstdint>
#include <vector>

#include "sim/graph/op.hpp"

/// The ops on the host. A value is held as fp32 whatever its format (bf16 values are exact in fp32).
namespace triad::reference {

struct Value {
  std::vector<float> real;
  std::vector<std::int32_t> integers;  ///< of an int32 tensor instead
};

/// Executes one op. `values` holds a value per tensor of the graph; the op's outputs are overwritten.
void execute(const graph::Graph& graph, const graph::Op& op, std::vector<Value>& values);

/// C[m,n] = op(A) op(B), row-major; `transpose_a`: A is stored [k,m], `transpose_b`: B is stored [n,k]. oneDNN, one
/// thread.
void multiply(const std::vector<float>& a, bool transpose_a, const std::vector<float>& b, bool transpose_b,
              std::vector<float>& c, std::int64_t m, std::int64_t n, std::int64_t k);

}  // namespace triad::reference
