#pragma once
#include <memory>
#include <span>
#include <vector>

#include "sim/device/job.hpp"
#include "sim/reference/memory.hpp"

/// Runs the ops of a graph on the host, one after the other.
namespace triad::reference {

/// Holds the values of the tensors. An activation's memory is free again after its last reader; a reshape shares the
/// memory of its operand; values are never written twice, so that a state takes over its updated value without a copy.
class Executor {
 public:
  /// Executes all ops, or with `needed_only` those that `kept` depend on. The tensors `kept` are kept to the end of a
  /// run. The graph must outlive the executor.
  Executor(const graph::Graph& graph, std::span<const graph::TensorId> kept, bool needed_only);

  /// The value of a tensor that no op makes. It is not copied: it must live as long as the executor uses it. Throws
  /// std::invalid_argument when shape or format are not those of the tensor.
  void give(graph::TensorId id, const device::HostTensor& value);
  /// The value of every element.
  void fill(graph::TensorId id, double value);
  /// The job's constants, parameters and states, where they are absent their Tensor::fill. Throws
  /// std::invalid_argument about a parameter without a value (with `needed_only`: that an op reads).
  void give_initial(const device::Job& job);
  /// The job's inputs of a step. Throws std::invalid_argument about an input without a value that an op reads.
  void give_batch(const device::Job& job, int step);

  /// Executes the ops. Throws std::invalid_argument when a value is at fault: a class or an index that does not exist.
  void run();
  /// The updates of the graph: every persistent tensor gets its new value.
  void update();

  device::HostTensor value(graph::TensorId id) const;
  /// Most bytes that activations took at one time.
  std::int64_t peak_bytes() const { return pool_.peak_bytes(); }

 private:
  struct Step {
    const graph::Op* op;
    std::vector<graph::TensorId> last_read;  ///< not needed after this op
  };

  void execute(const graph::Op& op);
  Source source(graph::TensorId id) const;
  Target make(graph::TensorId id);
  bool read_by_an_op(graph::TensorId id) const { return read_[static_cast<std::size_t>(id)]; }

  const graph::Graph& graph_;
  bool needed_only_;
  std::vector<Step> steps_;
  std::vector<bool> read_;
  Pool pool_;
  std::vector<std::shared_ptr<std::byte>> values_;
};

}  // namespace triad::reference
