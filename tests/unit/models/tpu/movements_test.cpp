#include "oracle.hpp"

/// Movements, pooling and indexed ops on the whole device, of random shapes, against the reference.
namespace triad::tpu {
namespace {

using graph::OpKind;
using graph::Shape;
using numerics::Format;
using test::Net;

using Numbers = std::vector<std::int64_t>;

/// A chain of random movements; with `made`, of values that an op made, which then may stay on chip.
device::Job random_movements(unsigned seed, std::int64_t most) {
  test::Values random(seed);
  Net net(fmt::format("movements {}", seed));
  constexpr std::int64_t extents[] = {1, 2, 3, 5, 7, 13, 31};
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(n)));
  };
  Shape shape;
  std::int64_t count = 1;
  for (std::int64_t axis = 0, rank = 1 + below(4); axis < rank; ++axis) {
    shape.push_back(extents[below(std::size(extents))]);
    if (count * shape.back() > most) shape.back() = 2;
    count *= shape.back();
  }
  auto x = net.input(shape, test::whole(random, count));
  if (below(2) == 0) x = net.op(OpKind::relu, {x})[0];
  for (int i = 0; i < 3; ++i) {
    const std::size_t rank = shape.size();
    switch (below(5)) {
      case 0: {
        Numbers permutation(rank);
        for (std::size_t a = 0; a < rank; ++a) permutation[a] = static_cast<std::int64_t>(a);
        for (std::size_t a = rank; a-- > 1;)
          std::swap(permutation[a], permutation[static_cast<std::size_t>(below(static_cast<std::int64_t>(a) + 1))]);
        x = net.op(OpKind::transpose, {x}, {{"permutation", permutation}})[0];
        break;
      }
      case 1: {
        Numbers begin, end, step;
        for (const std::int64_t n : shape) {
          begin.push_back(below(n));
          end.push_back(begin.back() + 1 + below(n - begin.back()));
          step.push_back(1 + below(3));
        }
        x = net.op(OpKind::slice, {x}, {{"begin", begin}, {"end", end}, {"step", step}})[0];
        break;
      }
      case 2:
        x = net.op(OpKind::concat, {x, x}, {{"axis", below(static_cast<std::int64_t>(rank))}})[0];
        break;
      case 3: {
        Numbers before, after, interior;
        for (std::size_t a = 0; a < rank; ++a) {
          before.push_back(below(3));
          after.push_back(below(3));
          interior.push_back(below(2));
        }
        if (graph::elements(shape) > most) break;
        x = net.op(OpKind::pad, {x}, {{"before", before}, {"after", after}, {"interior", interior}, {"value", 0.5}})[0];
        break;
      }
      default: {
        Shape wider = shape;
        wider.insert(wider.begin(), 1 + below(3));
        x = net.op(OpKind::broadcast, {x}, {{"shape", wider}})[0];
      }
    }
    shape = net.job.graph.tensor(x).shape;
  }
  net.op(OpKind::scale, {x}, {{"factor", 2.0}});
  return net.job;
}

TEST(Movements, RandomOnes) {
  std::vector<device::Job> jobs;
  for (unsigned i = 0; i < 60; ++i) jobs.push_back(random_movements(i, 500));
  test::expect_reference(jobs, {});
}
TEST(Movements, RandomOnesThroughLittleMemory) {
  std::vector<device::Job> jobs;
  for (unsigned i = 0; i < 60; ++i) jobs.push_back(random_movements(100 + i, 1500));
  test::expect_reference(jobs, {"vmem.size=2 KiB"});
}

/// Max and average pooling and their gradients.
std::vector<device::Job> random_windows(unsigned seed, unsigned count) {
  std::vector<device::Job> jobs;
  for (unsigned i = 0; i < count; ++i) {
    test::Values random(seed + i);
    const auto below = [&](std::int64_t n) {
      return static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(n)));
    };
    Net net(fmt::format("windows {}", seed + i));
    Numbers kernel, stride, padding;
    Shape shape = {1 + below(3), 1 + below(5)};
    for (int axis = 0; axis < 2; ++axis) {
      kernel.push_back(1 + below(4));
      stride.push_back(1 + below(4));
      padding.push_back(below(kernel.back() / 2 + 1));
      shape.push_back(kernel.back() + below(12));
    }
    const graph::Attributes attributes = {{"kernel", kernel}, {"stride", stride}, {"padding", padding}};
    const auto x = net.input(shape, test::whole(random, graph::elements(shape)));
    const auto pooled = net.op(OpKind::max_pool, {x}, attributes);
    const Shape small = net.job.graph.tensor(pooled[0]).shape;
    const auto dy = net.input(small, test::whole(random, graph::elements(small)));
    graph::Attributes gradient = attributes;
    gradient["shape"] = shape;
    net.op(OpKind::max_pool_grad, {pooled[1], dy}, gradient);
    graph::Attributes average = attributes;
    average["include_padding"] = below(2) == 0;
    net.op(OpKind::average_pool, {x}, average);
    average["shape"] = shape;
    net.op(OpKind::average_pool_grad, {dy}, average);
    jobs.push_back(net.job);
  }
  return jobs;
}

TEST(Windows, RandomOnes) {
  test::expect_reference(random_windows(1, 30), {}, 1e-6);
}
TEST(Windows, RandomOnesInRowsOfPlanes) {
  test::expect_reference(random_windows(100, 30), {"vmem.size=2 KiB"}, 1e-6);
}

std::vector<device::Job> random_tables(unsigned seed, unsigned count) {
  std::vector<device::Job> jobs;
  for (unsigned i = 0; i < count; ++i) {
    test::Values random(seed + i);
    const auto below = [&](std::int64_t n) {
      return static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(n)));
    };
    Net net(fmt::format("table {}", seed + i));
    const std::int64_t rows = 1 + below(40), width = 1 + below(70), a = 1 + below(12), b = 1 + below(12);
    std::vector<float> numbers;
    for (std::int64_t n = 0; n < a * b; ++n) numbers.push_back(static_cast<float>(below(rows)));
    const auto indices = net.input({a, b}, numbers, Format::int32);
    const auto table = net.input({rows, width}, test::whole(random, rows * width));
    net.op(OpKind::gather, {table, indices});
    const auto dy = net.input({a, b, width}, test::whole(random, a * b * width));
    net.op(OpKind::scatter_add, {dy, indices}, {{"rows", rows}});
    jobs.push_back(net.job);
  }
  return jobs;
}

TEST(Tables, RandomOnes) {
  test::expect_reference(random_tables(1, 30), {});
}
TEST(Tables, RandomOnesInParts) {
  test::expect_reference(random_tables(100, 30), {"vmem.size=2 KiB"});
}

TEST(Tables, AnIndexBeyondTheTableIsAFault) {
  Net net("table");
  const auto indices = net.input({2}, {1, 5}, Format::int32);
  net.op(OpKind::gather, {net.input({5, 3}, std::vector<float>(15, 1)), indices});
  try {
    test::run(*test::make("tiny"), net.job);
    FAIL();
  } catch (const device::Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find("gathers row 5 of 5 rows"), std::string::npos) << fault.what();
  }
}

}  // namespace
}  // namespace triad::tpu
