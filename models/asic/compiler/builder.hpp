#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/asic/compiler/dependencies.hpp"
#include "models/asic/compiler/program.hpp"
#include "models/asic/parameters.hpp"
#include "sim/graph/op.hpp"

namespace triad::asic {

/// Work shared by the parts of the compiler: the program so far and what each of its layers touches.
class Builder {
 public:
  Builder(const device::Job& job, const Parameters& parameters, double memory_bytes_per_cycle);

  const device::Job& job;
  const graph::Graph& graph;
  const Parameters& parameters;
  const double memory_bytes_per_cycle;
  std::unique_ptr<Program> program;
  std::vector<Accesses> accesses;

  /// The tensor in whose storage this one lies: through reshapes, which move nothing, and updates in place.
  graph::TensorId root(graph::TensorId tensor) const;
  kit::StepAddress address(graph::TensorId tensor) const { return program->map.address(root(tensor)); }
  const graph::Tensor& tensor(graph::TensorId id) const { return graph.tensor(id); }
  isa::Storage storage(graph::TensorId tensor) const;
  /// The op that alone reads this tensor, or -1: nobody, several, or the tensor outlives the step.
  int only_reader(graph::TensorId tensor) const;

  void emit(const isa::Descriptor& layer, int op, const std::vector<graph::TensorId>& reads,
            const std::vector<graph::TensorId>& writes);
  /// Throws device::Unsupported: "fc1.matmul: matmul: message".
  [[noreturn]] void unsupported(const graph::Op& op, const std::string& message) const;

 private:
  std::vector<int> readers_;  ///< by tensor: number of ops that read it
  std::vector<int> reader_;   ///< by tensor: the last of them
  std::vector<graph::TensorId> roots_;
};

/// Sets the four fields of a stream (`base` is the field of its address): where it begins and its bytes from row to
/// row.
void set_stream(isa::Descriptor& layer, isa::Field base, const kit::StepAddress& address, std::int64_t pitch);

/// Ops that a layer of the point-wise engine computes as the result of a product leaves the accumulator; -1: none.
struct Fused {
  int bias = -1, relu = -1;
};
Fused find_fusion(const Builder& builder, int matmul);

/// matmul (and what is fused into it): one layer of the GEMM engine per tile and a flying one per tile of the result.
void lower_matmul(Builder& builder, int op, const Fused& fused);
/// Element-wise ops, reductions, losses, conversions.
void lower_pointwise(Builder& builder, int op);
/// The optimizer's step.
void lower_update(Builder& builder, int op);

}  // namespace triad::asic
