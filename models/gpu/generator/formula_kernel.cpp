#include "models/gpu/generator/formula_kernel.hpp"

#include "models/gpu/generator/row_kernel.hpp"

namespace triad::gpu::generator {

Request request_of(const graph::Formula& formula, const std::vector<numerics::Format>& operands,
                   const std::vector<numerics::Format>& results, int sms) {
  Request request;
  request.formula = formula;
  request.sms = sms;
  bool reduces = false;
  for (const int stage : formula.stages()) reduces |= stage > 0;
  for (const auto& result : formula.results) reduces |= result.per_row;
  if (!reduces) {  // every point is a row of its own: their order is that of the space
    request.formula.reduced.assign(formula.space.size(), false);
    request.formula = graph::simplified(request.formula);
  }
  const graph::Formula& f = request.formula;
  for (std::size_t i = 0; i < operands.size(); ++i) request.operands.push_back({f.strides[i], operands[i]});
  for (std::size_t i = 0; i < results.size(); ++i) {
    Access access{std::vector<std::int64_t>(f.space.size(), 0), results[i]};
    std::int64_t stride = 1;
    for (std::size_t axis = f.space.size(); axis-- > 0;) {
      if (f.results[i].per_row && f.reduced[axis]) continue;
      access.strides[axis] = stride;
      stride *= f.space[axis];
    }
    request.results.push_back(access);
  }
  return request;
}

Request request_of(const graph::Copy& copy, numerics::Format format, int sms) {
  Request request;
  request.sms = sms;
  graph::Formula& f = request.formula;
  f.space = copy.extents;
  f.reduced.assign(copy.extents.size(), false);
  f.strides = {copy.source_strides};
  f.results = {{f.add({graph::Function::operand, {0, -1, -1}}), false}};
  request.operands = {{copy.source_strides, format, true}};
  request.results = {{copy.target_strides, format, true}};
  return request;
}

Request request_of_fill(double value, std::int64_t count, numerics::Format format, int sms) {
  graph::Formula f;
  f.space = {count};
  f.reduced = {false};
  f.results = {{f.add({graph::Function::constant, {-1, -1, -1}, value}), false}};
  return request_of(f, {}, {format}, sms);
}

Launches generate(const Request& request) {
  const Plan p = plan(request);
  const auto blocks = static_cast<std::uint32_t>((p.rows + p.block_rows - 1) / p.block_rows);
  const Dimensions block{static_cast<std::uint32_t>(p.threads()), 1, 1};
  Launches result;
  if (p.parts == 1) {
    result.launches.push_back({RowKernel(request, p).whole(), {blocks, 1, 1}, block});
    return result;
  }
  std::int64_t reductions = 0;
  for (const graph::Term& term : request.formula.terms) {
    reductions += term.function == graph::Function::row_sum || term.function == graph::Function::row_maximum ? 1 : 0;
  }
  result.scratch_bytes = reductions * p.rows * p.parts * 4;
  const auto parts = static_cast<std::uint32_t>(p.parts);
  for (int stage = 1; stage <= p.stages; ++stage) {
    result.launches.push_back({RowKernel(request, p).partial(stage), {blocks, parts, 1}, block});
  }
  bool by_point = false;
  for (const auto& r : request.formula.results) by_point |= !r.per_row;
  result.launches.push_back({RowKernel(request, p).last(), {blocks, by_point ? parts : 1, 1}, block});
  return result;
}

}  // namespace triad::gpu::generator
