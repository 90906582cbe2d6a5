#include "functional.hpp"

/// Formulas as generated kernels: every op that is declared by one, on shapes from 1 to more than a block, in all the
/// ways that rows lie in memory, against the host reference.
namespace triad::gpu::test {
namespace {

using graph::Attributes;
using graph::OpKind;
using graph::Shape;
using Axes = std::vector<std::int64_t>;

std::size_t count(const Shape& shape) {
  return static_cast<std::size_t>(graph::elements(shape));
}

/// Rows of these shapes over these axes: short and long, neighbouring and apart, few and many.
struct Rows {
  Shape shape;
  Axes axes;
};
const std::vector<Rows> all_rows = {
    {{1}, {0}},
    {{7}, {0}},
    {{1, 1}, {1}},
    {{5, 3}, {1}},
    {{64, 10}, {1}},
    {{64, 10}, {0}},
    {{3, 257}, {1}},
    {{257, 3}, {0}},
    {{300, 70}, {0}},
    {{2, 1031}, {1}},
    {{4, 5, 6}, {0, 2}},
    {{3, 4, 49}, {0, 2}},
    {{2, 3, 4, 5}, {1}},
    {{7, 33, 5}, {1}},
    {{6, 2, 130}, {0, 1}},
    {{20000}, {0}},
    {{2, 9000}, {1}},
    {{9000, 2}, {0}},
    {{3, 2, 50, 60}, {0, 2, 3}},
    {{13, 130}, {1}},
    {{2, 3, 1200}, {0, 2}},
    {{513, 33}, {1}},
};

class Formulas : public ::testing::Test {
 protected:
  Parameters tiny_ = parameters_of("tiny");
  Values values_{1};
};

TEST_F(Formulas, OverRows) {
  for (const Rows& rows : all_rows) {
    for (const OpKind kind : {OpKind::reduce_sum, OpKind::reduce_mean, OpKind::reduce_max, OpKind::log_sum_exp,
                              OpKind::softmax, OpKind::log_softmax, OpKind::normalize}) {
      SCOPED_TRACE(graph::to_string(kind) + graph::to_string(rows.shape));
      SingleOp single;
      const auto x = single.input(rows.shape, values_.many(count(rows.shape)));
      single.op(kind, {x}, {{"axes", rows.axes}});
      expect_reference(single.job, tiny_, 2e-5, 0.1);
    }
    for (const OpKind kind : {OpKind::softmax_grad, OpKind::log_softmax_grad}) {
      SCOPED_TRACE(graph::to_string(kind) + graph::to_string(rows.shape));
      SingleOp single;
      const auto y = single.input(rows.shape, values_.many(count(rows.shape)));
      const auto dy = single.input(rows.shape, values_.many(count(rows.shape)));
      single.op(kind, {y, dy}, {{"axes", rows.axes}});
      expect_reference(single.job, tiny_, 1e-4, 1);
    }
  }
}

TEST_F(Formulas, GradientOfNormalisation) {
  for (const Rows& rows : all_rows) {
    SCOPED_TRACE(graph::to_string(rows.shape));
    Shape kept = rows.shape;
    for (const std::int64_t axis : rows.axes) kept[static_cast<std::size_t>(axis)] = 1;
    SingleOp single;
    std::vector<float> variance = values_.many(count(kept));
    for (float& v : variance) v = v * v + 0.1f;
    const auto y = single.input(rows.shape, values_.many(count(rows.shape)));
    const auto v = single.input(kept, variance);
    const auto dy = single.input(rows.shape, values_.many(count(rows.shape)));
    single.op(OpKind::normalize_grad, {y, v, dy}, {{"axes", rows.axes}});
    expect_reference(single.job, tiny_, 2e-5, 1);
  }
}

TEST_F(Formulas, Losses) {
  for (const Shape& shape : {Shape{1, 1}, Shape{64, 10}, Shape{13, 100}, Shape{200, 130}}) {
    SingleOp single;
    std::vector<std::int32_t> classes;
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      classes.push_back(static_cast<std::int32_t>(values_.below(static_cast<std::uint32_t>(shape[1]))));
    }
    classes[0] = shape[0] > 1 ? -100 : 0;  // ignored
    const auto x = single.input(shape, values_.many(count(shape))), t = single.input(shape, values_.many(count(shape)));
    const auto c = single.classes(classes), d = single.input({shape[0]}, values_.many(classes.size()));
    const auto one = single.input({}, {0.75f});
    single.op(OpKind::cross_entropy, {x, c});
    single.op(OpKind::cross_entropy_grad, {x, c, d});
    for (const OpKind kind : {OpKind::mse, OpKind::l1, OpKind::bce_with_logits}) single.op(kind, {x, t});
    for (const OpKind kind : {OpKind::mse_grad, OpKind::l1_grad, OpKind::bce_with_logits_grad}) {
      single.op(kind, {x, t, one});
    }
    expect_reference(single.job, tiny_, 1e-5, 0.1);
  }
}

TEST_F(Formulas, ByElement) {
  const std::vector<OpKind> unary = {OpKind::absolute, OpKind::exp,  OpKind::erf,     OpKind::relu,
                                     OpKind::gelu,     OpKind::silu, OpKind::sigmoid, OpKind::tanh};
  for (const std::size_t n : {1u, 31u, 1000u}) {
    const Shape shape = {static_cast<std::int64_t>(n)};
    std::vector<float> special = values_.many(n, true), positive = values_.many(n);
    for (float& v : positive) v = std::exp(20 * v);
    if (n > 20) {
      for (std::size_t i = 0; i < 20; ++i) special[i] = 90.0f * (static_cast<float>(i) / 10 - 1);
    }
    for (const OpKind kind : unary) {
      SCOPED_TRACE(graph::to_string(kind));
      SingleOp single;
      single.op(kind, {single.input(shape, special)});
      expect_reference(single.job, tiny_, 3e-6, 1e-30);
    }
    for (const OpKind kind : {OpKind::log, OpKind::sqrt}) {
      SingleOp single;
      single.op(kind, {single.input(shape, positive)});
      single.op(kind, {single.input(shape, special)});
      expect_reference(single.job, tiny_, 0);  // the reference's own sequence
    }
    SingleOp others;
    const auto x = others.input(shape, special), y = others.input(shape, values_.many(n, true));
    const auto step = others.job.graph.add_tensor({"step", {}, numerics::Format::int32, graph::Role::input});
    others.job.batches[step] = {device::HostTensor::of_integers({}, {12345})};
    for (const OpKind kind : {OpKind::add, OpKind::subtract, OpKind::multiply, OpKind::maximum, OpKind::minimum,
                              OpKind::greater, OpKind::equal}) {
      others.op(kind, {x, y});
    }
    others.op(OpKind::where, {x, y, x});
    others.op(OpKind::leaky_relu, {x}, {{"slope", 0.1}});
    others.op(OpKind::clamp, {x}, {{"low", -1.0}, {"high", 0.5}});
    others.op(OpKind::dropout, {x, step}, {{"probability", 0.4}, {"seed", std::int64_t{77}}});
    others.op(OpKind::cast, {x}, {{"format", std::string("bf16")}});
    others.op(OpKind::cast, {y}, {{"format", std::string("fp16")}});
    expect_reference(others.job, tiny_, 0);
    SingleOp quotient;  // exact but for numerators below 2^-100: one unit in the last place
    quotient.op(OpKind::divide, {quotient.input(shape, special), quotient.input(shape, values_.many(n, true))});
    expect_reference(quotient.job, tiny_, 0x1p-23, 1e-38);
    SingleOp plain;
    plain.op(OpKind::divide, {plain.input(shape, values_.many(n)), plain.input(shape, positive)});
    expect_reference(plain.job, tiny_, 0);
  }
}

TEST_F(Formulas, Broadcasting) {
  const std::vector<std::pair<Shape, Shape>> shapes = {
      {{4, 1, 5}, {3, 1}},           {{64, 10}, {10}},   {{64, 10}, {64, 1}},
      {{7, 3, 11, 2}, {1, 3, 1, 1}}, {{2, 300}, {}},     {{1, 9}, {5, 1}},
      {{3, 7, 1, 13}, {7, 17, 1}},   {{16, 32}, {1, 1}}, {{6, 5, 4}, {5, 4}}};
  for (const auto& [a, b] : shapes) {
    SCOPED_TRACE(graph::to_string(a) + graph::to_string(b));
    SingleOp single;
    const auto x = single.input(a, values_.many(count(a))), y = single.input(b, values_.many(count(b)));
    single.op(OpKind::multiply, {x, y});
    single.op(OpKind::subtract, {y, x});
    expect_reference(single.job, tiny_, 0);
  }
}

TEST_F(Formulas, Optimizers) {
  for (const std::int64_t n : {1, 1000}) {
    const Shape shape = {n};
    const auto many = [&] { return values_.many(static_cast<std::size_t>(n)); };
    SingleOp single;
    std::vector<float> second = many();
    for (float& v : second) v = v * v;
    const auto p = single.input(shape, many()), g = single.input(shape, many()), m = single.input(shape, many());
    const auto v = single.input(shape, second);
    const auto rate = single.input({}, {0.01f}), c1 = single.input({}, {0.1f}), c2 = single.input({}, {0.001f});
    single.op(OpKind::sgd, {p, g, rate}, {{"weight_decay", 0.1}});
    single.op(OpKind::sgd, {p, g, rate, m}, {{"momentum", 0.9}, {"nesterov", true}, {"gradient_scale", 0.25}});
    single.op(OpKind::adam, {p, g, rate, c1, c2, m, v}, {{"weight_decay", 0.1}, {"decoupled", true}});
    expect_reference(single.job, tiny_, 0);
  }
}

/// A chain that fusion makes one kernel of: bias, layer norm with scale and shift, gelu, residual.
TEST_F(Formulas, FusedChains) {
  for (const Shape& shape : {Shape{3, 17}, Shape{64, 96}, Shape{2, 2500}, Shape{5, 4, 33}}) {
    SCOPED_TRACE(graph::to_string(shape));
    SingleOp single;
    const Shape last = {shape.back()};
    const std::vector<std::int64_t> axes = {static_cast<std::int64_t>(shape.size()) - 1};
    const auto x = single.input(shape, values_.many(count(shape))), r = single.input(shape, values_.many(count(shape)));
    const auto bias = single.input(last, values_.many(count(last))),
               scale = single.input(last, values_.many(count(last)));
    const auto a = single.op(OpKind::add, {x, bias})[0];
    const auto b = single.op(OpKind::normalize, {a}, {{"axes", axes}})[0];
    const auto c = single.op(OpKind::multiply, {b, scale})[0];
    const auto d = single.op(OpKind::gelu, {c})[0];
    single.op(OpKind::add, {d, r});
    expect_reference(single.job, tiny_, 2e-5, 0.1);
    EXPECT_EQ(lower(tiny_, single.job)->launches.size(), 1u);
  }
}

/// Random chains of element-wise and row ops over one shape, as fusion cuts them.
TEST_F(Formulas, RandomChains) {
  const std::vector<Shape> shapes = {{1, 1}, {3, 5}, {17, 64}, {130, 9}, {2, 3, 7}, {5, 2, 260}, {1, 3000}, {700, 2}};
  for (int number = 0; number < 60; ++number) {
    const Shape& shape = shapes[static_cast<std::size_t>(number) % shapes.size()];
    SCOPED_TRACE(::testing::Message() << "chain " << number << " over " << graph::to_string(shape));
    SingleOp single;
    const std::vector<std::int64_t> axes = {
        static_cast<std::int64_t>(values_.below(static_cast<std::uint32_t>(shape.size())))};
    Shape row = shape;
    row[static_cast<std::size_t>(axes[0])] = 1;
    std::vector<graph::TensorId> values = {single.input(shape, values_.many(count(shape))),
                                           single.input(row, values_.many(count(row)))};
    const auto pick = [&] { return values[values_.below(static_cast<std::uint32_t>(values.size()))]; };
    for (int i = 0; i < 7; ++i) {
      graph::TensorId made = -1;
      switch (values_.below(7)) {
        case 0:
          made = single.op(OpKind::add, {pick(), pick()})[0];
          break;
        case 1:
          made = single.op(OpKind::maximum, {pick(), values[0]})[0];
          break;
        case 2:
          made = single.op(OpKind::tanh, {pick()})[0];
          break;
        case 3:
          made = single.op(OpKind::reduce_mean, {pick()}, {{"axes", axes}, {"keep", true}})[0];
          break;
        case 4:
          made = single.op(OpKind::softmax, {pick()}, {{"axes", axes}})[0];
          break;
        case 5:
          made = single.op(OpKind::sigmoid, {pick()})[0];
          break;
        default:
          made = single.op(OpKind::reduce_max, {pick()}, {{"axes", axes}, {"keep", true}})[0];
      }
      values.push_back(made);
    }
    expect_reference(single.job, tiny_, 1e-5, 1);
  }
}

}  // namespace
}  // namespace triad::gpu::test
