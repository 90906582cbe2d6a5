#include "sim/reference/kernels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace triad::reference {
namespace {

using graph::OpKind;
using Reals = std::vector<float>;

/// a with b, which repeats: the shape of b is the end of the shape of a.
template <typename Operation>
Reals element_wise(const Reals& a, const Reals& b, Operation operation) {
  Reals result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = operation(a[i], b[i % b.size()]);
  return result;
}

Reals reduce_sum(const Reals& x, std::size_t kept) {
  std::vector<double> sums(kept, 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) sums[i % kept] += x[i];
  return {sums.begin(), sums.end()};
}

Reals mse(const Reals& prediction, const Reals& target) {
  double sum = 0;
  for (std::size_t i = 0; i < prediction.size(); ++i) {
    const double difference = static_cast<double>(prediction[i]) - target[i];
    sum += difference * difference;
  }
  return {static_cast<float>(sum / static_cast<double>(prediction.size()))};
}

/// Of one row of logits: log of the sum of exponentials, relative to the largest logit.
double log_sum(const float* logits, std::size_t classes, double largest) {
  double sum = 0;
  for (std::size_t c = 0; c < classes; ++c) sum += std::exp(logits[c] - largest);
  return std::log(sum);
}

/// The mean loss, or with `gradient` the gradient of every logit.
Reals cross_entropy(const Reals& logits, const std::vector<std::int32_t>& numbers, bool gradient) {
  const std::size_t batch = numbers.size(), classes = logits.size() / batch;
  Reals gradients(gradient ? logits.size() : 0);
  double loss = 0;
  for (std::size_t row = 0; row < batch; ++row) {
    const float* const begin = logits.data() + row * classes;
    const std::int32_t number = numbers[row];
    if (number < 0 || static_cast<std::size_t>(number) >= classes) {
      throw std::invalid_argument(fmt::format("class {} of sample {}: must be 0 to {}", number, row, classes - 1));
    }
    const double largest = *std::max_element(begin, begin + classes);
    const double normaliser = log_sum(begin, classes, largest);
    loss -= begin[number] - largest - normaliser;
    if (!gradient) continue;
    for (std::size_t c = 0; c < classes; ++c) {
      const double probability = std::exp(begin[c] - largest - normaliser);
      const double wanted = c == static_cast<std::size_t>(number) ? 1.0 : 0.0;
      gradients[row * classes + c] = static_cast<float>((probability - wanted) / static_cast<double>(batch));
    }
  }
  return gradient ? gradients : Reals{static_cast<float>(loss / static_cast<double>(batch))};
}

}  // namespace

void execute(const graph::Graph& graph, const graph::Op& op, std::vector<Value>& values) {
  const auto value = [&](std::size_t i) -> const Value& { return values[static_cast<std::size_t>(op.inputs.at(i))]; };
  const auto in = [&](std::size_t i) -> const Reals& { return value(i).real; };
  const auto output = [&](std::size_t i) -> Reals& { return values[static_cast<std::size_t>(op.outputs.at(i))].real; };
  const graph::Tensor& made = graph.tensor(op.outputs[0]);

  switch (op.kind) {
    case OpKind::matmul: {
      const bool ta = op.flag("transpose_a"), tb = op.flag("transpose_b");
      const std::int64_t k = graph.tensor(op.inputs[0]).shape[ta ? 0 : 1];
      multiply(in(0), ta, in(1), tb, output(0), made.shape[0], made.shape[1], k);
      return;
    }
    case OpKind::add:
      output(0) = element_wise(in(0), in(1), std::plus<>());
      return;
    case OpKind::subtract:
      output(0) = element_wise(in(0), in(1), std::minus<>());
      return;
    case OpKind::multiply:
      output(0) = element_wise(in(0), in(1), std::multiplies<>());
      return;
    case OpKind::scale:
      output(0) = element_wise(in(0), {static_cast<float>(op.number("factor"))}, std::multiplies<>());
      return;
    case OpKind::relu:
      output(0) = element_wise(in(0), {0.0f}, [](float x, float zero) { return x < zero ? zero : x; });
      return;
    case OpKind::relu_grad:
      output(0) = element_wise(in(1), in(0), [](float dy, float y) { return y > 0 ? dy : 0.0f; });
      return;
    case OpKind::reduce_sum:
      output(0) = reduce_sum(in(0), static_cast<std::size_t>(graph::elements(made.shape)));
      return;
    case OpKind::broadcast:
      output(0) = element_wise(Reals(static_cast<std::size_t>(graph::elements(made.shape))), in(0),
                               [](float, float x) { return x; });
      return;
    case OpKind::cast:
      output(0) = in(0);
      if (made.format == numerics::Format::bf16) {
        for (float& x : output(0)) x = numerics::round_bf16(x);
      }
      return;
    case OpKind::reshape:
      values[static_cast<std::size_t>(op.outputs[0])] = value(0);
      return;
    case OpKind::mse:
      output(0) = mse(in(0), in(1));
      return;
    case OpKind::mse_grad: {
      const double scale = 2.0 / static_cast<double>(in(0).size());
      output(0) = element_wise(in(0), in(1), [scale](float prediction, float target) {
        return static_cast<float>(scale * (static_cast<double>(prediction) - target));
      });
      return;
    }
    case OpKind::cross_entropy:
      output(0) = cross_entropy(in(0), value(1).integers, false);
      return;
    case OpKind::cross_entropy_grad:
      output(0) = cross_entropy(in(0), value(1).integers, true);
      return;
    case OpKind::sgd: {
      const auto rate = static_cast<float>(op.number("learning_rate")),
                 momentum = static_cast<float>(op.number("momentum"));
      Reals velocity = in(1);
      if (op.inputs.size() == 3) {
        velocity = element_wise(in(2), in(1), [momentum](float v, float gradient) { return momentum * v + gradient; });
        output(1) = velocity;
      }
      output(0) = element_wise(in(0), velocity, [rate](float parameter, float v) { return parameter - rate * v; });
      return;
    }
  }
  throw std::logic_error(fmt::format("{}: the reference has no {}", op.name, graph::to_string(op.kind)));
}

}  // namespace triad::reference
