#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

#include "sim/reference/kernels.hpp"

namespace triad::reference {

void execute_indexed(const graph::Graph& graph, const graph::Op& op, std::span<const Source> operands, Target result) {
  const graph::Tensor &first = graph.tensor(op.inputs[0]), &indices = graph.tensor(op.inputs[1]),
                      &made = graph.tensor(op.outputs[0]);
  const std::int32_t* const index = operands[1].integers();
  const std::int64_t count = graph::elements(indices.shape), width = first.shape.back();
  const bool gathers = op.kind == graph::OpKind::gather;
  const std::int64_t rows = gathers ? first.shape[0] : made.shape[0];
  for (std::int64_t i = 0; i < count; ++i) {
    if (index[i] < 0 || index[i] >= rows) {
      throw std::invalid_argument(
          fmt::format("{}: element {} of {} is {}: must be 0 to {}", op.name, i, indices.name, index[i], rows - 1));
    }
  }
  if (gathers) {
    const std::int64_t bytes = width * numerics::bytes_of(first.format);
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(result.data + i * bytes, operands[0].data + index[i] * bytes, static_cast<std::size_t>(bytes));
    }
    return;
  }
  // Rows are added in the order of the indices, in fp32: so the op is defined.
  std::fill_n(result.floats(), rows * width, 0.0f);
  const float* from = operands[0].floats();
  for (std::int64_t i = 0; i < count; ++i, from += width) {
    float* const to = result.floats() + index[i] * width;
    for (std::int64_t e = 0; e < width; ++e) to[e] += from[e];
  }
}

}  // namespace triad::reference
