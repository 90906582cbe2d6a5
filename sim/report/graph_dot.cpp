#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

#include "sim/graph/op.hpp"
#include "sim/report/graph_sums.hpp"

namespace triad::report {
namespace {

using graph::Op;
using graph::Phase;
using graph::Role;
using graph::TensorId;

/// Text inside quotation marks.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

/// Light tints that stay apart in print and for the colour-blind (ColorBrewer's Set2).
const char* colour(graph::Family family) {
  switch (family) {
    case graph::Family::contraction:
      return "#fc8d62";
    case graph::Family::formula:
      return "#a6d854";
    case graph::Family::movement:
      return "#8da0cb";
    case graph::Family::view:
      return "#ffffff";
    case graph::Family::window:
      return "#66c2a5";
    case graph::Family::indexed:
      return "#e5c494";
  }
  return "#ffffff";
}

class Drawing {
 public:
  explicit Drawing(const GraphView& view) : view_(view), source_(view.graph.tensors.size(), -1) {
    const graph::Graph& graph = view.graph;
    for (std::size_t id = 0; id < source_.size(); ++id) source_[id] = static_cast<TensorId>(id);
    for (std::size_t i = 0; i < graph.ops.size(); ++i) {
      const Op& op = graph.ops[i];
      const bool view_op = graph::family(op) == graph::Family::view;
      for (const TensorId output : op.outputs) {
        if (view_op) source_[at(output)] = source_[at(op.inputs[0])];
        if (!view_op) maker_[output] = i;
      }
    }
  }

  std::string text() {
    const std::vector<PhaseSum> sums = phase_sums(view_);
    for (const PhaseSum& sum : sums) shown_.insert(sum.phase);
    std::string body;
    for (const PhaseSum& sum : sums) body += cluster(sum);
    for (const PhaseSum& sum : sums) {
      for (const Op* op : sum.ops) add_edges(*op);
    }
    return fmt::format(
        "digraph \"{}\" {{\n  rankdir=TB;\n  node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", "
        "fontsize=11];\n  edge [fontname=\"Helvetica\", fontsize=9, color=\"#666666\"];\n{}{}{}}}\n",
        escaped(view_.name), body, given_, edges_);
  }

 private:
  static std::size_t at(TensorId id) { return static_cast<std::size_t>(id); }
  static bool drawn(const Op& op) { return graph::family(op) != graph::Family::view; }
  std::string node(const Op& op) const { return fmt::format("op{}", &op - view_.graph.ops.data()); }

  std::string cluster(const PhaseSum& sum) const {
    const std::string name = graph::to_string(sum.phase);
    const std::string total = work(sum.flops, sum.traffic.bytes());
    std::string text = fmt::format(
        "  subgraph cluster_{} {{\n    label=\"{}\"; labeljust=l; fontname=\"Helvetica\"; "
        "color=\"#bbbbbb\";\n",
        name, total.empty() ? name : name + ": " + total);
    for (const Op* op : sum.ops) {
      if (!drawn(*op)) continue;
      std::string kind = graph::to_string(op->kind);
      if (op->formula && op->kind != graph::OpKind::fused) kind += " with epilogue";
      const std::string done = work(graph::flops(view_.graph, *op), graph::traffic(view_.graph, *op).bytes());
      text += fmt::format("    {} [label=\"{}\\n{}{}{}\", fillcolor=\"{}\"];\n", node(*op), escaped(op->name), kind,
                          done.empty() ? "" : "\\n", done, colour(graph::family(*op)));
    }
    if (sum.phase == Phase::update) text += columns(sum);
    return text + "  }\n";
  }

  /// Updates stand in columns, without what they read: parameter, gradient and states go by their names.
  std::string columns(const PhaseSum& sum) const {
    constexpr std::size_t rows = 12;
    std::string text;
    for (std::size_t i = 1; i < sum.ops.size(); ++i) {
      if (i % rows == 0) continue;
      text += fmt::format("    {} -> {} [style=invis];\n", node(*sum.ops[i - 1]), node(*sum.ops[i]));
    }
    return text;
  }

  void add_edges(const Op& op) {
    if (!drawn(op) || op.phase == Phase::update) return;
    std::set<TensorId> seen;
    for (const TensorId input : op.inputs) {
      if (!seen.insert(input).second) continue;
      const graph::Tensor& tensor = view_.graph.tensor(input);
      std::string label = graph::to_string(tensor.shape);
      if (tensor.format != numerics::Format::fp32) label += " " + numerics::to_string(tensor.format);
      edges_ += fmt::format("  {} -> {} [label=\"{}\"];\n", origin(source_[at(input)], op), node(op), label);
    }
  }

  /// The node that a value comes from: an op, or a note of its own in each phase for what persists and for what
  /// another phase makes, which keeps edges short.
  std::string origin(TensorId id, const Op& reader) {
    const auto made = maker_.find(id);
    if (made != maker_.end()) {
      const Op& op = view_.graph.ops[made->second];
      const bool near = op.phase == reader.phase || (op.phase == Phase::forward && id == view_.graph.loss);
      if (near && shown_.contains(op.phase)) return node(op);
    }
    const std::string name = fmt::format("t{}_{}", id, graph::to_string(reader.phase));
    if (notes_.insert(name).second) {
      const graph::Tensor& tensor = view_.graph.tensor(id);
      const bool parameter = tensor.role == Role::parameter || tensor.role == Role::state;
      given_ += fmt::format("  {} [label=\"{}\", shape={}, style=\"\", fontsize=10];\n", name, escaped(tensor.name),
                            parameter ? "ellipse" : "plaintext");
    }
    return name;
  }

  const GraphView& view_;
  std::vector<TensorId> source_;           ///< by tensor, through views
  std::map<TensorId, std::size_t> maker_;  ///< the op that makes it
  std::set<Phase> shown_;
  std::set<std::string> notes_;
  std::string given_, edges_;
};

}  // namespace

std::string graph_dot(const GraphView& view) {
  return Drawing(view).text();
}

}  // namespace triad::report
