#include "models/gpu/lowering.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "models/gpu/kernels/kernels.hpp"
#include "models/gpu/sm/sm.hpp"
#include "sim/graph/op.hpp"

namespace triad::gpu {
namespace {

using device::Unsupported;
using graph::OpKind;
using graph::Shape;
using graph::TensorId;
using numerics::Format;

constexpr std::uint32_t block_threads = 256;             ///< of element-wise kernels (models/gpu/kernels)
constexpr std::uint32_t row_width = 32, row_height = 8;  ///< of the reductions' blocks
constexpr std::uint32_t tall_height = 32;                ///< of the losses' blocks

std::uint32_t divide_up(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint32_t>((a + b - 1) / b);
}

class Lowering {
 public:
  Lowering(const Parameters& parameters, const device::Job& job)
      : parameters_(parameters), job_(job), program_(std::make_unique<GpuProgram>(kit::MemoryMap(job))) {}

  std::unique_ptr<GpuProgram> lower() {
    if (program_->map.bytes() > parameters_.memory.capacity) {
      throw Unsupported(fmt::format("{} needs {} bytes of device memory, the device has {}", job_.name,
                                    program_->map.bytes(), parameters_.memory.capacity));
    }
    for (std::size_t i = 0; i < job_.graph.ops.size(); ++i) {
      op_ = &job_.graph.ops[i];
      index_ = static_cast<int>(i);
      add_op();
    }
    return std::move(program_);
  }

 private:
  const graph::Tensor& in(std::size_t i) const { return job_.graph.tensor(op_->inputs.at(i)); }
  const graph::Tensor& out(std::size_t i) const { return job_.graph.tensor(op_->outputs.at(i)); }

  [[noreturn]] void reject(const std::string& why) const {
    throw Unsupported(fmt::format("{} ({}): {}", op_->name, graph::to_string(op_->kind), why));
  }

  /// A number of elements or a dimension, as kernels take it.
  Argument count(std::int64_t n) const {
    if (n > std::numeric_limits<std::int32_t>::max()) reject(fmt::format("{} elements; kernels count to 2^31 - 1", n));
    return Argument::word(static_cast<std::uint32_t>(n));
  }
  static Argument number(double value) { return Argument::word(numerics::bits_of(static_cast<float>(value))); }
  std::vector<Argument> tensors() const {
    std::vector<Argument> arguments;
    for (const TensorId id : op_->inputs) arguments.push_back(Argument::address(program_->map.address(id)));
    for (const TensorId id : op_->outputs) arguments.push_back(Argument::address(program_->map.address(id)));
    return arguments;
  }

  std::size_t code(const std::string& name) {
    const auto known = std::ranges::find_if(program_->codes, [&](const Code& c) { return c.kernel().name == name; });
    if (known != program_->codes.end()) return static_cast<std::size_t>(known - program_->codes.begin());
    program_->codes.emplace_back(load_kernel(name), parameters_.sm);
    return program_->codes.size() - 1;
  }

  PlannedLaunch& launch(const std::string& kernel, Dimensions grid, Dimensions block, std::vector<Argument> arguments) {
    PlannedLaunch planned;
    planned.op = index_;
    planned.code = code(kernel);
    planned.grid = grid, planned.block = block;
    planned.arguments = std::move(arguments);
    std::string limit;
    if (occupancy(parameters_.sm, program_->codes[planned.code], block, limit) == 0) reject(limit);
    program_->launches.push_back(std::move(planned));
    return program_->launches.back();
  }

  /// A grid-stride loop over n elements: one element per thread.
  void element_wise(const std::string& kernel, std::int64_t n, std::vector<Argument> extra = {}) {
    std::vector<Argument> arguments = tensors();
    arguments.push_back(count(n));
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    launch(kernel, {std::max(1u, divide_up(n, block_threads)), 1, 1}, {block_threads, 1, 1}, std::move(arguments));
  }

  /// out[r, c] = a[r, c] (op) b: b of a's shape, repeated over rows, or a scalar.
  void binary(const std::string& kernel) {
    const std::int64_t n = graph::elements(in(0).shape), of_b = graph::elements(in(1).shape);
    const std::int64_t columns = of_b == 1 ? n : of_b, rows = n / std::max<std::int64_t>(1, columns);
    std::vector<Argument> arguments = tensors();
    arguments.insert(arguments.end(), {count(rows), count(columns), Argument::word(of_b == 1 && n != 1 ? 0 : 1)});
    count(n);
    launch_matrix(kernel, rows, columns, std::move(arguments));
  }

  void broadcast() {
    const std::int64_t columns = graph::elements(in(0).shape), n = graph::elements(out(0).shape);
    std::vector<Argument> arguments = tensors();
    arguments.insert(arguments.end(), {count(n / columns), count(columns)});
    count(n);
    launch_matrix("broadcast", n / columns, columns, std::move(arguments));
  }

  /// One thread per element; as many in x as a narrow matrix has columns, in whole warps.
  void launch_matrix(const std::string& kernel, std::int64_t rows, std::int64_t columns,
                     std::vector<Argument> arguments) {
    const std::uint32_t width = std::min(block_threads, divide_up(columns, warp_size) * warp_size);
    const std::uint32_t height = block_threads / width;
    launch(kernel, {divide_up(columns, width), divide_up(rows, height), 1}, {width, height, 1}, std::move(arguments));
  }

  /// Tiles of 128 x 128 where every SM gets several, else the largest of 64, 32 and 16 that gives work to half of the
  /// SMs.
  void matmul() {
    const Format format = in(0).format;
    if (format != Format::fp32 && format != Format::bf16) {
      reject(fmt::format("operands are {}; the SMs multiply fp32 and bf16", numerics::to_string(format)));
    }
    const bool ta = op_->flag("transpose_a"), tb = op_->flag("transpose_b");
    const std::int64_t m = out(0).shape[0], n = out(0).shape[1], k = in(0).shape[ta ? 0 : 1];
    const auto blocks = [&](std::int64_t tile) {
      return static_cast<std::int64_t>(divide_up(m, tile)) * divide_up(n, tile);
    };
    const bool thin = m <= 32 || n <= 32;  // most of a larger tile would be empty
    const std::uint32_t tile = thin                                 ? 16
                               : blocks(128) >= 4 * parameters_.sms ? 128
                               : 2 * blocks(64) >= parameters_.sms  ? 64
                               : 2 * blocks(32) >= parameters_.sms  ? 32
                                                                    : 16;
    const std::uint32_t depth = tile == 128 ? 8 : 16;
    std::vector<Argument> arguments = tensors();
    arguments.insert(arguments.end(), {count(m), count(n), count(k), Argument::word(ta), Argument::word(tb)});
    for (const Shape& shape : {in(0).shape, in(1).shape, out(0).shape}) count(graph::elements(shape));
    const Dimensions grid{divide_up(n, tile), divide_up(m, tile), 1};
    PlannedLaunch& planned =
        launch(fmt::format("matmul_{}_tile{}", numerics::to_string(format), tile), grid, {16, 16, 1}, arguments);
    planned.contraction = true;
    planned.macs = static_cast<std::int64_t>(grid.count()) * tile * tile * divide_up(k, depth) * depth;
  }

  void add_op() {
    const std::int64_t elements = op_->inputs.empty() ? 0 : graph::elements(in(0).shape);
    switch (op_->kind) {
      case OpKind::matmul:
        return matmul();
      case OpKind::add:
      case OpKind::subtract:
      case OpKind::multiply:
        return binary(graph::to_string(op_->kind));
      case OpKind::scale:
        return element_wise("scale", elements, {number(op_->number("factor"))});
      case OpKind::broadcast:
        return broadcast();
      case OpKind::relu:
      case OpKind::relu_grad:
        return element_wise(graph::to_string(op_->kind), elements);
      case OpKind::reduce_sum: {
        const std::int64_t columns = graph::elements(out(0).shape);
        std::vector<Argument> arguments = tensors();
        arguments.insert(arguments.end(), {count(elements / columns), count(columns)});
        count(elements);
        launch("reduce_sum", {divide_up(columns, row_width), 1, 1}, {row_width, row_height, 1}, std::move(arguments));
        return;
      }
      case OpKind::cast:
        return element_wise(
            fmt::format("cast_{}_{}", numerics::to_string(in(0).format), numerics::to_string(out(0).format)), elements);
      case OpKind::reshape:
        return;  // shares its input's storage
      case OpKind::mse: {
        std::vector<Argument> arguments = tensors();
        arguments.push_back(count(elements));
        launch("mse", {}, {row_width, tall_height, 1}, std::move(arguments));
        return;
      }
      case OpKind::mse_grad:
        return element_wise("mse_grad", elements, {number(2.0 / static_cast<double>(elements))});
      case OpKind::cross_entropy:
      case OpKind::cross_entropy_grad: {
        const std::int64_t rows = in(0).shape[0], columns = in(0).shape[1];
        std::vector<Argument> arguments = tensors();
        arguments.insert(arguments.end(), {count(rows), count(columns)});
        count(elements);
        const bool gradient = op_->kind == OpKind::cross_entropy_grad;
        if (gradient) arguments.push_back(number(1.0 / static_cast<double>(rows)));
        launch(graph::to_string(op_->kind), {1, gradient ? divide_up(rows, row_height) : 1, 1},
               {row_width, gradient ? row_height : tall_height, 1}, std::move(arguments));
        return;
      }
      case OpKind::sgd:
        return sgd();
    }
    reject("there is no GPU kernel for this op");
  }

  void sgd() {
    std::vector<Argument> extra = {number(op_->number("learning_rate"))};
    const bool momentum = op_->inputs.size() == 3;
    if (momentum) extra.push_back(number(op_->number("momentum")));
    element_wise(momentum ? "sgd_momentum" : "sgd", graph::elements(in(0).shape), extra);
  }

  const Parameters& parameters_;
  const device::Job& job_;
  std::unique_ptr<GpuProgram> program_;
  const graph::Op* op_ = nullptr;
  int index_ = 0;
};

}  // namespace

std::unique_ptr<GpuProgram> lower(const Parameters& parameters, const device::Job& job) {
  return Lowering(parameters, job).lower();
}

}  // namespace triad::gpu
