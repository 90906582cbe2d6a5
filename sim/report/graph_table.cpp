#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/graph/op.hpp"
#include "sim/graph/passes.hpp"
#include "sim/report/graph_sums.hpp"
#include "sim/report/text.hpp"

namespace triad::report {

using graph::Graph;
using graph::Op;
using graph::Phase;
using graph::Role;
using graph::TensorId;

std::vector<PhaseSum> phase_sums(const GraphView& view) {
  std::vector<PhaseSum> sums;
  for (const Phase phase : {Phase::forward, Phase::backward, Phase::update}) {
    PhaseSum sum{phase, {}, 0, {}};
    for (const Op& op : view.graph.ops) {
      if (op.phase != phase) continue;
      const graph::Traffic traffic = graph::traffic(view.graph, op);
      sum.ops.push_back(&op);
      sum.flops += graph::flops(view.graph, op);
      sum.traffic.read_bytes += traffic.read_bytes;
      sum.traffic.written_bytes += traffic.written_bytes;
    }
    if (!sum.ops.empty() && view.phase.value_or(phase) == phase) sums.push_back(std::move(sum));
  }
  return sums;
}

std::string intensity(std::int64_t flops, std::int64_t bytes) {
  return bytes == 0 ? "-" : fmt::format("{:.3g}", static_cast<double>(flops) / static_cast<double>(bytes));
}

std::string work(std::int64_t flops, std::int64_t bytes) {
  std::vector<std::string> parts;
  if (flops != 0) parts.push_back(si(static_cast<double>(flops), "FLOP"));
  if (bytes != 0) parts.push_back(si(static_cast<double>(bytes), "B"));
  if (parts.size() == 2) parts.push_back(intensity(flops, bytes) + " FLOP/B");
  return fmt::format("{}", fmt::join(parts, ", "));
}

MemorySum memory_sum(const Graph& graph) {
  MemorySum sum;
  for (const graph::Tensor& tensor : graph.tensors) {
    if (tensor.role == Role::parameter) sum.parameters += tensor.bytes();
    if (tensor.role == Role::state) sum.states += tensor.bytes();
    if (tensor.role == Role::constant) sum.constants += tensor.bytes();
    if (tensor.role == Role::input) sum.inputs += tensor.bytes();
  }
  const graph::MemoryPlan plan = graph::plan_memory(graph);
  sum.activations = plan.peak_bytes - plan.persistent_bytes;
  return sum;
}

namespace {

std::string figure(std::int64_t value, const std::string& unit) {
  return si(static_cast<double>(value), unit);
}

std::string shapes(const Graph& graph, const std::vector<TensorId>& ids) {
  constexpr std::size_t most = 4;
  std::vector<std::string> texts;
  for (const TensorId id : ids) {
    const graph::Tensor& tensor = graph.tensor(id);
    std::string text = tensor.shape.empty() ? "scalar" : fmt::format("{}", fmt::join(tensor.shape, "x"));
    if (tensor.format != numerics::Format::fp32) text += " " + numerics::to_string(tensor.format);
    texts.push_back(std::move(text));
  }
  if (texts.size() > most) texts = {texts[0], texts[1], fmt::format("{} more", texts.size() - 2)};
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string summary(const GraphView& view, const std::vector<PhaseSum>& sums, std::size_t width) {
  Table table({{"", false, 0}, {"", true, 0}, {"", false, 1, true}});
  std::int64_t flops = 0, bytes = 0;
  std::vector<std::string> parts;
  for (const PhaseSum& sum : sums) {
    flops += sum.flops;
    bytes += sum.traffic.bytes();
    parts.push_back(unbroken(graph::to_string(sum.phase) + " " + figure(sum.flops, "FLOP")));
  }
  table.add(
      {"work", figure(flops, "FLOP"), fmt::format("{} step: {}", view.phase ? "of a" : "a", fmt::join(parts, ", "))});
  table.add({"parameters", grouped(static_cast<std::uint64_t>(view.graph.parameters())), "trained numbers"});
  const MemorySum memory = memory_sum(view.graph);
  const auto part = [](std::int64_t size, const char* what) { return unbroken(figure(size, "B") + " " + what); };
  table.add({"memory", figure(memory.peak(), "B"),
             fmt::format("at its peak: {}, {}, {}, {}, {}", part(memory.parameters, "parameters"),
                         part(memory.states, "states"), part(memory.constants, "constants"),
                         part(memory.inputs, "inputs"), part(memory.activations, "activations"))});
  table.add({"traffic", figure(bytes, "B"), "a step, when every op reads and writes memory"});
  table.add({"intensity", intensity(flops, bytes), "FLOP per byte"});
  return table.text(width);
}

/// The last `width` columns of a name, which tell more than the first: "~attention.scores".
std::string tail(const std::string& name, std::size_t width) {
  return name.size() <= width ? name : "~" + name.substr(name.size() - (width - 1));
}

/// Ops but for views, which move nothing.
std::string section(const GraphView& view, const PhaseSum& sum, std::size_t width) {
  constexpr std::size_t figures = 44, least = 24;  // columns of kind, FLOP, bytes and FLOP/B; of a name
  const std::size_t name_width = std::max(width, figures + least) - figures;
  Table table({{"op", false, 0},
               {"kind", false, 2},
               {"operands", false, 4},
               {"results", false, 3},
               {"FLOP", true, 0},
               {"bytes", true, 1},
               {"FLOP/B", true, 1}});
  std::size_t views = 0;
  for (const Op* op : sum.ops) {
    if (graph::family(*op) == graph::Family::view) {
      ++views;
      continue;
    }
    const std::int64_t flops = graph::flops(view.graph, *op), bytes = graph::traffic(view.graph, *op).bytes();
    std::string kind = graph::to_string(op->kind);
    if (op->formula && op->kind != graph::OpKind::fused) kind += "+";
    table.add({tail(op->name, name_width), kind, shapes(view.graph, op->inputs), shapes(view.graph, op->outputs),
               figure(flops, ""), figure(bytes, "B"), intensity(flops, bytes)});
  }
  const std::int64_t bytes = sum.traffic.bytes();
  table.add({"sum", "", "", "", figure(sum.flops, ""), figure(bytes, "B"), intensity(sum.flops, bytes)});
  std::string title = graph::to_string(sum.phase);
  title.front() = static_cast<char>(title.front() - 'a' + 'A');
  const std::size_t count = sum.ops.size() - views;
  const std::string hidden = views == 0 ? "" : fmt::format(", and {} reshape{}", views, views == 1 ? "" : "s");
  return fmt::format("\n{}: {} op{}{}\n\n{}", title, count, count == 1 ? "" : "s", hidden, table.text(width));
}

}  // namespace

std::string graph_table(const GraphView& view, int width) {
  const auto columns = static_cast<std::size_t>(width);
  const std::vector<PhaseSum> sums = phase_sums(view);
  std::string text = view.name + "\n\n" + summary(view, sums, columns);
  for (const PhaseSum& sum : sums) text += section(view, sum, columns);
  return text;
}

std::string graph_json(const GraphView& view) {
  using Json = nlohmann::ordered_json;
  const Graph& graph = view.graph;
  const auto tensors = [&](const std::vector<TensorId>& ids) {
    Json list = Json::array();
    for (const TensorId id : ids) {
      const graph::Tensor& tensor = graph.tensor(id);
      list.push_back({{"name", tensor.name}, {"shape", tensor.shape}, {"format", numerics::to_string(tensor.format)}});
    }
    return list;
  };
  const std::vector<PhaseSum> sums = phase_sums(view);
  std::int64_t flops = 0;
  Json phases = Json::array(), ops = Json::array();
  for (const PhaseSum& sum : sums) {
    flops += sum.flops;
    phases.push_back({{"phase", graph::to_string(sum.phase)},
                      {"ops", sum.ops.size()},
                      {"flops", sum.flops},
                      {"read_bytes", sum.traffic.read_bytes},
                      {"written_bytes", sum.traffic.written_bytes}});
    for (const Op* op : sum.ops) {
      const graph::Traffic traffic = graph::traffic(graph, *op);
      ops.push_back({{"name", op->name},
                     {"kind", graph::to_string(op->kind)},
                     {"phase", graph::to_string(op->phase)},
                     {"inputs", tensors(op->inputs)},
                     {"outputs", tensors(op->outputs)},
                     {"members", op->members},
                     {"flops", graph::flops(graph, *op)},
                     {"read_bytes", traffic.read_bytes},
                     {"written_bytes", traffic.written_bytes}});
    }
  }
  const MemorySum memory = memory_sum(graph);
  const Json document = {{"name", view.name},
                         {"flops", flops},
                         {"parameters", graph.parameters()},
                         {"memory",
                          {{"parameter_bytes", memory.parameters},
                           {"state_bytes", memory.states},
                           {"constant_bytes", memory.constants},
                           {"input_bytes", memory.inputs},
                           {"activation_bytes", memory.activations},
                           {"peak_bytes", memory.peak()}}},
                         {"phases", phases},
                         {"ops", ops}};
  return document.dump(2) + "\n";
}

}  // namespace triad::report
