#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/asic/compiler/dependencies.hpp"
#include "models/asic/compiler/program.hpp"
#include "models/asic/compiler/tiling.hpp"
#include "models/asic/parameters.hpp"
#include "sim/graph/op.hpp"

namespace triad::asic {

/// Work shared by the parts of the compiler: the program so far and what each of its layers touches.
class Builder {
 public:
  Builder(const device::Job& job, graph::Graph lowered, const Parameters& parameters, const MemoryPort& memory);

  const Parameters& parameters;
  const MemoryPort memory;
  std::unique_ptr<Program> program;
  const graph::Graph& graph;  ///< the program's
  std::vector<Accesses> accesses;

  const graph::Tensor& tensor(graph::TensorId id) const { return graph.tensor(id); }
  isa::Storage storage(const graph::Op& op, graph::TensorId tensor) const;
  /// A tensor as a stream of a layer: its address and format, without strides.
  isa::Stream stream(const graph::Op& op, graph::TensorId tensor) const;
  /// The tiling of a contraction; equal ones are asked for once.
  const Tiling& tiling(const Contraction& contraction);

  /// Appends a layer of an op. Layers of one op and `part` write disjoint bytes and do not wait for one another.
  void emit(isa::Descriptor layer, int op, const std::vector<graph::TensorId>& reads,
            const std::vector<graph::TensorId>& writes, int part = 0);
  /// Throws device::Unsupported: "fc1.matmul: matmul: message".
  [[noreturn]] void unsupported(const graph::Op& op, const std::string& message) const;

 private:
  std::map<Contraction, Tiling> tilings_;
};

/// Writes a formula into a layer: its space, operands, results and terms.
void put_formula(const Builder& builder, const graph::Op& op, const graph::Formula& formula,
                 const std::vector<graph::TensorId>& operands, const std::vector<graph::TensorId>& results,
                 isa::Descriptor& layer);

/// Contractions, with or without an epilogue: a layer of the GEMM engine and a flying one.
void lower_contraction(Builder& builder, int op);
/// Formulas: a layer of the point-wise engine, or of the update engine.
void lower_formula(Builder& builder, int op);
/// Movements: a layer of the reshape engine per copy, and one that fills.
void lower_movement(Builder& builder, int op);
void lower_window(Builder& builder, int op);
void lower_indexed(Builder& builder, int op);

}  // namespace triad::asic
