#include "sim/graph/movement.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "naive.hpp"

/// movement() against NumPy's words for what each op does, element by element.
namespace triad::graph {
namespace {

using naive::at;
using naive::index_of;
using naive::number_of;
using naive::Values;
using Integers = std::vector<std::int64_t>;

struct Case {
  Graph graph;
  std::vector<Values> inputs;
  std::mt19937 random;
  explicit Case(unsigned seed) : random(seed) {}

  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(n)); }
  Shape shape(std::size_t rank) {
    Shape made;
    for (std::size_t i = 0; i < rank; ++i) made.push_back(Integers{1, 2, 3, 5, 7}[at(below(5))]);
    return made;
  }
  TensorId input(const Shape& shape) {
    Values values(at(elements(shape)));
    std::iota(values.begin(), values.end(), static_cast<float>(100000 * inputs.size() + 1));
    inputs.push_back(values);
    return graph.add_tensor({"x" + std::to_string(inputs.size()), shape, numerics::Format::fp32, Role::input});
  }
  /// The output of the op as movement() makes it, held to `expected`: output index -> value.
  template <class Expected>
  void check(OpKind kind, std::vector<TensorId> ids, Attributes attributes, Expected expected) {
    const Shape out = graph.tensor(graph.add_op(kind, "op", std::move(ids), std::move(attributes))[0]).shape;
    const Movement moved = movement(graph, graph.ops[0]);
    const Values actual = naive::move(moved, inputs, elements(out));
    for (std::int64_t p = 0; p < elements(out); ++p) {
      ASSERT_EQ(actual[at(p)], expected(index_of(p, out))) << to_string(kind) << " at " << to_string(index_of(p, out));
    }
    for (const Copy& copy : moved.copies) {  // nothing left that could be merged
      ASSERT_GE(copy.extents.size(), 1u);
      for (std::size_t axis = 0; axis < copy.extents.size(); ++axis) {
        EXPECT_TRUE(copy.extents[axis] > 1 || copy.extents.size() == 1);
        if (axis == 0) continue;
        EXPECT_FALSE(copy.source_strides[axis - 1] == copy.source_strides[axis] * copy.extents[axis] &&
                     copy.target_strides[axis - 1] == copy.target_strides[axis] * copy.extents[axis]);
      }
    }
  }
};

constexpr unsigned rounds = 400;

TEST(Movement, Transpose) {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    Case c(seed);
    const Shape shape = c.shape(at(1 + c.below(5)));
    Integers permutation(shape.size());
    std::iota(permutation.begin(), permutation.end(), 0);
    std::shuffle(permutation.begin(), permutation.end(), c.random);
    c.check(OpKind::transpose, {c.input(shape)}, {{"permutation", permutation}}, [&](const Shape& out) {
      Shape in(out.size());
      for (std::size_t axis = 0; axis < out.size(); ++axis) in[at(permutation[axis])] = out[axis];
      return c.inputs[0][at(number_of(in, shape))];
    });
  }
}

TEST(Movement, Slice) {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    Case c(seed);
    const Shape shape = c.shape(at(1 + c.below(4)));
    Integers begin, end, step;
    for (const std::int64_t n : shape) {
      begin.push_back(c.below(n));
      end.push_back(begin.back() + 1 + c.below(n - begin.back()));
      step.push_back(1 + c.below(3));
    }
    c.check(OpKind::slice, {c.input(shape)}, {{"begin", begin}, {"end", end}, {"step", step}}, [&](const Shape& out) {
      Shape in = out;
      for (std::size_t axis = 0; axis < in.size(); ++axis) in[axis] = begin[axis] + out[axis] * step[axis];
      return c.inputs[0][at(number_of(in, shape))];
    });
  }
}

TEST(Movement, Concat) {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    Case c(seed);
    const Shape shape = c.shape(at(1 + c.below(4)));
    const std::size_t axis = at(c.below(static_cast<std::int64_t>(shape.size())));
    std::vector<Shape> shapes;
    std::vector<TensorId> ids;
    for (std::int64_t i = 0; i <= c.below(4); ++i) {
      shapes.push_back(shape);
      shapes.back()[axis] = 1 + c.below(6);
      ids.push_back(c.input(shapes.back()));
    }
    c.check(OpKind::concat, ids, {{"axis", static_cast<std::int64_t>(axis)}}, [&](Shape out) {
      std::size_t from = 0;
      for (; out[axis] >= shapes[from][axis]; ++from) out[axis] -= shapes[from][axis];
      return c.inputs[from][at(number_of(out, shapes[from]))];
    });
  }
}

TEST(Movement, PadCutsAndSpreads) {
  int cut = 0, empty = 0;
  for (unsigned seed = 0; seed < 4 * rounds; ++seed) {
    Case c(seed);
    const Shape shape = c.shape(at(1 + c.below(3)));
    Integers before, after, interior;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      before.push_back(c.below(9) - 4);
      after.push_back(c.below(9) - 4);
      interior.push_back(c.below(3));
      cut += before.back() < 0;
    }
    const Attributes attributes = {{"before", before}, {"after", after}, {"interior", interior}, {"value", -3.5}};
    const TensorId x = c.input(shape);
    try {
      Graph trial = c.graph;
      trial.add_op(OpKind::pad, "trial", {x}, attributes);
    } catch (const std::invalid_argument&) {
      ++empty;
      continue;  // nothing left
    }
    c.check(OpKind::pad, {x}, attributes, [&](const Shape& out) {
      Shape in = out;
      for (std::size_t axis = 0; axis < in.size(); ++axis) {
        const std::int64_t place = out[axis] - before[axis], step = interior[axis] + 1;
        if (place < 0 || place % step != 0 || place / step >= shape[axis]) return -3.5f;
        in[axis] = place / step;
      }
      return c.inputs[0][at(number_of(in, shape))];
    });
  }
  EXPECT_GT(cut, 100);
  EXPECT_GT(empty, 10);
}

TEST(Movement, Broadcast) {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    Case c(seed);
    const Shape out = c.shape(at(c.below(5)));
    Shape shape(out.begin() + c.below(static_cast<std::int64_t>(out.size()) + 1), out.end());
    for (auto& extent : shape) extent = c.below(2) == 0 ? 1 : extent;
    c.check(OpKind::broadcast, {c.input(shape)}, {{"shape", out}}, [&](const Shape& index) {
      Shape in(index.end() - static_cast<std::ptrdiff_t>(shape.size()), index.end());
      for (std::size_t axis = 0; axis < in.size(); ++axis) in[axis] = shape[axis] == 1 ? 0 : in[axis];
      return c.inputs[0][at(number_of(in, shape))];
    });
  }
}

TEST(Movement, IsNoneOfOtherOps) {
  Graph graph;
  const TensorId x = graph.add_tensor({"x", {2, 3}, numerics::Format::fp32, Role::input});
  graph.add_op(OpKind::reshape, "view", {x}, {{"shape", Shape{6}}});
  EXPECT_FALSE(is_movement(OpKind::reshape));
  EXPECT_TRUE(is_movement(OpKind::concat));
  EXPECT_THROW(movement(graph, graph.ops[0]), std::invalid_argument);
}

}  // namespace
}  // namespace triad::graph
