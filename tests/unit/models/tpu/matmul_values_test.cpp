#include <fmt/format.h>
#include <gtest/gtest.h>

#include "../single_op.hpp"
#include "sim/numerics/mac.hpp"
#include "support.hpp"

/// Products of matrices on the whole device, bit for bit against sim/numerics in the matrix unit's stated order,
/// written out here element by element: k in blocks of R rows; for each block the passes in order; a pass is one chain
/// of MACs from +0 over the R rows of the array (those beyond the block hold zeros); the first pass of the first block
/// replaces what the result held, the others are added to it.
namespace triad::tpu {
namespace {

using test::Format;

struct Product {
  int m, n, k;
  bool transpose_a = false, transpose_b = false;
  Format format = Format::fp32;
  bool special = false;  ///< infinities, NaN, subnormals among the operands
  bool made = false;     ///< the operands are made in the step and stay on chip when there is room
  std::string name() const {
    return fmt::format("{}x{}x{}{}{} {}{}{}", m, n, k, transpose_a ? " A'" : "", transpose_b ? " B'" : "",
                       numerics::to_string(format), special ? " special" : "", made ? " made" : "");
  }
};

struct Case {
  test::SingleOp op;
  std::vector<float> expected;
};

Case make_case(const Product& p, int array_rows, unsigned seed) {
  test::Values values(seed);
  std::vector<float> a = values.many(static_cast<std::size_t>(p.m * p.k), p.special);
  std::vector<float> b = values.many(static_cast<std::size_t>(p.k * p.n), p.special);
  Case c{test::SingleOp(p.format), {}};
  const graph::Shape a_shape = p.transpose_a ? graph::Shape{p.k, p.m} : graph::Shape{p.m, p.k};
  const graph::Shape b_shape = p.transpose_b ? graph::Shape{p.n, p.k} : graph::Shape{p.k, p.n};
  const auto operand = [&](const graph::Shape& shape, const std::vector<float>& v) {
    if (!p.made) return c.op.input(shape, v, p.format);
    const auto given = c.op.input(shape, v, Format::fp32);
    return c.op.op(graph::OpKind::cast, {given}, {{"format", numerics::to_string(p.format)}})[0];
  };
  const auto left = operand(a_shape, a), right = operand(b_shape, b);
  c.op.keep(c.op.op(graph::OpKind::matmul, {left, right},
                    {{"transpose_a", p.transpose_a}, {"transpose_b", p.transpose_b}})[0]);

  std::vector<numerics::Pass> passes(std::begin(numerics::bf16_passes), std::end(numerics::bf16_passes));
  if (p.format == Format::fp32) passes.assign(std::begin(numerics::fp32_passes), std::end(numerics::fp32_passes));
  const auto a_at = [&](int i, int x) {
    return a[static_cast<std::size_t>(p.transpose_a ? x * p.m + i : i * p.k + x)];
  };
  const auto b_at = [&](int x, int j) {
    return b[static_cast<std::size_t>(p.transpose_b ? j * p.k + x : x * p.n + j)];
  };
  for (int i = 0; i < p.m; ++i) {
    for (int j = 0; j < p.n; ++j) {
      float result = 0;
      bool first = true;
      for (int block = 0; block < p.k; block += array_rows) {
        for (const numerics::Pass& pass : passes) {
          float sum = 0;
          for (int row = 0; row < array_rows; ++row) {
            const int x = block + row;
            const float left_part = x < p.k ? numerics::bf16_part(a_at(i, x), pass.a) : 0.0f;
            const float right_part = x < p.k ? numerics::bf16_part(b_at(x, j), pass.b) : 0.0f;
            sum = numerics::mac(sum, left_part, right_part);
          }
          result = first ? sum : numerics::add_flushed(result, sum);
          first = false;
        }
      }
      c.expected.push_back(result);
    }
  }
  return c;
}

void expect_exact(const std::vector<Product>& products, const test::Settings& settings, int rows) {
  const auto device = test::make("tiny", settings);
  std::vector<Case> cases;
  for (std::size_t i = 0; i < products.size(); ++i) {
    cases.push_back(make_case(products[i], rows, static_cast<unsigned>(i) + 1));
    cases.back().op.job.name = products[i].name();
  }
  std::vector<std::unique_ptr<device::Program>> programs;
  std::vector<experiment::Task> tasks;
  for (const Case& c : cases) {
    programs.push_back(device->lower(c.op.job));
    tasks.push_back(test::task(*device, *programs.back(), c.op.job));
  }
  const auto results = experiment::run_in_children(tasks, false);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::vector<float> got = results[i].weights.at("result").floats();
    ASSERT_EQ(got.size(), cases[i].expected.size());
    for (std::size_t e = 0; e < got.size(); ++e) {
      ASSERT_EQ(numerics::bits_of(got[e]), numerics::bits_of(cases[i].expected[e]))
          << products[i].name() << " element " << e << ": " << got[e] << ", not " << cases[i].expected[e];
    }
  }
}

std::vector<Product> random_products(unsigned seed, int count, const std::vector<int>& sizes) {
  test::Values values(seed);
  std::vector<Product> products;
  const auto size = [&] { return sizes[values.below(static_cast<std::uint32_t>(sizes.size()))]; };
  for (int i = 0; i < count; ++i) {
    Product p{size(), size(), size()};
    const std::uint32_t choice = values.below(32);
    p.transpose_a = choice & 1;
    p.transpose_b = choice & 2;
    p.format = choice & 4 ? Format::bf16 : Format::fp32;
    p.special = (choice & 24) == 0;
    p.made = choice & 8;
    products.push_back(p);
  }
  return products;
}

TEST(MatmulValues, BothTransposesInBothFormats) {
  std::vector<Product> products;
  for (const Format format : {Format::fp32, Format::bf16}) {
    for (const bool a : {false, true}) {
      for (const bool b : {false, true}) products.push_back({6, 5, 7, a, b, format});
    }
  }
  expect_exact(products, {}, 4);
}

TEST(MatmulValues, SidesOfOne) {
  expect_exact({{1, 1, 1}, {1, 5, 3}, {5, 1, 3}, {5, 3, 1}, {1, 1, 9, true, true}}, {}, 4);
}

/// Larger than the 4 x 4 array in every direction, prime sides.
TEST(MatmulValues, RandomShapesOnTheTinyDevice) {
  expect_exact(random_products(11, 16, {1, 2, 3, 4, 5, 8, 13, 17, 31}), {}, 4);
}

/// 4 KiB on chip hold 1024 fp32 values: all three matrices go through it in tiles.
TEST(MatmulValues, RandomShapesThroughSmallOnChipMemory) {
  expect_exact(random_products(12, 16, {1, 7, 16, 23, 37, 41}), {"vmem.size=4 KiB"}, 4);
}

/// The rows of a tile cannot all be loaded at once, and no side divides by the array's.
TEST(MatmulValues, ThreeMatrixUnitsThatAreNotSquare) {
  expect_exact(random_products(13, 12, {1, 5, 11, 19, 29}),
               {"mxu.count=3", "mxu.rows=5", "mxu.columns=3", "vmem.size=3 KiB"}, 5);
}

TEST(MatmulValues, ArraysOfOneRowOrOneColumn) {
  expect_exact(random_products(14, 6, {1, 3, 7, 12}), {"mxu.rows=1", "mxu.columns=6"}, 1);
  expect_exact(random_products(15, 6, {1, 3, 7, 12}), {"mxu.rows=7", "mxu.columns=1"}, 7);
}

/// Infinities, NaN and subnormals, also through the splitter.
TEST(MatmulValues, SpecialValues) {
  expect_exact({{9, 8, 7, false, false, Format::bf16, true},
                {9, 8, 7, true, true, Format::fp32, true},
                {8, 9, 1, false, true, Format::bf16, true},
                {9, 4, 13, true, false, Format::bf16, true, true}},
               {}, 4);
}

/// Back-pressure on every port of the core changes when values move, never which.
TEST(MatmulValues, StallsChangeNoValue) {
  expect_exact(random_products(16, 6, {1, 5, 13, 23}), {"mxu.stalls={seed: 3, percent: 40}"}, 4);
}

}  // namespace
}  // namespace triad::tpu
