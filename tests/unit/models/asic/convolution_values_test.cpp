#include <fmt/format.h>
#include <gtest/gtest.h>

#include "../single_op.hpp"
#include "models/asic/arithmetic.hpp"
#include "sim/reference/reference.hpp"
#include "support.hpp"

/// Convolutions and their gradients on the whole machine, bit for bit against the product of matrices that they are,
/// written out here (im2col on the host), in the array's stated order.
namespace triad::asic {
namespace {

using graph::OpKind;
using numerics::Format;
using test::SingleOp;
using test::Values;

struct Geometry {
  std::int64_t n, c, h, w, o, r, s, sy = 1, sx = 1, py = 0, px = 0, dy = 1, dx = 1, groups = 1;
  Format format = Format::fp32;
  std::int64_t p() const { return (h + 2 * py - dy * (r - 1) - 1) / sy + 1; }
  std::int64_t q() const { return (w + 2 * px - dx * (s - 1) - 1) / sx + 1; }
  graph::Shape x() const { return {n, c, h, w}; }
  graph::Shape k() const { return {o, c / groups, r, s}; }
  graph::Shape y() const { return {n, o, p(), q()}; }
  std::string name(OpKind kind) const {
    return fmt::format("{} x {} w {} stride {} {} padding {} {} dilation {} {} groups {} {}", graph::to_string(kind),
                       graph::to_string(x()), graph::to_string(k()), sy, sx, py, px, dy, dx, groups,
                       numerics::to_string(format));
  }
};

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// A product per group: where the elements of both operands lie, by row or column and channel (-1: zero), and where its
/// results go.
struct Product {
  std::int64_t rows, columns, depth;
  std::function<std::int64_t(std::int64_t, std::int64_t)> left, right, result;
};

Product product(OpKind kind, const Geometry& g, std::int64_t group) {
  const std::int64_t cg = g.c / g.groups, og = g.o / g.groups, P = g.p(), Q = g.q(), RS = g.r * g.s;
  const auto x_at = [=](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
    return y < 0 || x < 0 || y >= g.h || x >= g.w ? -1 : ((n * g.c + group * cg + c) * g.h + y) * g.w + x;
  };
  const auto w_at = [=](std::int64_t o, std::int64_t c, std::int64_t rs) {
    return ((group * og + o) * cg + c) * RS + rs;
  };
  const auto y_at = [=](std::int64_t n, std::int64_t o, std::int64_t pq) {
    return (n * g.o + group * og + o) * P * Q + pq;
  };
  // The pixel of window pq that tap rs of channel c sees.
  const auto tap = [=](std::int64_t n, std::int64_t c, std::int64_t rs, std::int64_t pq) {
    return x_at(n, c, pq / Q * g.sy - g.py + rs / g.s * g.dy, pq % Q * g.sx - g.px + rs % g.s * g.dx);
  };
  if (kind == OpKind::conv2d) {
    return {g.n * P * Q,
            og,
            cg * RS,
            [=](auto v, auto k) { return tap(v / (P * Q), k / RS, k % RS, v % (P * Q)); },
            [=](auto o, auto k) { return w_at(o, k / RS, k % RS); },
            [=](auto v, auto o) { return y_at(v / (P * Q), o, v % (P * Q)); }};
  }
  if (kind == OpKind::conv2d_wgrad) {
    return {og,
            cg * RS,
            g.n * P * Q,
            [=](auto o, auto k) { return y_at(k / (P * Q), o, k % (P * Q)); },
            [=](auto v, auto k) { return tap(k / (P * Q), v / RS, v % RS, k % (P * Q)); },
            [=](auto o, auto v) { return w_at(o, v / RS, v % RS); }};
  }
  return {g.n * g.h * g.w,
          cg,
          og * RS,
          [=](auto v, auto k) -> std::int64_t {
            const std::int64_t y = v / g.w % g.h + g.py - k % RS / g.s * g.dy, x = v % g.w + g.px - k % g.s * g.dx;
            if (y < 0 || x < 0 || y % g.sy != 0 || x % g.sx != 0 || y / g.sy >= P || x / g.sx >= Q) return -1;
            return y_at(v / (g.w * g.h), k / RS, y / g.sy * Q + x / g.sx);
          },
          [=](auto c, auto k) { return w_at(k / RS, c, k % RS); },
          [=](auto v, auto c) { return x_at(v / (g.w * g.h), c, v / g.w % g.h, v % g.w); }};
}

struct Case {
  OpKind kind;
  Geometry g;
  SingleOp op;
  std::vector<float> left, right;
};

Case make_case(OpKind kind, const Geometry& g, unsigned seed) {
  Case c{kind, g, SingleOp(g.format), {}, {}};
  c.op.job.name = g.name(kind);
  Values values(seed);
  const auto many = [&](const graph::Shape& shape) {
    std::vector<float> v = values.many(at(graph::elements(shape)));
    if (g.format == Format::bf16) {
      for (float& x : v) x = numerics::round_bf16(x);
    }
    return v;
  };
  const graph::Shape first = kind == OpKind::conv2d_dgrad ? g.y() : g.x();
  const graph::Shape second = kind == OpKind::conv2d_wgrad ? g.y() : g.k();
  c.left = many(first), c.right = many(second);
  graph::Attributes attributes = {{"stride", std::vector<std::int64_t>{g.sy, g.sx}},
                                  {"padding", std::vector<std::int64_t>{g.py, g.px}},
                                  {"dilation", std::vector<std::int64_t>{g.dy, g.dx}},
                                  {"groups", g.groups}};
  if (kind == OpKind::conv2d_dgrad) attributes["shape"] = g.x();
  if (kind == OpKind::conv2d_wgrad) attributes["shape"] = g.k();
  const auto a = c.op.input(first, c.left, g.format), b = c.op.input(second, c.right, g.format);
  c.op.keep(c.op.op(kind, {a, b}, attributes)[0]);
  return c;
}

std::vector<float> expected(const Case& c, const isa::Gemm& gemm, int atomic_c, std::size_t size) {
  std::vector<float> out(size);
  // The array's left operand is what has rows: of a weight gradient dy, the op's second input.
  const bool swapped = c.kind == OpKind::conv2d_wgrad;
  for (std::int64_t group = 0; group < c.g.groups; ++group) {
    const Product p = product(c.kind, c.g, group);
    std::vector<float> a, b(at(p.depth * p.columns)), y(at(p.rows * p.columns));
    const auto value = [](const std::vector<float>& from, std::int64_t i) { return i < 0 ? 0.0f : from[at(i)]; };
    for (std::int64_t v = 0; v < p.rows; ++v) {
      for (std::int64_t k = 0; k < p.depth; ++k) a.push_back(value(swapped ? c.right : c.left, p.left(v, k)));
    }
    for (std::int64_t k = 0; k < p.depth; ++k) {
      for (std::int64_t o = 0; o < p.columns; ++o) {
        b[at(k * p.columns + o)] = value(swapped ? c.left : c.right, p.right(o, k));
      }
    }
    gemm_definition(a, b, p.rows, p.columns, p.depth, c.g.format == Format::fp32 ? 3 : 1, atomic_c, gemm.tile_depth, y);
    for (std::int64_t v = 0; v < p.rows; ++v) {
      for (std::int64_t o = 0; o < p.columns; ++o) out[at(p.result(v, o))] = y[at(v * p.columns + o)];
    }
  }
  return out;
}

void expect_exact(const std::vector<Geometry>& geometries, const std::string& preset,
                  const test::Settings& settings = {}) {
  const auto device = test::make(preset, settings);
  const Parameters parameters =
      Parameters::read(config::load(config::presets() / "asic" / (preset + ".yaml"), settings));
  std::vector<Case> cases;
  for (const Geometry& g : geometries) {
    for (const OpKind kind : {OpKind::conv2d, OpKind::conv2d_dgrad, OpKind::conv2d_wgrad}) {
      cases.push_back(make_case(kind, g, static_cast<unsigned>(cases.size()) + 1));
    }
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
    const isa::Gemm& gemm = dynamic_cast<const Program&>(*programs[i]).stream.at(0).gemm;
    ASSERT_EQ(test::bits(got), test::bits(expected(cases[i], gemm, parameters.gemm.atomic_c, got.size())))
        << cases[i].op.job.name;
  }
}

std::vector<Geometry> random_geometries(unsigned seed, int count) {
  Values values(seed);
  const auto one_of = [&](std::initializer_list<std::int64_t> list) {
    return list.begin()[values.below(static_cast<unsigned>(list.size()))];
  };
  std::vector<Geometry> result;
  while (static_cast<int>(result.size()) < count) {
    Geometry g{one_of({1, 2, 3}),    one_of({1, 2, 4, 6}),     one_of({1, 2, 5, 7, 11}),
               one_of({1, 3, 5, 8}), one_of({1, 2, 4, 6, 10}), one_of({1, 2, 3}),
               one_of({1, 3, 4}),    one_of({1, 2, 3}),        one_of({1, 2}),
               one_of({0, 1, 2}),    one_of({0, 1}),           one_of({1, 2}),
               one_of({1, 2}),       one_of({1, 1, 2}),        one_of({0, 1}) == 0 ? Format::fp32 : Format::bf16};
    if (values.below(4) == 0) g.groups = g.o = g.c;  // depthwise
    if (g.c % g.groups != 0 || g.o % g.groups != 0) continue;
    if (g.dy * (g.r - 1) + 1 > g.h + 2 * g.py || g.dx * (g.s - 1) + 1 > g.w + 2 * g.px) continue;
    result.push_back(g);
  }
  return result;
}

TEST(ConvolutionValues, RandomOnTiny) {
  expect_exact(random_geometries(1, 25), "tiny");
}
TEST(ConvolutionValues, RandomThroughTheSmallestBuffer) {
  expect_exact(random_geometries(2, 8), "tiny",
               {"gemm.buffer={banks: 4, bank: 24 B, latency: 1}", "gemm.accumulators=4"});
}
TEST(ConvolutionValues, RandomOnTheLargeMachine) {
  expect_exact(random_geometries(3, 12), "nvdla-2048-train");
}
TEST(ConvolutionValues, LargerThanEveryTile) {
  expect_exact({{2, 37, 13, 17, 41, 3, 3, 1, 1, 1, 1}, {1, 70, 9, 9, 130, 1, 1, 2, 2}}, "nvdla-2048-train",
               {"gemm.buffer.bank=6 KiB", "gemm.accumulators=512"});
}

/// A padded window reads what lies in the image, once: no expanded tensor in memory.
TEST(ConvolutionValues, AnImageIsReadOnce) {
  const Geometry g{1, 4, 16, 16, 8, 3, 3, 1, 1, 1, 1};
  const Case c = make_case(OpKind::conv2d, g, 1);
  const device::RunResult result = test::run(*test::make("nvdla-2048-train"), c.op.job);
  const std::uint64_t x = 4 * 256 * 4, w = 8 * 4 * 9 * 4, y = 8 * 256 * 4;
  EXPECT_EQ(result.written_bytes, y);
  // Tiles of 128 positions share the rows at their border: 2 x 16 pixels of every channel, at 7 borders at the most.
  EXPECT_GE(result.read_bytes, x + w);
  EXPECT_LE(result.read_bytes, x + w + 7 * 2 * 16 * 4 * 4 + 16 * isa::line_bytes);
}

/// Bias, batch statistics, ReLU, a residual: whatever fuse() makes of them flies on the product.
TEST(ConvolutionValues, EpiloguesFly) {
  for (const char* preset : {"tiny", "nvdla-2048-train"}) {
    SingleOp op;
    Values values(5);
    const graph::Shape shape = {2, 6, 5, 7};
    const auto x = op.input({2, 3, 5, 7}, values.many(210)), w = op.input({6, 3, 3, 3}, values.many(162));
    const auto y = op.op(OpKind::conv2d, {x, w}, {{"padding", std::vector<std::int64_t>{1, 1}}})[0];
    const auto biased = op.op(OpKind::add, {y, op.input({6, 1, 1}, values.many(6))})[0];
    const auto rectified = op.op(OpKind::relu, {biased})[0];
    op.keep(op.op(OpKind::add, {rectified, op.input(shape, values.many(420))})[0]);
    const auto device = test::make(preset);
    const auto program = device->lower(op.job);
    ASSERT_EQ(dynamic_cast<Program&>(*program).stream.size(), 2u) << program->disassembly();
    const auto got = test::run(*device, *program, op.job).weights.at("result").floats();
    const auto wanted = reference::run(op.job).weights.at("result").floats();
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-4) << preset << " " << i;
  }
}

/// Batches of products, both transposes, an epilogue with a mask per batch.
TEST(ConvolutionValues, BatchesOfProducts) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      SingleOp op;
      Values values(6);
      const auto a = op.input(ta ? graph::Shape{2, 3, 7, 5} : graph::Shape{2, 3, 5, 7}, values.many(210));
      const auto b = op.input(tb ? graph::Shape{2, 3, 9, 7} : graph::Shape{2, 3, 7, 9}, values.many(378));
      const auto c = op.op(OpKind::matmul, {a, b}, {{"transpose_a", ta}, {"transpose_b", tb}})[0];
      op.keep(op.op(OpKind::add, {c, op.input({2, 1, 1, 9}, values.many(18))})[0]);
      const auto got = test::run(*test::make("tiny"), op.job).weights.at("result").floats();
      const auto wanted = reference::run(op.job).weights.at("result").floats();
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-4) << ta << tb << " " << i;
    }
  }
}

}  // namespace
}  // namespace triad::asic
