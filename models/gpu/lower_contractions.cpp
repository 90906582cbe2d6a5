#include <fmt/core.h>

#include <algorithm>

#include "models/gpu/lowering_steps.hpp"
#include "models/gpu/sm/sm.hpp"
#include "sim/graph/op.hpp"

/// Contractions: matrix products, and convolutions as products of matrices that are gathered (kernels/README.md).
namespace triad::gpu {

using graph::OpKind;
using graph::Shape;
using numerics::Format;

namespace {

constexpr std::int64_t block_threads = 256;  ///< of the direct convolutions
constexpr std::int64_t most_parts = 32;      ///< of a weight gradient: each is an operand of the kernel that sums them

/// Tiles of 128 x 128 where every SM gets four, else the largest of 64, 32 and 16 that gives work to half of the SMs.
std::uint32_t tile_of(std::int64_t m, std::int64_t n, std::int64_t batch, std::int64_t sms) {
  const auto blocks = [&](std::int64_t tile) { return batch * divide_up(m, tile) * divide_up(n, tile); };
  if (m <= 32 || n <= 32) return 16;  // most of a larger tile would be empty
  if (blocks(128) >= 4 * sms) return 128;
  if (2 * blocks(64) >= sms) return 64;
  return 2 * blocks(32) >= sms ? 32 : 16;
}
std::uint32_t depth_of(std::uint32_t tile) {
  return tile == 128 ? 8 : 16;
}

}  // namespace

/// "fp32", as the kernels of a format are named.
std::string Lowering::stored_format(const graph::Tensor& tensor) const {
  if (tensor.format != Format::fp32 && tensor.format != Format::bf16 && tensor.format != Format::fp16) {
    reject(fmt::format("operands are {}; the SMs multiply fp32, bf16 and fp16", numerics::to_string(tensor.format)));
  }
  return numerics::to_string(tensor.format);
}

/// The largest tile up to this one of which an SM can hold a block.
std::uint32_t Lowering::fitting(const std::string& name, std::uint32_t tile) {
  std::string limit;
  while (tile > 16 &&
         occupancy(parameters_.sm, program_->codes[code(fmt::format("{}{}", name, tile))], {16, 16, 1}, limit) == 0) {
    tile /= 2;
  }
  return tile;
}

void Lowering::matmul() {
  const bool ta = op_->flag("transpose_a"), tb = op_->flag("transpose_b");
  const Shape &a = in(0).shape, &c = out(0).shape;
  const std::int64_t m = c[c.size() - 2], n = c[c.size() - 1], k = a[a.size() - (ta ? 2 : 1)];
  const std::int64_t batch = graph::elements(c) / (m * n);
  const std::string name = fmt::format("matmul_{}_tile", stored_format(in(0)));
  const std::uint32_t tile = fitting(name, tile_of(m, n, batch, parameters_.sms)), depth = depth_of(tile);
  std::vector<Argument> arguments = tensors();
  arguments.insert(arguments.end(), {count(m), count(n), count(k), Argument::word(ta), Argument::word(tb), count(m * k),
                                     count(k * n), count(m * n)});
  const Dimensions grid{divide_up(n, tile), divide_up(m, tile), static_cast<std::uint32_t>(batch)};
  PlannedLaunch& planned =
      launch(fmt::format("matmul_{}_tile{}", stored_format(in(0)), tile), grid, {16, 16, 1}, std::move(arguments));
  planned.contraction = true;
  planned.macs = static_cast<std::int64_t>(grid.count()) * tile * tile * divide_up(k, depth) * depth;
}

namespace {

/// A convolution's extents, whichever of its tensors are operands.
struct Extents {
  std::int64_t n, c, h, w, o, p, q, r, s, own_c, own_o, groups;
};

Extents extents_of(const graph::Op& op, const Shape& first, const Shape& second, const Shape& result) {
  const Shape& x = op.kind == OpKind::conv2d_dgrad ? result : first;
  const Shape& w = op.kind == OpKind::conv2d_wgrad ? result : second;
  const Shape& y = op.kind == OpKind::conv2d ? result : op.kind == OpKind::conv2d_dgrad ? first : second;
  const std::int64_t groups = op.integer("groups");
  return {x[0], x[1], x[2], x[3], y[1], y[2], y[3], w[2], w[3], w[1], w[0] / groups, groups};
}

}  // namespace

/// In the order of CONVOLUTION_PARAMETERS (kernels/convolution.h).
std::vector<Argument> Lowering::convolution_arguments() {
  const Extents e = extents_of(*op_, in(0).shape, in(1).shape, out(0).shape);
  std::vector<Argument> arguments;
  for (const std::int64_t n : {e.n, e.c, e.h, e.w, e.o, e.p, e.q, e.r, e.s}) arguments.push_back(count(n));
  for (const char* pair : {"stride", "padding", "dilation"}) {
    for (const std::int64_t n : op_->integers(pair)) arguments.push_back(count(n));
  }
  arguments.insert(arguments.end(), {count(e.own_c), count(e.own_o)});
  const auto& stride = op_->integers("stride");
  for (const std::int64_t d :
       {e.r * e.s, e.s, e.p * e.q, e.q, e.h * e.w, e.w, stride[0], stride[1], e.c, e.o, e.own_c, e.own_o}) {
    add_divisor(arguments, d);
  }
  return arguments;
}

/// Kernels take (w, x), (w, dy) and (dy, x).
void Lowering::convolution() {
  const Extents e = extents_of(*op_, in(0).shape, in(1).shape, out(0).shape);
  const std::string format = stored_format(in(0));
  const std::string name = graph::to_string(op_->kind);
  std::vector<Argument> arguments = {address(op_->inputs[1]), address(op_->inputs[0]), address(op_->outputs[0])};
  const std::vector<Argument> shape = convolution_arguments();
  const std::int64_t taps = e.r * e.s, points = e.n * e.p * e.q;
  const bool weights = op_->kind == OpKind::conv2d_wgrad;
  if (e.groups > 1 && std::min(e.own_c, e.own_o) < 8) {
    arguments.insert(arguments.end(), shape.begin(), shape.end());
    return direct_convolution(fmt::format("{}_direct_{}", name, format), arguments);
  }
  std::int64_t rows = e.own_o, columns = points, inner = e.own_c * taps;
  if (op_->kind == OpKind::conv2d_dgrad) rows = e.own_c, columns = e.n * e.h * e.w, inner = e.own_o * taps;
  if (weights) columns = e.own_c * taps, inner = points;
  // The inner index of a weight gradient is long and its result small: parts of it are summed apart.
  const std::int64_t possible = weights ? std::clamp<std::int64_t>(inner / 128, 1, most_parts) : 1;
  const std::string kernel = fmt::format("{}_{}_tile", name, format);
  const std::uint32_t tile = fitting(kernel, tile_of(rows, columns, e.groups * possible, parameters_.sms));
  const std::uint32_t depth = depth_of(tile);
  const std::int64_t blocks = e.groups * divide_up(rows, tile) * divide_up(columns, tile);
  std::int64_t parts = std::clamp<std::int64_t>(parameters_.sms / blocks, 1, possible);
  const std::int64_t part_inner = static_cast<std::int64_t>(divide_up(divide_up(inner, parts), depth)) * depth;
  parts = divide_up(inner, part_inner);
  const std::int64_t elements = graph::elements(out(0).shape);
  if (parts > 1) arguments[2] = scratch(parts * elements * 4);
  arguments.insert(arguments.end(), shape.begin(), shape.end());
  arguments.push_back(count(parts));
  add_divisor(arguments, parts);
  arguments.insert(arguments.end(), {count(part_inner), count(elements)});
  for (const std::int64_t n : {rows, columns, inner}) count(n + 16 * static_cast<std::int64_t>(tile));
  const Dimensions grid{divide_up(columns, tile), divide_up(rows, tile), static_cast<std::uint32_t>(e.groups * parts)};
  PlannedLaunch& planned = launch(fmt::format("{}{}", kernel, tile), grid, {16, 16, 1}, arguments);
  planned.contraction = true;
  std::int64_t steps = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    steps += divide_up(std::min(part_inner, inner - part * part_inner), depth);
  }
  planned.macs = blocks * tile * tile * steps * depth;
  if (parts > 1) weight_gradient_sum(arguments[2], op_->outputs[0], parts);
}

/// The sum of the parts, in their order.
void Lowering::weight_gradient_sum(Argument from, graph::TensorId to, std::int64_t parts) {
  const std::int64_t elements = graph::elements(program_->graph.tensor(to).shape);
  graph::Formula f;
  f.space = {elements};
  f.reduced = {false};
  int sum = -1;
  for (std::int64_t part = 0; part < parts; ++part) {
    f.strides.push_back({1});
    const int value = f.add({graph::Function::operand, {static_cast<int>(part), -1, -1}});
    sum = part == 0 ? value : f.add({graph::Function::add, {sum, value, -1}});
  }
  f.results = {{sum, false}};
  const std::vector<Format> operands(static_cast<std::size_t>(parts), Format::fp32);
  std::vector<Argument> pointers;
  for (std::int64_t part = 0; part < parts; ++part) {
    pointers.push_back(Argument::address(from.value.offset(static_cast<std::uint64_t>(part * elements * 4))));
  }
  pointers.push_back(address(to));
  launch_generated(generator::request_of(f, operands, {Format::fp32}, parameters_.sms), pointers, "sum_of_parts");
}

void Lowering::direct_convolution(const std::string& name, const std::vector<Argument>& arguments) {
  const Extents e = extents_of(*op_, in(0).shape, in(1).shape, out(0).shape);
  const std::int64_t elements = graph::elements(out(0).shape), taps = e.r * e.s;
  const bool weights = op_->kind == OpKind::conv2d_wgrad;
  const std::int64_t blocks = weights ? elements : divide_up(elements, block_threads);
  count(elements + block_threads);
  PlannedLaunch& planned = launch(name, {static_cast<std::uint32_t>(blocks), 1, 1},
                                  {static_cast<std::uint32_t>(block_threads), 1, 1}, arguments);
  planned.contraction = true;
  planned.macs = elements * (weights ? e.n * e.p * e.q : op_->kind == OpKind::conv2d ? e.own_c * taps : e.own_o * taps);
}

}  // namespace triad::gpu
