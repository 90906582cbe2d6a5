#include <fmt/format.h>

#include <algorithm>

#include "sim/workload/onnx/operators.hpp"

/// LSTM, GRU and RNN, unrolled over the steps of the sequence.
///
///     X [T, B, I], W [D, G H, I], R [D, G H, H], B [D, 2 G H], lengths, initial_h [D, B, H], initial_c [D, B, H]
///     -> Y [T, D, B, H], Y_h [D, B, H], Y_c [D, B, H]
///
/// with D directions and G gates: i o f c of an LSTM, z r h of a GRU, one of an RNN.
namespace triad::workload::onnx_import {
namespace {

using N = const Node&;

/// One direction of a layer.
struct Layer {
  N node;
  std::string name;
  std::int64_t batch, hidden;
  TensorId input;            ///< X Wᵀ + Wb, [T, B, G H]
  TensorId recurrent;        ///< R, [G H, H]
  TensorId recurrent_bias;   ///< Rb [G H], -1: none, or added to the input's
  bool linear_before_reset;  ///< GRU
  OpKind activation;         ///< RNN

  Builder& b() const { return node.builder(); }
  std::string of(const std::string& part) const { return name + "." + part; }
  TensorId op(OpKind kind, const std::string& part, std::vector<TensorId> inputs) const {
    return b().op(kind, of(part), std::move(inputs));
  }
  /// Columns of gate number `gate`.
  TensorId gate(const std::string& part, TensorId all, std::int64_t gate) const {
    return b().slice(of(part), all, 1, gate * hidden, (gate + 1) * hidden);
  }
  TensorId gate_of_vector(const std::string& part, TensorId all, std::int64_t gate) const {
    return b().slice(of(part), all, 0, gate * hidden, (gate + 1) * hidden);
  }
};

struct State {
  TensorId h = -1, c = -1;  ///< -1: zero
};

State lstm_step(const Layer& l, TensorId x, State state) {
  TensorId all = x;
  if (state.h != -1) all = l.b().add(l.of("gates"), x, l.b().product(l.of("h"), state.h, l.recurrent, false, true));
  const TensorId i = l.op(OpKind::sigmoid, "i", {l.gate("i.part", all, 0)});
  const TensorId o = l.op(OpKind::sigmoid, "o", {l.gate("o.part", all, 1)});
  const TensorId f = l.op(OpKind::sigmoid, "f", {l.gate("f.part", all, 2)});
  const TensorId g = l.op(OpKind::tanh, "g", {l.gate("g.part", all, 3)});
  TensorId c = l.op(OpKind::multiply, "new", {i, g});
  if (state.c != -1) c = l.b().add(l.of("c"), l.op(OpKind::multiply, "kept", {f, state.c}), c);
  return {l.op(OpKind::multiply, "output", {o, l.op(OpKind::tanh, "c.tanh", {c})}), c};
}

State gru_step(const Layer& l, TensorId x, State state) {
  Builder& b = l.b();
  // z and r stand first: h Rᵀ of both at once.
  TensorId product = -1;
  if (state.h != -1) product = b.product(l.of("h"), state.h, l.recurrent, false, true);
  const auto sum_of_gate = [&](const char* part, std::int64_t gate) {
    TensorId sum = l.gate(std::string(part) + ".x", x, gate);
    if (product != -1) sum = b.add(l.of(part), sum, l.gate(std::string(part) + ".h", product, gate));
    if (l.recurrent_bias != -1) sum = b.add(l.of(part), sum, l.gate_of_vector("bias", l.recurrent_bias, gate));
    return sum;
  };
  const TensorId z = l.op(OpKind::sigmoid, "z", {sum_of_gate("z.sum", 0)});
  const TensorId r = l.op(OpKind::sigmoid, "r", {sum_of_gate("r.sum", 1)});
  TensorId candidate = l.gate("n.x", x, 2);
  TensorId from_h = -1;
  if (state.h != -1) {
    if (l.linear_before_reset) {
      from_h = l.gate("n.h", product, 2);
    } else {
      const TensorId weight = b.slice(l.of("n.weight"), l.recurrent, 0, 2 * l.hidden, 3 * l.hidden);
      from_h = b.product(l.of("n.h"), l.op(OpKind::multiply, "reset", {r, state.h}), weight, false, true);
    }
  }
  if (l.recurrent_bias != -1) {
    const TensorId bias = l.gate_of_vector("n.bias", l.recurrent_bias, 2);
    from_h = from_h == -1 ? bias : b.add(l.of("n.h.bias"), from_h, bias);
  }
  if (from_h != -1) {
    if (l.linear_before_reset) from_h = l.op(OpKind::multiply, "reset", {r, from_h});
    candidate = b.add(l.of("n.sum"), candidate, from_h);
  }
  const TensorId n = l.op(OpKind::tanh, "n", {candidate});
  // (1 - z) n + z h = n - z n + z h
  const TensorId part = l.op(OpKind::multiply, "new", {b.offset(l.of("1-z"), b.scale(l.of("-z"), z, -1), 1), n});
  if (state.h == -1) return {part, -1};
  return {b.add(l.of("output"), part, l.op(OpKind::multiply, "kept", {z, state.h})), -1};
}

State rnn_step(const Layer& l, TensorId x, State state) {
  if (state.h != -1) x = l.b().add(l.of("sum"), x, l.b().product(l.of("h"), state.h, l.recurrent, false, true));
  return {l.op(l.activation, "output", {x}), -1};
}

/// Direction number d of a stacked operand: [D, ...] -> [...].
TensorId part_of(N node, std::size_t input, std::int64_t d) {
  Shape shape = node.shape(input);
  const ValuePtr one = node.slice(node.value(input), 0, d, d + 1);
  shape.erase(shape.begin());
  return node.tensor(*node.reshape(one, shape));
}

/// -1 where the initial state is zero.
TensorId initial(N node, std::size_t input, std::int64_t d, const Shape& expected) {
  if (!node.has(input)) return -1;
  if (node.shape(input) != expected) {
    node.fail(fmt::format("the initial state must be {}, not {}", graph::to_string(expected),
                          graph::to_string(node.shape(input))));
  }
  const Constant* known = node.known(input);
  if (known != nullptr && known->all(0)) return -1;
  return part_of(node, input, d);
}

void check(N node, std::int64_t gates, const Shape& x, const Shape& w, std::int64_t hidden, std::int64_t directions) {
  if (x.size() != 3) node.fail(fmt::format("{} must be [steps, batch, features]", graph::to_string(x)));
  const Shape expected_w = {directions, gates * hidden, x[2]}, expected_r = {directions, gates * hidden, hidden},
              expected_b = {directions, 2 * gates * hidden};
  const auto expect = [&](const char* what, const Shape& shape, const Shape& expected) {
    if (shape == expected) return;
    node.fail(fmt::format("{} is {}, must be {}", what, graph::to_string(shape), graph::to_string(expected)));
  };
  expect("W", w, expected_w);
  expect("R", node.shape(2), expected_r);
  if (node.has(3)) expect("B", node.shape(3), expected_b);
  if (node.has(4)) {
    const Constant& lengths = node.constant(4, "the lengths of the sequences");
    if (!lengths.all(static_cast<double>(x[0]))) node.fail("sequences of different lengths are not supported");
  }
  if (node.has(7)) node.fail("peepholes are not supported");
  if (node.has_attribute("clip")) node.fail("clip is not supported");
  node.require("layout", 0);
  node.require("input_forget", 0);
}

using Step = State (*)(const Layer& layer, TensorId x, State state);

void unrolled(N node, std::int64_t gates, Step step, OpKind activation = OpKind::tanh) {
  const Shape x = node.shape(0), w = node.shape(1);
  const std::string direction = node.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    node.fail(fmt::format("direction '{}' is none of forward, reverse, bidirectional", direction));
  }
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1;
  const std::int64_t hidden = node.integer("hidden_size", w.size() == 3 ? w[1] / gates : 0);
  check(node, gates, x, w, hidden, directions);
  Builder& b = node.builder();
  const bool gru = step == gru_step;
  std::vector<TensorId> outputs, last_h, last_c;
  for (std::int64_t d = 0; d < directions; ++d) {
    const bool backwards = direction == "reverse" || d == 1;
    Layer layer{node, node.of(backwards ? "reverse" : "forward"),  x[1],      hidden, -1, part_of(node, 2, d),
                -1,   node.integer("linear_before_reset", 0) != 0, activation};
    TensorId bias = -1;
    if (node.has(3)) {
      Shape shape = node.shape(3);
      const ValuePtr both = node.reshape(node.slice(node.value(3), 0, d, d + 1), {shape[1]});
      bias = node.tensor(*node.slice(both, 0, 0, gates * hidden));
      const TensorId of_h = node.tensor(*node.slice(both, 0, gates * hidden, 2 * gates * hidden));
      if (gru) {
        layer.recurrent_bias = of_h;  // its last gate is added within the reset
      } else {
        bias = b.add(layer.of("bias"), bias, of_h);
      }
    }
    layer.input = b.linear(layer.of("input"), node.tensor(0), part_of(node, 1, d), bias);
    const Shape of_state = {directions, x[1], hidden};
    State state{initial(node, 5, d, of_state), initial(node, 6, d, of_state)};
    std::vector<TensorId> states(static_cast<std::size_t>(x[0]));
    for (std::int64_t i = 0; i < x[0]; ++i) {
      const std::int64_t t = backwards ? x[0] - 1 - i : i;
      const TensorId now =
          b.reshape(layer.of("x"), b.slice(layer.of("x.step"), layer.input, 0, t, t + 1), {x[1], gates * hidden});
      state = step(layer, now, state);
      states[static_cast<std::size_t>(t)] = b.reshape(layer.of("y.step"), state.h, {1, 1, x[1], hidden});
    }
    if (node.wants(0)) outputs.push_back(b.concat(layer.of("y"), states, 0));
    last_h.push_back(b.reshape(layer.of("last"), state.h, {1, x[1], hidden}));
    if (state.c != -1) last_c.push_back(b.reshape(layer.of("last.c"), state.c, {1, x[1], hidden}));
  }
  if (node.wants(0)) node.deliver(b.concat(node.of("y"), outputs, 1), 0);
  if (node.wants(1)) node.deliver(b.concat(node.of("last"), last_h, 0), 1);
  if (node.wants(2) && !last_c.empty()) node.deliver(b.concat(node.of("last.c"), last_c, 0), 2);
}

/// The functions of the gates, per direction: only the usual ones.
void expect_activations(N node, const std::vector<std::string>& usual) {
  const auto stated = node.texts("activations");
  for (std::size_t i = 0; i < stated.size(); ++i) {
    if (stated[i] != usual[i % usual.size()]) {
      node.fail(fmt::format("the activation {} is not supported here, must be {}", stated[i], usual[i % usual.size()]));
    }
  }
}

void lstm(N node) {
  expect_activations(node, {"Sigmoid", "Tanh", "Tanh"});
  unrolled(node, 4, lstm_step);
}
void gru(N node) {
  expect_activations(node, {"Sigmoid", "Tanh"});
  unrolled(node, 3, gru_step);
}
void rnn(N node) {
  const std::vector<std::string> stated = node.texts("activations");
  const std::string first = stated.empty() ? "Tanh" : stated[0];
  if (first != "Tanh" && first != "Relu") node.fail(fmt::format("the activation {} must be Tanh or Relu", first));
  expect_activations(node, {first});
  unrolled(node, 1, rnn_step, first == "Tanh" ? OpKind::tanh : OpKind::relu);
}

}  // namespace

std::vector<Operator> recurrent_operators() {
  return {{"LSTM", 3, lstm}, {"GRU", 3, gru}, {"RNN", 3, rnn}};
}

}  // namespace triad::workload::onnx_import
