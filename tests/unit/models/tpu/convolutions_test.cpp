#include "oracle.hpp"

/// Convolutions and batched products on the whole device, of random shapes, against the reference. Operands are small
/// whole numbers, so that every order of additions gives the same.
namespace triad::tpu {
namespace {

using graph::OpKind;
using graph::Shape;
using numerics::Format;
using test::Net;

using Numbers = std::vector<std::int64_t>;

/// A convolution and both gradients. With `made`, of values that ops made, which may stay on chip.
device::Job random_convolution(unsigned seed) {
  test::Values random(seed);
  Net net(fmt::format("convolution {}", seed));
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(n)));
  };
  const Format format = below(2) == 0 ? Format::fp32 : Format::bf16;
  const bool made = below(2) == 0;
  const std::int64_t groups = below(3) == 0 ? 1 + below(5) : 1;
  const std::int64_t channels = groups * (1 + below(groups > 1 ? 2 : 7)),
                     kernels = groups * (1 + below(groups > 1 ? 2 : 7));
  Numbers stride, padding, dilation;
  Shape x = {1 + below(3), channels}, w = {kernels, channels / groups};
  for (int axis = 0; axis < 2; ++axis) {
    const std::int64_t taps = 1 + below(4);
    stride.push_back(1 + below(3));
    padding.push_back(below(4));
    dilation.push_back(1 + below(2));
    w.push_back(taps);
    const std::int64_t reach = dilation.back() * (taps - 1) + 1;
    x.push_back(std::max<std::int64_t>(1, reach - 2 * padding.back()) + below(9));
  }
  const graph::Attributes attributes = {
      {"stride", stride}, {"padding", padding}, {"dilation", dilation}, {"groups", groups}};
  const auto operand = [&](const Shape& shape) {
    if (!made) return net.input(shape, test::whole(random, graph::elements(shape)), format);
    const auto given = net.input(shape, test::whole(random, graph::elements(shape)));
    return net.op(OpKind::cast, {given}, {{"format", numerics::to_string(format)}})[0];
  };
  const auto source = operand(x), weights = operand(w);
  const auto y = net.op(OpKind::conv2d, {source, weights}, attributes)[0];
  const auto dy = operand(net.job.graph.tensor(y).shape);
  graph::Attributes to_x = attributes, to_w = attributes;
  to_x["shape"] = x;
  to_w["shape"] = w;
  net.op(OpKind::conv2d_dgrad, {dy, weights}, to_x);
  net.op(OpKind::conv2d_wgrad, {source, dy}, to_w);
  if (below(2) == 0) net.op(OpKind::relu, {y});
  return net.job;
}

std::vector<device::Job> random_convolutions(unsigned seed, unsigned count) {
  std::vector<device::Job> jobs;
  for (unsigned i = 0; i < count; ++i) jobs.push_back(random_convolution(seed + i));
  return jobs;
}

TEST(Convolutions, RandomOnes) {
  test::expect_reference(random_convolutions(1, 40), {});
}
TEST(Convolutions, RandomOnesOnThreeMatrixUnits) {
  test::expect_reference(random_convolutions(100, 40), {"mxu.count=3", "mxu.rows=5", "mxu.columns=3"});
}
TEST(Convolutions, RandomOnesThroughLittleMemory) {
  test::expect_reference(random_convolutions(200, 40), {"vmem.size=8 KiB", "mxu.count=2"});
  test::expect_reference(random_convolutions(300, 20), {"vmem.size=4 KiB"});
}
TEST(Convolutions, RandomOnesOnTpuV3) {
  test::expect_reference(random_convolutions(400, 10), {}, 0, "tpu-v3");
}

TEST(Products, RandomBatches) {
  std::vector<device::Job> jobs;
  for (unsigned seed = 0; seed < 30; ++seed) {
    test::Values random(seed);
    Net net(fmt::format("product {}", seed));
    const auto below = [&](std::int64_t n) {
      return static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(n)));
    };
    const std::int64_t m = 1 + below(13), n = 1 + below(13), k = 1 + below(13);
    const bool ta = below(2) == 0, tb = below(2) == 0;
    Shape a = {1 + below(3), 1 + below(4)}, b = a;
    a.insert(a.end(), {ta ? k : m, ta ? m : k});
    b.insert(b.end(), {tb ? n : k, tb ? k : n});
    net.op(
        OpKind::matmul,
        {net.input(a, test::whole(random, graph::elements(a))), net.input(b, test::whole(random, graph::elements(b)))},
        {{"transpose_a", ta}, {"transpose_b", tb}});
    jobs.push_back(net.job);
  }
  test::expect_reference(jobs, {});
  test::expect_reference(jobs, {"vmem.size=2 KiB", "mxu.count=2"});
}

}  // namespace
}  // namespace triad::tpu
