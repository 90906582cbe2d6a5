#include <fmt/format.h>

#include <cmath>

#include "sim/workload/layers/attention.hpp"

/// lstm and gru, unrolled over time, with PyTorch's parameters and order of gates (torch.nn.LSTM, GRU; batch first).
/// The first step starts from zeros, of which only the biases are left.
namespace triad::workload {
namespace {

/// One layer in one direction.
struct Cell {
  Builder& b;
  std::string name;    ///< of the layer
  std::string suffix;  ///< "l0", "l1_reverse"
  std::int64_t hidden;
  bool bias;

  TensorId parameter(const char* part, Shape shape) const {
    return b.parameter(fmt::format("{}.{}_{}", name, part, suffix), std::move(shape),
                       uniform(1 / std::sqrt(static_cast<float>(hidden))));
  }
  std::string at(const char* part, std::int64_t t) const { return fmt::format("{}.{}.{}.{}", name, suffix, t, part); }
  /// Part `index` of the gates of [batch, gates * hidden].
  TensorId gate(const char* part, std::int64_t t, TensorId gates, std::int64_t index) const {
    return b.slice(at(part, t), gates, 1, index * hidden, (index + 1) * hidden);
  }
};

/// Of every step, in the order of time: [batch, hidden].
struct Steps {
  std::vector<TensorId> hidden;
  TensorId last_hidden = -1, last_cell = -1;
};

/// What the input contributes in every step, all at once: [time * batch, gates * hidden], biases of the input added.
TensorId from_input(const Cell& cell, TensorId x, std::int64_t gates, TensorId* hidden_weight, TensorId* hidden_bias) {
  const std::int64_t width = gates * cell.hidden, features = cell.b.shape(x).back();
  const TensorId weight = cell.parameter("weight_ih", {width, features});
  *hidden_weight = cell.parameter("weight_hh", {width, cell.hidden});
  const TensorId bias = cell.bias ? cell.parameter("bias_ih", {width}) : -1;
  *hidden_bias = cell.bias ? cell.parameter("bias_hh", {width}) : -1;
  return cell.b.linear(fmt::format("{}.{}.input", cell.name, cell.suffix), x, weight, bias);
}

/// i, f, g, o; c' = f c + i g; h' = o tanh(c'). Hochreiter and Schmidhuber 1997, Gers et al. 2000.
Steps lstm_cell(const Cell& cell, TensorId x, bool reverse) {
  Builder& b = cell.b;
  const std::int64_t time = b.extent(x, 0), batch = b.extent(x, 1);
  TensorId weight = -1, bias = -1;
  const TensorId gates_of_x =
      b.reshape(cell.at("rows", 0), from_input(cell, x, 4, &weight, &bias), {time * batch, 4 * cell.hidden});
  Steps steps;
  steps.hidden.resize(static_cast<std::size_t>(time));
  TensorId h = -1, c = -1;
  for (std::int64_t step = 0; step < time; ++step) {
    const std::int64_t t = reverse ? time - 1 - step : step;
    TensorId gates = b.slice(cell.at("gates_of_x", t), gates_of_x, 0, t * batch, (t + 1) * batch);
    if (h != -1) gates = b.add(cell.at("gates", t), gates, b.product(cell.at("matmul", t), h, weight, false, true));
    if (bias != -1) gates = b.add(cell.at("bias", t), gates, bias);
    const TensorId i = b.op(OpKind::sigmoid, cell.at("i", t), {cell.gate("i.in", t, gates, 0)});
    const TensorId g = b.op(OpKind::tanh, cell.at("g", t), {cell.gate("g.in", t, gates, 2)});
    const TensorId o = b.op(OpKind::sigmoid, cell.at("o", t), {cell.gate("o.in", t, gates, 3)});
    TensorId next = b.op(OpKind::multiply, cell.at("ig", t), {i, g});
    if (c != -1) {
      const TensorId f = b.op(OpKind::sigmoid, cell.at("f", t), {cell.gate("f.in", t, gates, 1)});
      next = b.add(cell.at("c", t), b.op(OpKind::multiply, cell.at("fc", t), {f, c}), next);
    }
    c = next;
    h = b.op(OpKind::multiply, cell.at("h", t), {o, b.op(OpKind::tanh, cell.at("tanh", t), {c})});
    steps.hidden[static_cast<std::size_t>(t)] = h;
  }
  steps.last_hidden = h;
  steps.last_cell = c;
  return steps;
}

/// r, z, n; n = tanh(x part + r (h part + its bias)); h' = (1 - z) n + z h. Cho et al. 2014, PyTorch's form.
Steps gru_cell(const Cell& cell, TensorId x, bool reverse) {
  Builder& b = cell.b;
  const std::int64_t time = b.extent(x, 0), batch = b.extent(x, 1), hidden = cell.hidden;
  TensorId weight = -1, bias = -1;
  const TensorId gates_of_x =
      b.reshape(cell.at("rows", 0), from_input(cell, x, 3, &weight, &bias), {time * batch, 3 * hidden});
  Steps steps;
  steps.hidden.resize(static_cast<std::size_t>(time));
  TensorId h = -1;
  for (std::int64_t step = 0; step < time; ++step) {
    const std::int64_t t = reverse ? time - 1 - step : step;
    const TensorId of_x = b.slice(cell.at("gates_of_x", t), gates_of_x, 0, t * batch, (t + 1) * batch);
    TensorId of_h = bias;  // of zeros
    if (h != -1) {
      of_h = b.product(cell.at("matmul", t), h, weight, false, true);
      if (bias != -1) of_h = b.add(cell.at("bias", t), of_h, bias);
    }
    const auto part = [&](const char* name, std::int64_t index) {
      const TensorId from_x = cell.gate(name, t, of_x, index);
      if (of_h == -1) return from_x;
      const std::int64_t axis = of_h == bias ? 0 : 1;
      const TensorId from_h = b.slice(cell.at("of_h", t), of_h, axis, index * hidden, (index + 1) * hidden);
      return b.add(cell.at(name, t), from_x, from_h);
    };
    const TensorId z = b.op(OpKind::sigmoid, cell.at("z", t), {part("z.in", 1)});
    TensorId n = cell.gate("n.x", t, of_x, 2);
    if (of_h != -1) {
      const TensorId r = b.op(OpKind::sigmoid, cell.at("r", t), {part("r.in", 0)});
      const TensorId n_of_h = b.slice(cell.at("n.h", t), of_h, of_h == bias ? 0 : 1, 2 * hidden, 3 * hidden);
      n = b.add(cell.at("n.in", t), n, b.op(OpKind::multiply, cell.at("rn", t), {r, n_of_h}));
    }
    n = b.op(OpKind::tanh, cell.at("n", t), {n});
    // (1 - z) n + z h = n - z n + z h
    const TensorId fresh =
        b.op(OpKind::subtract, cell.at("fresh", t), {n, b.op(OpKind::multiply, cell.at("zn", t), {z, n})});
    h = h == -1 ? fresh : b.add(cell.at("h", t), fresh, b.op(OpKind::multiply, cell.at("zh", t), {z, h}));
    steps.hidden[static_cast<std::size_t>(t)] = h;
  }
  steps.last_hidden = h;
  return steps;
}

/// [batch, time, features] -> [batch, time, hidden * directions]. Also publishes `NAME.hidden` (and `NAME.cell` of an
/// lstm): the last ones of the top layer, [batch, hidden * directions].
template <Steps (*cell_of)(const Cell&, TensorId, bool)>
TensorId recurrent(const Layer& layer) {
  if (layer.rank() != 3) layer.fail("takes [batch, time, features], not " + graph::to_string(layer.shape()));
  if (layer.shape()[1] < 2) layer.fail("a single time step has no recurrence; at least 2");
  Builder& b = layer.builder;
  const std::int64_t hidden = layer.integer("hidden", 1, largest_dimension),
                     layers = layer.integer("layers", 1, 100, 1);
  const bool both = layer.flag("bidirectional", false), bias = layer.flag("bias", true);
  const double p = layer.number("dropout", 0, 0.999999, 0);
  const std::int64_t batch = layer.shape()[0];
  TensorId x = b.swap(layer.of("time_first"), layer.input(), 0, 1);
  for (std::int64_t depth = 0; depth < layers; ++depth) {
    const bool top = depth + 1 == layers;
    std::vector<Steps> directions;
    for (int direction = 0; direction < (both ? 2 : 1); ++direction) {
      const Cell cell{b, layer.name, fmt::format("l{}{}", depth, direction == 1 ? "_reverse" : ""), hidden, bias};
      directions.push_back(cell_of(cell, x, direction == 1));
    }
    // Below the top time stays first; the top gives the batch first.
    const std::string name = fmt::format("{}.l{}.output", layer.name, depth);
    std::vector<TensorId> sequences;
    for (const Steps& steps : directions) {
      std::vector<TensorId> rows;
      for (const TensorId h : steps.hidden) {
        rows.push_back(b.reshape(name + ".step", h, top ? Shape{batch, 1, hidden} : Shape{1, batch, hidden}));
      }
      sequences.push_back(b.concat(name, rows, top ? 1 : 0));
    }
    x = b.concat(name, sequences, 2);
    if (!top) {
      x = dropout(b, fmt::format("{}.l{}.dropout", layer.name, depth), x, p);
      continue;
    }
    std::vector<TensorId> last_hidden, last_cell;
    for (const Steps& steps : directions) {
      last_hidden.push_back(steps.last_hidden);
      last_cell.push_back(steps.last_cell);
    }
    b.publish(layer.of("hidden"), b.concat(layer.of("hidden"), last_hidden, 1));
    if (last_cell[0] != -1) b.publish(layer.of("cell"), b.concat(layer.of("cell"), last_cell, 1));
  }
  return x;
}

constexpr std::string_view keys = "hidden [layers bidirectional bias dropout]";

}  // namespace

std::vector<LayerType> recurrent_layers() {
  return {
      {"lstm", keys, 1, 1, recurrent<lstm_cell>},
      {"gru", keys, 1, 1, recurrent<gru_cell>},
  };
}

}  // namespace triad::workload
