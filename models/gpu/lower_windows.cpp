#include <fmt/core.h>

#include <algorithm>

#include "models/gpu/lowering_steps.hpp"
#include "sim/graph/op.hpp"

/// Windows (pooling) and ops that find rows by index.
namespace triad::gpu {

using graph::OpKind;
using graph::Role;
using graph::Shape;

void Lowering::window() {
  const bool gradient = op_->kind == OpKind::max_pool_grad || op_->kind == OpKind::average_pool_grad;
  const Shape &x = (gradient ? out(0) : in(0)).shape, &y = (gradient ? in(0) : out(0)).shape;
  const auto &kernel = op_->integers("kernel"), &stride = op_->integers("stride"), &padding = op_->integers("padding");
  std::vector<Argument> arguments = tensors();
  for (const std::int64_t n :
       {x[0] * x[1], x[2], x[3], y[2], y[3], kernel[0], kernel[1], stride[0], stride[1], padding[0], padding[1]}) {
    arguments.push_back(count(n));
  }
  const Shape& result = gradient ? x : y;
  for (const std::int64_t d : {result[2] * result[3], result[3], stride[0], stride[1]}) add_divisor(arguments, d);
  if (op_->kind == OpKind::average_pool || op_->kind == OpKind::average_pool_grad) {
    arguments.push_back(Argument::word(op_->flag("include_padding")));
  }
  launch_elements(graph::to_string(op_->kind), graph::elements(result), std::move(arguments));
}

/// Indices that come with the data must name a row. How rows coalesce depends on them: without values they count up, if
/// they come with the data.
void Lowering::known_indices(graph::TensorId indices, std::int64_t rows) {
  const auto check = [&](const device::HostTensor& tensor) {
    for (const std::int32_t index : tensor.integers()) {
      if (index < 0 || index >= rows) {
        reject(fmt::format("index {} of {}: there are rows 0 to {}", index, program_->graph.tensor(indices).name,
                           rows - 1));
      }
    }
  };
  const graph::TensorId stored = program_->map.storage(indices);
  if (job_.values) {
    if (const auto found = job_.batches.find(stored); found != job_.batches.end())
      std::ranges::for_each(found->second, check);
    if (const auto found = job_.initial.find(stored); found != job_.initial.end()) check(found->second);
    return;
  }
  const graph::Tensor& tensor = program_->graph.tensor(stored);
  if (tensor.role != Role::input && tensor.role != Role::constant) {
    reject(fmt::format("values: off, but its timing depends on the indices {}, which are computed",
                       program_->graph.tensor(indices).name));
  }
  program_->indices.push_back({program_->map.address(indices), graph::elements(tensor.shape), rows});
}

void Lowering::indexed() {
  const graph::TensorId indices = op_->inputs[1];
  const std::int64_t places = graph::elements(in(1).shape);
  const bool is_gather = op_->kind == OpKind::gather;
  const Shape& table = is_gather ? in(0).shape : out(0).shape;
  const std::int64_t rows = table[0], width = table[1];
  known_indices(indices, rows);
  // As many threads as a narrow row needs, in whole warps.
  const std::uint32_t threads = std::min(256u, divide_up(width, warp_size) * warp_size);
  const auto by_place = [&](const std::string& kernel, std::vector<Argument> arguments) {
    arguments.push_back(count(width));
    launch(kernel, {static_cast<std::uint32_t>(places), divide_up(width, threads), 1}, {threads, 1, 1},
           std::move(arguments), Data::known);
  };
  if (is_gather) return by_place(fmt::format("gather_{}", numerics::bytes_of(in(0).format)), tensors());
  const auto fill = generator::request_of_fill(0, rows * width, out(0).format, parameters_.sms);
  launch_generated(fill, {address(op_->outputs[0])}, "fill");
  const Argument next = scratch(places * 8);
  const Argument has_earlier = Argument::address(next.value.offset(static_cast<std::uint64_t>(places * 4)));
  launch_elements("link_equal", places, {address(indices), next, has_earlier, count(places)}, Data::known).control =
      true;  // scatter_add walks the chains
  by_place("scatter_add", {address(op_->inputs[0]), address(indices), next, has_earlier, address(op_->outputs[0])});
}

}  // namespace triad::gpu
