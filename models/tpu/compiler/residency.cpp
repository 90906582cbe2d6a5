#include "models/tpu/compiler/residency.hpp"

#include <algorithm>
#include <vector>

#include "sim/graph/op.hpp"

namespace triad::tpu {

using graph::TensorId;

namespace {
struct Life {
  int first = -1, last = -1, uses = 0;
  bool made = false, streamed = false;
  std::uint64_t bytes = 0;
};
}  // namespace

Residency::Residency(const graph::Graph& graph, const kit::MemoryMap& map, std::uint64_t budget) {
  std::map<TensorId, Life> lives;
  const auto touch = [&](TensorId id, int op, bool made) {
    Life& life = lives[map.storage(id)];
    if (life.first < 0) life.first = op;
    life.last = op;
    life.uses += 1;
    life.made = life.made || made;
    const auto bytes = static_cast<std::uint64_t>(graph.tensor(id).bytes());
    life.bytes = (bytes + alignment - 1) / alignment * alignment;
  };
  for (int i = 0; i < static_cast<int>(graph.ops.size()); ++i) {
    const graph::Op& op = graph.ops[static_cast<std::size_t>(i)];
    if (graph::family(op) == graph::Family::view) continue;
    for (const TensorId id : op.inputs) touch(id, i, false);
    for (const TensorId id : op.outputs) touch(id, i, true);
    const bool convolution = graph::is_contraction(op.kind) && op.kind != graph::OpKind::matmul;
    if (op.kind == graph::OpKind::gather || (convolution && needs_padding(graph, op))) {
      lives[map.storage(op.inputs[0])].streamed = true;
    }
  }
  std::vector<std::pair<TensorId, Life>> order(lives.begin(), lives.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second.first < b.second.first; });

  struct Placed {
    std::uint64_t begin, end;
    int last;
  };
  std::vector<Placed> placed;  // alive ones, by address
  for (const auto& [id, life] : order) {
    if ((!life.made && life.uses < 2) || life.streamed) continue;
    std::erase_if(placed, [&](const Placed& p) { return p.last < life.first; });
    std::uint64_t at = 0;
    auto place = placed.begin();
    while (place != placed.end() && place->begin < at + life.bytes) at = (place++)->end;
    if (at + life.bytes > budget) continue;
    placed.insert(place, {at, at + life.bytes, life.last});
    addresses_[id] = at;
  }
}

std::optional<std::uint64_t> Residency::address(TensorId storage) const {
  const auto found = addresses_.find(storage);
  return found == addresses_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace triad::tpu
