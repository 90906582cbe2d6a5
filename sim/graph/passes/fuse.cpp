#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/graph/passes/group.hpp"

namespace triad::graph {
namespace {

using passes::at;
using passes::Group;

constexpr std::size_t longest_name = 60;

/// What is behind the parts of a name that `first` begins with, too: "add" of "encoder.fc1.add" after
/// "encoder.fc1.matmul".
std::string behind_common_part(const std::string& first, const std::string& name) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < std::min(first.size(), name.size()) && first[i] == name[i]; ++i) {
    if (name[i] == '.') begin = i + 1;
  }
  return name.substr(begin);
}

/// "fc1.add+fc1.relu"; where that is long "encoder.0.fc1.matmul+add+gelu", or the first and the last.
std::string joined_name(const std::vector<std::string>& members) {
  const std::string all = fmt::format("{}", fmt::join(members, "+"));
  if (all.size() <= longest_name) return all;
  std::string name = members.front();
  for (std::size_t i = 1; i < members.size(); ++i) name += "+" + behind_common_part(members.front(), members[i]);
  if (name.size() <= longest_name || members.size() == 2) return name;
  return fmt::format("{}+..+{}", members.front(), behind_common_part(members.front(), members.back()));
}

/// Groups of ops, each with its place in an order of execution: the index of one of its ops.
class Fuser {
 public:
  Fuser(const Graph& graph, const Fusion& fusion) : graph_(graph), fusion_(fusion), uses_(graph) {
    for (int i = 0; i < static_cast<int>(graph.ops.size()); ++i) {
      const Op& op = graph.ops[at(i)];
      const bool open = op.phase != Phase::update && (passes::has_formula(graph, op) ||
                                                      (family(op) == Family::contraction && op.formula == nullptr));
      if (open) {
        groups_.push_back(passes::group_of(graph, i));
      } else {
        groups_.emplace_back();
        groups_.back().ops = {i};
      }
      open_.push_back(open);
      group_.push_back(i);
      position_.push_back(i);
    }
    inside_.assign(graph.ops.size(), false);
  }

  Graph run() {
    for (int i = 0; i < static_cast<int>(graph_.ops.size()); ++i) {
      if (!open_[at(i)] || !passes::has_formula(graph_, graph_.ops[at(i)])) continue;
      for (const int producer : producers(i)) try_to_join(producer, i);
      if (fusion_.formulas) {
        for (const int sibling : siblings(i)) try_to_join(sibling, i);
      }
    }
    return result();
  }

 private:
  Group& group(int op) { return groups_[at(group_[at(op)])]; }
  int position(int op) const { return position_[at(group_[at(op)])]; }
  bool is_contraction_group(int op) { return group(op).contraction != -1; }

  /// Ops whose results this one reads: contractions first, then the latest.
  std::vector<int> producers(int op) {
    std::vector<int> found;
    for (const TensorId input : graph_.ops[at(op)].inputs) {
      const int maker = uses_.maker[at(uses_.root[at(input)])];
      if (maker != -1 && open_[at(maker)]) found.push_back(maker);
    }
    std::ranges::sort(found, [&](int a, int b) {
      return std::tuple(!is_contraction_group(a), -position(a), -a) <
             std::tuple(!is_contraction_group(b), -position(b), -b);
    });
    return found;
  }

  /// Earlier formula ops that read an operand as large as this one's space, the latest of each.
  std::vector<int> siblings(int op) {
    constexpr std::size_t most = 8;  // what every layer reads, a mask, has readers without number
    std::vector<int> found;
    for (const TensorId input : graph_.ops[at(op)].inputs) {
      if (elements(graph_.tensor(input).shape) < elements(group(op).space)) continue;
      const std::vector<int>& readers = uses_.readers[at(uses_.root[at(input)])];
      const auto own = std::ranges::lower_bound(readers, op) - readers.begin();
      for (auto i = own; i-- > 0 && own - i <= static_cast<std::ptrdiff_t>(most);) {
        const int reader = readers[at(static_cast<int>(i))];
        if (open_[at(reader)] && passes::has_formula(graph_, graph_.ops[at(reader)])) found.push_back(reader);
      }
    }
    return found;
  }

  void try_to_join(int a, int b) {
    if (group_[at(a)] == group_[at(b)] || graph_.ops[at(a)].phase != graph_.ops[at(b)].phase) return;
    const bool epilogue = is_contraction_group(a) || is_contraction_group(b);
    if (epilogue ? !fusion_.epilogues || !reads(a, b) : !fusion_.formulas) return;
    const std::optional<Group> both = passes::joined(group(a), group(b), fusion_.least_rows);
    if (!both) return;
    for (const int op : both->ops) inside_[at(op)] = true;
    const auto place = common_position(group_[at(a)], group_[at(b)]);
    if (place && fits(*both) && (!epilogue || spares_traffic(*both, group(a), group(b)))) {
      const int into = group_[at(a)], from = group_[at(b)];
      for (const int op : groups_[at(from)].ops) group_[at(op)] = into;
      groups_[at(into)] = *both;
      groups_[at(from)] = {};
      position_[at(into)] = *place;
    }
    for (const int op : both->ops) inside_[at(op)] = false;
  }

  /// Does op b read a result of a's group?
  bool reads(int a, int b) {
    return std::ranges::any_of(graph_.ops[at(b)].inputs, [&](TensorId input) {
      const int maker = uses_.maker[at(uses_.root[at(input)])];
      return maker != -1 && group_[at(maker)] == group_[at(a)];
    });
  }

  /// An epilogue writes no more tensors for the new op, unless that one's result has to be in memory anyway: else what
  /// reads it, often a reduction, had better take the op in.
  bool spares_traffic(const Group& both, const Group& a, const Group& b) {
    const Group &before = a.contraction != -1 ? a : b, &added = a.contraction != -1 ? b : a;
    if (std::ranges::any_of(added.ops, [&](int op) { return is_stored(op); })) return true;
    const std::size_t after = passes::build(graph_, uses_, both, inside_)->outputs.size();
    if (before.members.empty()) return after <= 1;
    for (const int op : added.ops) inside_[at(op)] = false;
    const std::size_t earlier = passes::build(graph_, uses_, before, inside_)->outputs.size();
    for (const int op : added.ops) inside_[at(op)] = true;
    return after <= earlier;
  }

  /// Is a result of the op wanted beyond the formulas of its phase?
  bool is_stored(int index) {
    const Op& op = graph_.ops[at(index)];
    return std::ranges::any_of(op.outputs, [&](TensorId output) {
      return uses_.kept[at(output)] || std::ranges::any_of(uses_.readers[at(output)], [&](int reader) {
               const Op& other = graph_.ops[at(reader)];
               return other.phase != op.phase || !passes::has_formula(graph_, other);
             });
    });
  }

  bool fits(const Group& both) {
    const auto built = passes::build(graph_, uses_, both, inside_);
    if (!built) return false;
    const int own = both.contraction == -1 ? 0 : 1;
    return static_cast<int>(built->inputs.size()) - own <= fusion_.most_operands &&
           static_cast<int>(built->outputs.size()) <= fusion_.most_results &&
           static_cast<int>(built->formula.terms.size()) <= fusion_.most_terms;
  }

  /// Where both groups can be executed as one: at the place of the earlier one, when all that the later one reads is
  /// made by then, or at that of the later one, when nothing reads the earlier one's results before. `inside_` holds
  /// both.
  std::optional<int> common_position(int a, int b) {
    const int early = position_[at(a)] < position_[at(b)] ? a : b, late = early == a ? b : a;
    if (can_move_up(groups_[at(late)], position_[at(early)])) return position_[at(early)];
    if (can_move_down(groups_[at(early)], position_[at(late)])) return position_[at(late)];
    return std::nullopt;
  }

  bool can_move_up(const Group& moved, int to) {
    const auto is_before = [&](int op) { return op == -1 || inside_[at(op)] || position(op) < to; };
    for (const int op : moved.ops) {
      for (const TensorId input : graph_.ops[at(op)].inputs) {
        if (!is_before(uses_.maker[at(uses_.root[at(input)])])) return false;
      }
      for (const TensorId output : graph_.ops[at(op)].outputs) {
        const TensorId old = uses_.replaces[at(output)];  // its readers must be done
        if (old != -1 && !std::ranges::all_of(uses_.readers[at(old)], is_before)) return false;
      }
    }
    return true;
  }

  bool can_move_down(const Group& moved, int to) {
    const auto is_behind = [&](int op) { return op == -1 || inside_[at(op)] || position(op) > to; };
    for (const int op : moved.ops) {
      for (const TensorId output : graph_.ops[at(op)].outputs) {
        if (!std::ranges::all_of(uses_.readers[at(output)], is_behind)) return false;
      }
      for (const TensorId input : graph_.ops[at(op)].inputs) {
        if (!is_behind(uses_.replaced_by[at(uses_.root[at(input)])])) return false;  // overwritten before it is read
      }
    }
    return true;
  }

  Op fused(const Group& group) {
    for (const int op : group.ops) inside_[at(op)] = true;
    passes::Build built = passes::build(graph_, uses_, group, inside_).value();
    for (const int op : group.ops) inside_[at(op)] = false;
    Op op;
    op.kind = OpKind::fused;
    op.phase = graph_.ops[at(group.ops.front())].phase;
    op.inputs = std::move(built.inputs);
    op.outputs = std::move(built.outputs);
    Formula formula = simplified(built.formula);
    if (group.contraction != -1) {
      const Op& contraction = graph_.ops[at(group.contraction)];
      op.kind = contraction.kind;
      op.attributes = contraction.attributes;
      op.inputs.erase(op.inputs.begin());  // its result: the formula's operand 0
      op.inputs.insert(op.inputs.begin(), contraction.inputs.begin(), contraction.inputs.end());
      formula = std::move(built.formula);
    }
    op.formula = std::make_shared<const Formula>(std::move(formula));
    for (const int member : group.ops) {
      const Op& each = graph_.ops[at(member)];
      op.member_flops += flops(graph_, each);
      if (each.members.empty()) op.members.push_back(each.name);
      op.members.insert(op.members.end(), each.members.begin(), each.members.end());
    }
    const std::string name = joined_name(op.members);
    op.name = name;
    for (int n = 2; !names_.insert(op.name).second; ++n) op.name = fmt::format("{}.{}", name, n);
    return op;
  }

  /// The groups in order; a view stands behind the op that makes its source.
  Graph result() {
    std::vector<std::vector<int>> views(graph_.ops.size());
    std::vector<Op> ops;
    std::vector<int> order;
    for (int i = 0; i < static_cast<int>(graph_.ops.size()); ++i) {
      const Op& op = graph_.ops[at(i)];
      if (family(op) == Family::view) {
        const int maker = uses_.maker[at(uses_.root[at(op.inputs[0])])];
        if (maker == -1) {
          ops.push_back(op);
        } else {
          views[at(maker)].push_back(i);
        }
      } else if (!groups_[at(i)].ops.empty()) {
        order.push_back(i);
        names_.insert(op.name);
      }
    }
    std::ranges::sort(order, {}, [&](int id) { return position_[at(id)]; });
    for (const int id : order) {
      const Group& each = groups_[at(id)];
      ops.push_back(each.ops.size() == 1 ? graph_.ops[at(each.ops.front())] : fused(each));
      std::vector<int> behind;
      for (const int op : each.ops) behind.insert(behind.end(), views[at(op)].begin(), views[at(op)].end());
      std::ranges::sort(behind);
      const std::vector<TensorId> outputs = ops.back().outputs;
      for (const int view : behind) {  // of a value that is still made
        const TensorId source = uses_.root[at(graph_.ops[at(view)].inputs[0])];
        if (std::ranges::find(outputs, source) != outputs.end()) ops.push_back(graph_.ops[at(view)]);
      }
    }
    Graph made = graph_;
    made.replace_ops(without_unread_views(std::move(ops)));
    return made;
  }

  /// Without the views that were read before fusion and are not any more: their readers share an operand with readers
  /// of the source.
  std::vector<Op> without_unread_views(std::vector<Op> ops) {
    std::vector<bool> wanted(graph_.tensors.size(), true);
    for (const Op& op : graph_.ops) {
      for (const TensorId input : op.inputs) wanted[at(input)] = false;
    }
    if (graph_.loss >= 0) wanted[at(graph_.loss)] = true;
    for (const Graph::Update& update : graph_.updates) wanted[at(update.updated)] = true;
    std::vector<Op> kept;
    for (std::size_t i = ops.size(); i-- > 0;) {
      if (family(ops[i]) == Family::view && !wanted[at(ops[i].outputs[0])]) continue;
      for (const TensorId input : ops[i].inputs) wanted[at(input)] = true;
      kept.push_back(std::move(ops[i]));
    }
    std::ranges::reverse(kept);
    return kept;
  }

  const Graph& graph_;
  const Fusion& fusion_;
  passes::Uses uses_;
  std::vector<Group> groups_;  ///< empty where joined to another
  std::vector<bool> open_;     ///< by op: may it be fused?
  std::vector<int> group_;     ///< by op
  std::vector<int> position_;  ///< by group
  std::vector<bool> inside_;   ///< by op: is it in the group under examination?
  std::set<std::string> names_;
};

}  // namespace

Graph fuse(const Graph& graph, const Fusion& fusion) {
  return Fuser(graph, fusion).run();
}

}  // namespace triad::graph
