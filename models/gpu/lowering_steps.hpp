#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "models/gpu/generator/formula_kernel.hpp"
#include "models/gpu/parameters.hpp"
#include "models/gpu/program.hpp"
#include "sim/graph/op.hpp"

namespace triad::gpu {

/// Lowers a graph op by op.
class Lowering {
 public:
  Lowering(const Parameters& parameters, const device::Job& job);
  std::unique_ptr<GpuProgram> lower();

 private:
  // Of the op at hand.
  const graph::Tensor& in(std::size_t i) const { return program_->graph.tensor(op_->inputs.at(i)); }
  const graph::Tensor& out(std::size_t i) const { return program_->graph.tensor(op_->outputs.at(i)); }
  [[noreturn]] void reject(const std::string& why) const;
  Argument address(graph::TensorId id) const { return Argument::address(program_->map.address(id)); }
  /// Addresses of all operands, then of all results.
  std::vector<Argument> tensors() const;
  /// A number of elements, a dimension, or a distance, as kernels take it: below 2^31.
  Argument count(std::int64_t n) const;
  static Argument number(double value);
  /// What a kernel needs to divide numbers below 2^31 by n: factor and shift of kernels/cuda.h, Divisor.
  void add_divisor(std::vector<Argument>& arguments, std::int64_t n) const;
  /// Address of scratch memory for this op; at least so many bytes of it.
  Argument scratch(std::int64_t bytes);

  /// The code of a kernel of models/gpu/kernels.
  std::size_t code(const std::string& name);
  /// The code of a generated kernel: the one known for the text, else compiled under a name made of `wanted`.
  std::size_t code_of_text(const std::string& text, const std::string& wanted);
  /// A kernel may have timing that depends on data, which without values is an error, unless the data is known.
  enum class Data { any, known };
  PlannedLaunch& launch(std::size_t code, Dimensions grid, Dimensions block, std::vector<Argument> arguments,
                        Data data = Data::any);
  PlannedLaunch& launch(const std::string& kernel, Dimensions grid, Dimensions block, std::vector<Argument> arguments,
                        Data data = Data::any) {
    return launch(code(kernel), grid, block, std::move(arguments), data);
  }
  /// A kernel whose threads count elements in x, one each.
  PlannedLaunch& launch_elements(const std::string& kernel, std::int64_t n, std::vector<Argument> arguments,
                                 Data data = Data::any);
  /// All launches of a generated formula; `pointers`: operands and results.
  void launch_generated(const generator::Request& request, std::vector<Argument> pointers, const std::string& name);

  void add_op();
  void formula();
  void movement();
  void matmul();
  std::uint32_t fitting(const std::string& name, std::uint32_t tile);
  void convolution();
  void weight_gradient_sum(Argument from, graph::TensorId to, std::int64_t parts);
  void direct_convolution(const std::string& name, const std::vector<Argument>& arguments);
  std::vector<Argument> convolution_arguments();
  void window();
  void indexed();
  void known_indices(graph::TensorId indices, std::int64_t rows);
  std::string stored_format(const graph::Tensor& tensor) const;

  const Parameters& parameters_;
  const device::Job& job_;
  std::unique_ptr<GpuProgram> program_;
  const graph::Op* op_ = nullptr;
  int index_ = 0;
  std::uint64_t scratch_bytes_ = 0;
  std::unordered_map<std::string, std::size_t> kernels_, texts_;  ///< by name, by PTX: place in program_->codes
  std::unordered_map<std::string, int> names_;                    ///< of generated kernels: how many have this one
};

inline std::uint32_t divide_up(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint32_t>((a + b - 1) / b);
}

}  // namespace triad::gpu
