#include "functional.hpp"

/// Ops that move data, multiply matrices, convolve, pool and find rows, against the host reference, on shapes from 1 to
/// more than a tile.
namespace triad::gpu::test {
namespace {

using graph::Attributes;
using graph::OpKind;
using graph::Shape;
using numerics::Format;
using Pair = std::vector<std::int64_t>;

std::size_t count(const Shape& shape) {
  return static_cast<std::size_t>(graph::elements(shape));
}

class Structure : public ::testing::Test {
 protected:
  /// A tensor of this format, cast from fp32.
  graph::TensorId in_format(SingleOp& single, const Shape& shape, const std::string& format) {
    const auto x = single.input(shape, values_.many(count(shape)));
    return format == "fp32" ? x : single.op(OpKind::cast, {x}, {{"format", format}})[0];
  }

  Parameters tiny_ = parameters_of("tiny"), a100_ = parameters_of("a100");
  Values values_{3};
};

TEST_F(Structure, Movements) {
  for (const Format format : {Format::fp32, Format::bf16}) {
    SingleOp single;
    const auto input = [&](const Shape& shape) { return single.input(shape, values_.many(count(shape)), format); };
    single.op(OpKind::transpose, {input({5, 7})}, {{"permutation", Pair{1, 0}}});
    single.op(OpKind::transpose, {input({67, 130})}, {{"permutation", Pair{1, 0}}});
    single.op(OpKind::transpose, {input({2, 9, 3, 8})}, {{"permutation", Pair{0, 2, 1, 3}}});
    single.op(OpKind::transpose, {input({3, 40, 5, 33})}, {{"permutation", Pair{0, 3, 2, 1}}});
    single.op(OpKind::slice, {input({6, 50})}, {{"begin", Pair{1, 3}}, {"end", Pair{5, 47}}, {"step", Pair{2, 3}}});
    single.op(OpKind::concat, {input({4, 3, 5}), input({4, 1, 5}), input({4, 9, 5})}, {{"axis", std::int64_t{1}}});
    single.op(OpKind::broadcast, {input({3, 1, 7})}, {{"shape", Pair{2, 3, 11, 7}}});
    if (format == Format::fp32) {
      single.op(OpKind::pad, {input({3, 10})},
                {{"before", Pair{1, -2}}, {"after", Pair{0, 3}}, {"interior", Pair{2, 1}}, {"value", 0.5}});
      single.op(OpKind::pad, {input({1, 1})},
                {{"before", Pair{0, 0}}, {"after", Pair{300, 1}}, {"interior", Pair{0, 0}}, {"value", -1.0}});
    }
    expect_reference(single.job, tiny_, 0);
  }
}

TEST_F(Structure, BatchesOfMatrices) {
  const std::int64_t shapes[][4] = {{1, 1, 1, 1}, {3, 17, 19, 23}, {2, 65, 67, 33}, {5, 3, 40, 9}, {2, 130, 129, 20}};
  for (const std::string format : {"fp32", "bf16", "fp16"}) {
    for (const auto& [batch, m, n, k] : shapes) {
      for (int flags = 0; flags < 4; flags += format == "fp32" ? 1 : 3) {
        const bool ta = (flags & 1) != 0, tb = (flags & 2) != 0;
        SingleOp single;
        const auto a = in_format(single, ta ? Shape{batch, k, m} : Shape{batch, m, k}, format);
        const auto b = in_format(single, tb ? Shape{batch, n, k} : Shape{batch, k, n}, format);
        single.op(OpKind::matmul, {a, b}, {{"transpose_a", ta}, {"transpose_b", tb}});
        SCOPED_TRACE(::testing::Message() << batch << " " << m << "x" << n << "x" << k << " " << flags << format);
        expect_reference(single.job, tiny_, 1e-5, 1);
      }
    }
  }
}

struct Convolution {
  Shape x, w;
  Pair stride = {1, 1}, padding = {0, 0}, dilation = {1, 1};
  std::int64_t groups = 1;
  Attributes attributes() const {
    return {{"stride", stride}, {"padding", padding}, {"dilation", dilation}, {"groups", groups}};
  }
};
const std::vector<Convolution> convolutions = {
    {{1, 1, 1, 1}, {1, 1, 1, 1}},
    {{2, 3, 9, 11}, {5, 3, 3, 3}, {1, 1}, {1, 1}},
    {{2, 3, 17, 16}, {8, 3, 7, 7}, {2, 2}, {3, 3}},
    {{1, 20, 10, 12}, {33, 20, 3, 2}, {2, 3}, {1, 0}, {2, 1}},
    {{3, 40, 7, 5}, {70, 40, 1, 1}},
    {{2, 16, 9, 9}, {16, 1, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 16},  // depthwise
    {{2, 6, 8, 10}, {12, 2, 3, 3}, {2, 1}, {0, 2}, {1, 2}, 3},   // groups
    {{1, 32, 6, 6}, {32, 16, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 2},  // groups, as products
    {{2, 4, 1, 40}, {6, 4, 1, 5}, {1, 2}, {0, 2}},               // one-dimensional
    {{1, 2, 5, 5}, {3, 2, 5, 5}, {3, 3}, {2, 2}},
};

TEST_F(Structure, Convolutions) {
  for (const std::string format : {"fp32", "bf16", "fp16"}) {
    for (std::size_t i = 0; i < convolutions.size(); i += format == "fp32" ? 1 : 4) {
      const Convolution& c = convolutions[i];
      SCOPED_TRACE(graph::to_string(c.x) + graph::to_string(c.w) + format);
      SingleOp single;
      const auto x = in_format(single, c.x, format), w = in_format(single, c.w, format);
      const auto y = single.op(OpKind::conv2d, {x, w}, c.attributes())[0];
      const auto dy = in_format(single, single.job.graph.tensor(y).shape, format);
      Attributes of_x = c.attributes(), of_w = c.attributes();
      of_x["shape"] = c.x, of_w["shape"] = c.w;
      single.op(OpKind::conv2d_dgrad, {dy, w}, of_x);
      single.op(OpKind::conv2d_wgrad, {x, dy}, of_w);
      expect_reference(single.job, tiny_, 1e-5, 1);
    }
  }
}

/// On a large machine a weight gradient is made in parts, and tiles are larger where there is work for all SMs.
TEST_F(Structure, ConvolutionsOfALargeMachine) {
  const Convolution c{{2, 20, 30, 20}, {70, 20, 3, 3}, {1, 1}, {1, 1}};
  SingleOp single;
  const auto x = in_format(single, c.x, "fp32"), dy = in_format(single, {2, 70, 30, 20}, "fp32");
  Attributes of_w = c.attributes();
  of_w["shape"] = c.w;
  single.op(OpKind::conv2d_wgrad, {x, dy}, of_w);
  expect_reference(single.job, a100_, 1e-5, 10);
  EXPECT_EQ(lower(a100_, single.job)->launches.size(), 2u);
}

TEST_F(Structure, Windows) {
  struct Case {
    Shape x;
    Pair kernel, stride, padding;
  };
  const std::vector<Case> cases = {{{1, 1, 1, 1}, {1, 1}, {1, 1}, {0, 0}},
                                   {{2, 3, 8, 9}, {2, 2}, {2, 2}, {0, 0}},
                                   {{2, 5, 17, 13}, {3, 3}, {2, 2}, {1, 1}},
                                   {{1, 2, 10, 7}, {3, 2}, {1, 3}, {1, 0}},
                                   {{3, 4, 7, 7}, {7, 7}, {1, 1}, {0, 0}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(graph::to_string(c.x));
    const Attributes window = {{"kernel", c.kernel}, {"stride", c.stride}, {"padding", c.padding}};
    Attributes inner = window, of_x = window, of_inner = window;
    inner["include_padding"] = of_inner["include_padding"] = false;
    of_x["shape"] = of_inner["shape"] = c.x;
    SingleOp single;
    std::vector<float> elements = values_.many(count(c.x));
    for (float& v : elements) v = std::round(4 * v);  // several largest ones
    const auto x = single.input(c.x, elements);
    const auto pooled = single.op(OpKind::max_pool, {x}, window);
    const Shape shape = single.job.graph.tensor(pooled[0]).shape;
    const auto dy = single.input(shape, values_.many(count(shape)));
    single.op(OpKind::max_pool_grad, {pooled[1], dy}, of_x);
    single.op(OpKind::average_pool, {x}, window);
    single.op(OpKind::average_pool, {x}, inner);
    single.op(OpKind::average_pool_grad, {dy}, of_x);
    single.op(OpKind::average_pool_grad, {dy}, of_inner);
    expect_reference(single.job, tiny_, 1e-6, 0.1);
  }
}

TEST_F(Structure, RowsByIndex) {
  const std::int64_t shapes[][3] = {{1, 1, 1}, {10, 7, 33}, {5, 300, 8}, {1000, 20, 300}};
  for (const auto& [rows, places, width] : shapes) {
    SingleOp single;
    std::vector<std::int32_t> indices;
    for (std::int64_t i = 0; i < places; ++i) {
      indices.push_back(static_cast<std::int32_t>(values_.below(static_cast<std::uint32_t>(rows))));
    }
    const auto at = single.classes(indices);
    single.op(OpKind::gather, {in_format(single, {rows, width}, "fp32"), at});
    single.op(OpKind::gather, {in_format(single, {rows, width}, "fp16"), at});
    single.op(OpKind::scatter_add, {in_format(single, {places, width}, "fp32"), at}, {{"rows", rows}});
    expect_reference(single.job, tiny_, 1e-5, 1);
  }
}

TEST_F(Structure, AnIndexWithoutARowIsNamed) {
  SingleOp single;
  const auto table = single.input({4, 2}, values_.many(8));
  single.op(OpKind::gather, {table, single.classes({3, 4})});
  try {
    lower(tiny_, single.job);
    FAIL();
  } catch (const device::Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("index 4 of classes: there are rows 0 to 3"), std::string::npos)
        << error.what();
  }
}

TEST_F(Structure, WithoutValuesATimingThatDependsOnDataIsNamed) {
  SingleOp single;
  single.job.values = false;
  const auto table = single.job.graph.add_tensor({"table", {4, 8}, Format::fp32, graph::Role::parameter});
  const auto tokens = single.job.graph.add_tensor({"tokens", {3, 2}, Format::int32, graph::Role::input});
  const auto turned = single.op(OpKind::transpose, {tokens}, {{"permutation", Pair{1, 0}}})[0];
  single.op(OpKind::gather, {table, tokens});
  EXPECT_EQ(lower(tiny_, single.job)->indices.size(), 1u);
  single.op(OpKind::gather, {table, turned});
  try {
    lower(tiny_, single.job);
    FAIL();
  } catch (const device::Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("depends on the indices transpose"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace triad::gpu::test
