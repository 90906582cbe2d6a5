#include <algorithm>

#include "sim/graph/passes.hpp"
#include "sim/graph/passes/group.hpp"

namespace triad::graph {
namespace {

using passes::at;

class Recomputer {
 public:
  explicit Recomputer(const Graph& graph) : graph_(graph), result_(graph), uses_(graph), copies_(graph.ops.size()) {
    maker_.assign(graph.tensors.size(), -1);
    for (int i = 0; i < static_cast<int>(graph.ops.size()); ++i) {
      const Op& op = graph.ops[at(i)];
      for (const TensorId output : op.outputs) maker_[at(output)] = i;
      if (op.phase == Phase::forward && family(op) == Family::contraction) last_contraction_ = i;
    }
  }

  Graph run() {
    for (const Op& op : graph_.ops) {
      Op own = op;
      if (op.phase == Phase::backward) {
        for (TensorId& input : own.inputs) input = again(input);
      }
      ops_.push_back(std::move(own));
    }
    result_.replace_ops(std::move(ops_));
    return without_dead_ops(result_);
  }

 private:
  /// The value as the backward phase reads it: computed again where that is possible.
  TensorId again(TensorId id) {
    const int index = maker_[at(id)];
    if (index == -1 || is_kept(index)) return id;
    const Op& op = graph_.ops[at(index)];
    std::vector<TensorId>& copies = copies_[at(index)];
    if (copies.empty()) {
      Op copy = op;
      copy.phase = Phase::backward;
      copy.name = result_.unique_name(op.name + ".recomputed");
      copy.members = {copy.name};
      copy.member_flops = 0;
      for (TensorId& input : copy.inputs) input = again(input);
      for (TensorId& output : copy.outputs) {
        Tensor tensor = graph_.tensor(output);
        tensor.name += ".recomputed";
        output = result_.add_tensor(std::move(tensor));
      }
      copies = copy.outputs;
      ops_.push_back(std::move(copy));
    }
    return copies[at(static_cast<int>(std::ranges::find(op.outputs, id) - op.outputs.begin()))];
  }

  bool is_kept(int index) {
    const Op& op = graph_.ops[at(index)];
    if (op.phase != Phase::forward || family(op) == Family::contraction || index > last_contraction_) return true;
    return std::ranges::any_of(op.inputs, [&](TensorId input) {  // it would read the new value
      const int update = uses_.replaced_by[at(uses_.root[at(input)])];
      return update != -1 && graph_.ops[at(update)].phase == Phase::forward;
    });
  }

  const Graph& graph_;
  Graph result_;
  passes::Uses uses_;
  std::vector<int> maker_;  ///< by tensor, views too
  int last_contraction_ = -1;
  std::vector<std::vector<TensorId>> copies_;  ///< by op: its outputs made again
  std::vector<Op> ops_;
};

}  // namespace

Graph recompute(const Graph& graph) {
  return Recomputer(graph).run();
}

}  // namespace triad::graph
