#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>

#include "sim/graph/op.hpp"
#include "sim/graph/training.hpp"
#include "sim/reference/reference.hpp"

/// Every op's gradient rule against finite differences, on random shapes with 1 and primes.
///
/// The op under test gets parameters as operands; its result goes into a loss. One step of SGD at learning rate 1
/// without momentum gives the gradient as the difference of the parameters. With mean squared error and an op linear in
/// each operand, the loss is a quadratic in every element, so the central difference is exact for any distance; it is
/// large (1/8) so that the rounding of the fp32 loss does not matter.
namespace triad::reference {
namespace {

using graph::Graph;
using graph::OpKind;
using graph::Shape;
using graph::TensorId;
using numerics::Format;

class Case {
 public:
  explicit Case(unsigned seed) : engine_(seed) {}

  Graph graph;
  device::Job job;

  std::int64_t dimension() {
    static constexpr std::int64_t sizes[] = {1, 2, 3, 5, 7, 13};
    return sizes[engine_() % 6];
  }
  /// A multiple of 1/8 in [-2, 2]: exact in bf16, and so is a neighbour at distance 1/8.
  float value() { return static_cast<float>(static_cast<int>(engine_() % 33) - 16) / 8.0f; }

  TensorId parameter(const std::string& name, const Shape& shape, bool away_from_zero = false) {
    const TensorId id = graph.add_tensor({name, shape, Format::fp32, graph::Role::parameter});
    std::vector<float> values(static_cast<std::size_t>(graph::elements(shape)));
    for (float& v : values) {
      do v = value();
      while (away_from_zero && std::abs(v) < 0.25f);
    }
    job.initial[id] = device::HostTensor::of(shape, values);
    return id;
  }
  void mean_squared_error(TensorId output) {
    const Shape shape = graph.tensor(output).shape;
    const TensorId target = graph.add_tensor({"target", shape, Format::fp32, graph::Role::input});
    std::vector<float> values(static_cast<std::size_t>(graph::elements(shape)));
    for (float& v : values) v = value();
    job.batches[target] = {device::HostTensor::of(shape, values)};
    graph.loss = graph.add_op(OpKind::mse, "loss", {output, target})[0];
  }

  /// Compares the gradient of every element of every parameter; |analytic - numeric| <= tolerance * (1 + |numeric|).
  void check(double tolerance, float distance = 0.125f) {
    job.graph = graph::training_step(graph, {1.0, 0.0});
    job.steps = 1;
    const Outcome outcome = run(job);
    for (auto& [id, initial] : job.initial) {
      const std::string& name = graph.tensor(id).name;
      const std::vector<float> before = initial.floats(), after = outcome.weights.at(name).floats();
      for (std::size_t i = 0; i < before.size(); ++i) {
        const auto loss_at = [&](float x) {
          std::vector<float> moved = before;
          moved[i] = x;
          const device::HostTensor saved = std::exchange(initial, device::HostTensor::of(initial.shape, moved));
          const double loss = run(job).loss[0];
          initial = saved;
          return loss;
        };
        const double numeric = (loss_at(before[i] + distance) - loss_at(before[i] - distance)) / (2.0 * distance);
        const double analytic = static_cast<double>(before[i]) - after[i];
        EXPECT_NEAR(analytic, numeric, tolerance * (1 + std::abs(numeric))) << name << " element " << i;
      }
    }
  }

 private:
  std::mt19937 engine_;
};

/// Operands that are multiples of 1/8 make products and sums that fp32 holds (nearly) exactly.
constexpr double exact = 1e-4;

void every_seed(const std::function<void(Case&)>& build) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Case test(seed);
    build(test);
  }
}

TEST(Gradient, Matmul) {
  every_seed([](Case& test) {
    const std::int64_t m = test.dimension(), k = test.dimension(), n = test.dimension();
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        Case one = test;
        const TensorId a = one.parameter("a", ta ? Shape{k, m} : Shape{m, k});
        const TensorId b = one.parameter("b", tb ? Shape{n, k} : Shape{k, n});
        one.mean_squared_error(
            one.graph.add_op(OpKind::matmul, "op", {a, b}, {{"transpose_a", ta}, {"transpose_b", tb}})[0]);
        one.check(exact);
      }
    }
  });
}

/// The gradient that enters a bf16 contraction is rounded to bf16: 2^-9 of the largest term, of k terms each up to 2
/// * 2.
TEST(Gradient, MatmulInBf16) {
  every_seed([](Case& test) {
    const std::int64_t m = test.dimension(), k = test.dimension(), n = test.dimension();
    const auto bf16 = [&](TensorId id) {
      return test.graph.add_op(OpKind::cast, test.graph.tensor(id).name + ".bf16", {id},
                               {{"format", std::string("bf16")}})[0];
    };
    const TensorId a = bf16(test.parameter("a", {m, k})), b = bf16(test.parameter("b", {n, k}));
    test.mean_squared_error(test.graph.add_op(OpKind::matmul, "op", {a, b}, {{"transpose_b", true}})[0]);
    test.check(0.02);
  });
}

TEST(Gradient, ElementWiseWithBroadcasting) {
  for (const OpKind kind : {OpKind::add, OpKind::subtract, OpKind::multiply}) {
    every_seed([kind](Case& test) {
      const Shape whole = {test.dimension(), test.dimension(), test.dimension()};
      for (std::ptrdiff_t kept = 0; kept <= 3; ++kept) {
        Case one = test;
        const TensorId a = one.parameter("a", whole), b = one.parameter("b", Shape(whole.end() - kept, whole.end()));
        one.mean_squared_error(one.graph.add_op(kind, "op", {a, b})[0]);
        one.check(exact);
      }
    });
  }
}

TEST(Gradient, Scale) {
  every_seed([](Case& test) {
    const TensorId x = test.parameter("x", {test.dimension(), test.dimension()});
    test.mean_squared_error(test.graph.add_op(OpKind::scale, "op", {x}, {{"factor", -1.5}})[0]);
    test.check(exact);
  });
}

TEST(Gradient, Relu) {
  every_seed([](Case& test) {
    const TensorId x = test.parameter("x", {test.dimension(), test.dimension()}, true);  // away from the kink
    test.mean_squared_error(test.graph.add_op(OpKind::relu, "op", {x})[0]);
    test.check(exact);
  });
}

TEST(Gradient, ReduceSumAndBroadcast) {
  every_seed([](Case& test) {
    const Shape shape = {test.dimension(), test.dimension(), test.dimension()};
    for (std::int64_t keep = 0; keep <= 3; ++keep) {
      Case one = test;
      const TensorId x = one.parameter("x", shape);
      const TensorId sum = one.graph.add_op(OpKind::reduce_sum, "sum", {x}, {{"keep", keep}})[0];
      const TensorId wide = one.graph.add_op(OpKind::broadcast, "wide", {sum}, {{"shape", shape}})[0];
      one.mean_squared_error(one.graph.add_op(OpKind::add, "both", {wide, x})[0]);
      one.check(1e-3);  // sums of up to 13^3 values around 13^3: the loss is large against its change
    }
  });
}

TEST(Gradient, CastAndReshape) {
  every_seed([](Case& test) {
    const std::int64_t rows = test.dimension(), columns = test.dimension();
    const TensorId x = test.parameter("x", {rows, columns});
    const TensorId half = test.graph.add_op(OpKind::cast, "half", {x}, {{"format", std::string("bf16")}})[0];
    const TensorId flat = test.graph.add_op(OpKind::reshape, "flat", {half}, {{"shape", Shape{columns * rows}}})[0];
    test.mean_squared_error(test.graph.add_op(OpKind::cast, "back", {flat}, {{"format", std::string("fp32")}})[0]);
    test.check(exact);
  });
}

TEST(Gradient, MseOfBothOperands) {
  every_seed([](Case& test) {
    const Shape shape = {test.dimension(), test.dimension()};
    const TensorId a = test.parameter("a", shape), b = test.parameter("b", shape);
    test.graph.loss = test.graph.add_op(OpKind::mse, "loss", {a, b})[0];
    test.check(exact);
  });
}

/// Third derivatives of the mean loss are below 1/8 per element: the central difference at distance 1/32 errs by at
/// most (1/32)^2 / 6 / 8 = 2e-5, and the rounding of a loss up to 4 by 4 * 2^-24 * 32 = 8e-6.
TEST(Gradient, CrossEntropy) {
  every_seed([](Case& test) {
    const std::int64_t batch = test.dimension(), classes = test.dimension();
    const TensorId logits = test.parameter("logits", {batch, classes});
    const TensorId numbers = test.graph.add_tensor({"classes", {batch}, Format::int32, graph::Role::input});
    std::vector<std::int32_t> chosen;
    for (std::int64_t i = 0; i < batch; ++i) chosen.push_back(static_cast<std::int32_t>((i * 5 + 3) % classes));
    test.job.batches[numbers] = {device::HostTensor::of_integers({batch}, chosen)};
    test.graph.loss = test.graph.add_op(OpKind::cross_entropy, "loss", {logits, numbers})[0];
    test.check(5e-5, 1.0f / 32);
  });
}

/// A tensor with two readers, and an op whose operands are the same tensor.
TEST(Gradient, SharedOperands) {
  every_seed([](Case& test) {
    const std::int64_t n = test.dimension();
    const TensorId x = test.parameter("x", {n, n});
    const TensorId scaled = test.graph.add_op(OpKind::scale, "scaled", {x}, {{"factor", 0.5}})[0];
    const TensorId sum = test.graph.add_op(OpKind::add, "sum", {x, scaled})[0];
    test.mean_squared_error(test.graph.add_op(OpKind::add, "twice", {sum, sum})[0]);
    test.check(exact);
  });
}

/// An op that gets a gradient rule must get a test above and a place in this list.
TEST(Gradient, EveryRuleHasATest) {
  const std::set<OpKind> tested = {OpKind::matmul, OpKind::add,     OpKind::subtract,   OpKind::multiply,
                                   OpKind::scale,  OpKind::relu,    OpKind::reduce_sum, OpKind::broadcast,
                                   OpKind::cast,   OpKind::reshape, OpKind::mse,        OpKind::cross_entropy};
  for (const graph::OpDefinition& op : graph::definitions()) {
    EXPECT_EQ(tested.contains(op.kind), static_cast<bool>(op.gradient)) << op.name;
  }
}

}  // namespace
}  // namespace triad::reference
