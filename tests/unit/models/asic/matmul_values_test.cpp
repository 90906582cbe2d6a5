#include <fmt/format.h>
#include <gtest/gtest.h>

#include "../single_op.hpp"
#include "models/asic/arithmetic.hpp"
#include "support.hpp"

/// Products of matrices on the whole machine, bit for bit against the definition in the stated order (arithmetic.hpp).
namespace triad::asic {
namespace {

using numerics::Format;
using test::SingleOp;
using test::Values;

struct Product {
  int m, n, k;
  bool transpose_a = false, transpose_b = false;
  Format format = Format::fp32;
  bool special = false;             ///< infinities, NaN, subnormals among the operands
  bool bias = false, relu = false;  ///< fused into the layer that takes the product
  std::string name() const {
    return fmt::format("{}x{}x{}{}{} {}{}{}{}", m, n, k, transpose_a ? " A'" : "", transpose_b ? " B'" : "",
                       numerics::to_string(format), special ? " special" : "", bias ? " bias" : "",
                       relu ? " relu" : "");
  }
};

struct Case {
  SingleOp op;
  std::vector<float> expected;
};

Case make_case(const Product& p, const device::Device& device, const Parameters& parameters, unsigned seed) {
  Values values(seed);
  const auto count = [](int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); };
  std::vector<float> a = values.many(count(p.m, p.k), p.special), b = values.many(count(p.k, p.n), p.special);
  if (p.format == Format::bf16) {
    for (float& x : a) x = numerics::round_bf16(x);
    for (float& x : b) x = numerics::round_bf16(x);
  }
  std::vector<float> a_stored = a, b_stored = b;
  if (p.transpose_a) {
    for (int i = 0; i < p.m; ++i)
      for (int x = 0; x < p.k; ++x)
        a_stored[count(x, p.m) + static_cast<std::size_t>(i)] = a[count(i, p.k) + static_cast<std::size_t>(x)];
  }
  if (p.transpose_b) {
    for (int x = 0; x < p.k; ++x)
      for (int j = 0; j < p.n; ++j)
        b_stored[count(j, p.k) + static_cast<std::size_t>(x)] = b[count(x, p.n) + static_cast<std::size_t>(j)];
  }
  Case c{SingleOp(p.format), std::vector<float>(count(p.m, p.n))};
  c.op.job.name = p.name();
  const auto left = c.op.input(p.transpose_a ? graph::Shape{p.k, p.m} : graph::Shape{p.m, p.k}, a_stored, p.format);
  const auto right = c.op.input(p.transpose_b ? graph::Shape{p.n, p.k} : graph::Shape{p.k, p.n}, b_stored, p.format);
  auto result = c.op.op(graph::OpKind::matmul, {left, right},
                        {{"transpose_a", p.transpose_a}, {"transpose_b", p.transpose_b}})[0];
  std::vector<float> bias;
  if (p.bias) {
    bias = values.many(static_cast<std::size_t>(p.n), p.special);
    result = c.op.op(graph::OpKind::add, {result, c.op.input({p.n}, bias)})[0];
  }
  if (p.relu) result = c.op.op(graph::OpKind::relu, {result})[0];
  c.op.keep(result);

  const auto program = device.lower(c.op.job);
  const isa::Gemm& gemm = dynamic_cast<const Program&>(*program).stream.at(0).gemm;
  gemm_definition(a, b, p.m, p.n, p.k, p.format == Format::fp32 ? 3 : 1, parameters.gemm.atomic_c, gemm.tile_depth,
                  c.expected);
  for (std::size_t i = 0; i < c.expected.size(); ++i) {
    float& x = c.expected[i];
    if (p.bias) x = numerics::canonical(x + bias[i % static_cast<std::size_t>(p.n)]);
    if (p.relu) x = x <= 0 ? 0.0f : x;
  }
  return c;
}

void expect_exact(const std::vector<Product>& products, const test::Settings& settings = {},
                  const std::string& preset = "tiny") {
  const auto device = test::make(preset, settings);
  const config::Node node = config::load(config::presets() / "asic" / (preset + ".yaml"), settings);
  const Parameters parameters = Parameters::read(node);
  std::vector<Case> cases;
  std::vector<std::unique_ptr<device::Program>> programs;
  std::vector<experiment::Task> tasks;
  for (std::size_t i = 0; i < products.size(); ++i) {
    cases.push_back(make_case(products[i], *device, parameters, static_cast<unsigned>(i) + 1));
  }
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
  Values values(seed);
  std::vector<Product> products;
  const auto size = [&] { return sizes[values.below(static_cast<std::uint32_t>(sizes.size()))]; };
  for (int i = 0; i < count; ++i) {
    Product p{size(), size(), size()};
    const std::uint32_t choice = values.below(64);
    p.transpose_a = choice & 1;
    p.transpose_b = choice & 2;
    p.format = choice & 4 ? Format::bf16 : Format::fp32;
    p.special = (choice & 24) == 0;
    p.bias = choice & 8;
    p.relu = choice & 16;
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
  expect_exact(products);
}

TEST(MatmulValues, SidesOfOne) {
  expect_exact({{1, 1, 1}, {1, 5, 3}, {5, 1, 3}, {5, 3, 1}, {1, 1, 9, true, true}});
}

/// Larger than the array, the accumulator (64 sums) and the buffer (8 banks of 192 B) in every direction; prime sides.
TEST(MatmulValues, RandomShapesInTiles) {
  expect_exact(random_products(11, 24, {1, 2, 3, 4, 5, 8, 13, 17, 31, 41}));
}

/// The least buffer there can be: a bank holds one vector of one block of channels.
TEST(MatmulValues, RandomShapesThroughTheSmallestBuffer) {
  expect_exact(random_products(12, 12, {1, 5, 7, 16, 23}),
               {"gemm.buffer={banks: 4, bank: 24 B, latency: 1}", "gemm.accumulators=4"});
}

TEST(MatmulValues, ArraysThatAreNotSquare) {
  expect_exact(random_products(13, 8, {1, 5, 11, 19, 29}), {"gemm.atomic_k=3", "gemm.atomic_c=8"});
  expect_exact(random_products(14, 8, {1, 5, 11, 19}), {"gemm.atomic_k=7", "gemm.atomic_c=1"});
}

TEST(MatmulValues, TheLargeMachine) {
  expect_exact(random_products(15, 6, {1, 32, 61, 64, 100, 257}), {}, "nvdla-2048-train");
}

TEST(MatmulValues, SpecialValues) {
  expect_exact({{9, 8, 7, false, false, Format::bf16, true},
                {9, 8, 7, true, true, Format::fp32, true},
                {8, 9, 1, false, true, Format::bf16, true, true, true},
                {9, 4, 13, true, false, Format::bf16, true}});
}

/// A slow memory, one credit, one register group: other cycles, the same values.
TEST(MatmulValues, TimingChangesNoValue) {
  expect_exact(random_products(16, 6, {1, 5, 13, 23}),
               {"memory.credits=1", "command.register_groups=1", "memory.latency=1 us"});
}

}  // namespace
}  // namespace triad::asic
