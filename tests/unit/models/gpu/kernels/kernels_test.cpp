#include "models/gpu/kernels/kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "interpreter.hpp"
#include "sim/numerics/format.hpp"

// Every kernel, compiled from CUDA through PTX to the machine's instructions, computes what a host loop computes in the
// order that the kernel states: to the bit where there is no special function, else within the stated bound.
namespace triad::gpu::test {
namespace {

using numerics::bits_of;
using numerics::float_of;

class Kernels : public ::testing::Test {
 protected:
  std::vector<float> random(std::size_t count, float scale = 1.0f) {
    std::normal_distribution<float> normal(0.0f, scale);
    std::vector<float> values(count);
    for (float& v : values) v = normal(engine_);
    return values;
  }
  void launch(const std::string& name, Dimensions grid, Dimensions block, const std::vector<std::uint64_t>& arguments) {
    auto [entry, added] = compiled_.try_emplace(name);
    if (added) entry->second = load_kernel(name);
    run(entry->second, grid, block, arguments, memory_);
  }
  std::vector<float> floats(std::uint64_t address, std::size_t count) { return memory_.get<float>(address, count); }

  static void expect_bits(const std::vector<float>& expected, const std::vector<float>& actual) {
    ASSERT_EQ(expected.size(), actual.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_EQ(bits_of(expected[i]), bits_of(actual[i])) << "at " << i << ": " << expected[i] << " " << actual[i];
  }

  std::mt19937 engine_{1};
  Memory memory_;
  std::map<std::string, Kernel> compiled_;
};

std::uint64_t bits(float value) {
  return bits_of(value);
}
std::uint32_t groups(std::uint64_t count, std::uint64_t size) {
  return static_cast<std::uint32_t>((count + size - 1) / size);
}

/// The chain of fused multiply-adds in the order of k, from 0, padded by zeros to whole tiles (which changes -0 to 0
/// only).
std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b, std::size_t m, std::size_t n,
                           std::size_t k, bool ta, bool tb) {
  std::vector<float> c(m * n);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      float sum = 0.0f;
      for (std::size_t l = 0; l < k; ++l)
        sum = std::fma(ta ? a[l * m + i] : a[i * k + l], tb ? b[j * k + l] : b[l * n + j], sum);
      c[i * n + j] = sum;
    }
  return c;
}

TEST_F(Kernels, MatmulOfAnyShapeAndTransposition) {
  const std::size_t shapes[][3] = {{1, 1, 1},    {32, 1, 10},  {10, 1, 32},  {16, 16, 16},
                                   {17, 19, 23}, {64, 10, 37}, {65, 67, 33}, {7, 130, 5}};
  for (const auto& [m, n, k] : shapes)
    for (int flags = 0; flags < 4; ++flags) {
      const bool ta = (flags & 1) != 0, tb = (flags & 2) != 0;
      const std::vector<float> a = random(m * k), b = random(k * n), expected = product(a, b, m, n, k, ta, tb);
      for (const std::uint32_t tile : {16u, 64u, 128u}) {
        SCOPED_TRACE(::testing::Message() << m << "x" << n << "x" << k << " " << flags << " tile " << tile);
        const std::uint64_t c = memory_.allocate(4 * m * n);
        launch("matmul_fp32_tile" + std::to_string(tile), {groups(n, tile), groups(m, tile), 1}, {16, 16, 1},
               {memory_.put(a), memory_.put(b), c, m, n, k, ta, tb});
        expect_bits(expected, floats(c, m * n));
      }
    }
}

TEST_F(Kernels, MatmulOfBf16IsWidenedExactly) {
  const std::size_t m = 35, n = 21, k = 50;
  std::vector<float> a = random(m * k), b = random(k * n);
  std::vector<std::uint16_t> a_stored, b_stored;
  for (float& v : a) a_stored.push_back(numerics::bf16_bits(v)), v = numerics::round_bf16(v);
  for (float& v : b) b_stored.push_back(numerics::bf16_bits(v)), v = numerics::round_bf16(v);
  for (const std::uint32_t tile : {16u, 64u, 128u})
    for (const bool transposed : {false, true}) {
      const std::uint64_t c = memory_.allocate(4 * m * n);
      launch("matmul_bf16_tile" + std::to_string(tile), {groups(n, tile), groups(m, tile), 1}, {16, 16, 1},
             {memory_.put(a_stored), memory_.put(b_stored), c, m, n, k, transposed, transposed});
      expect_bits(product(a, b, m, n, k, transposed, transposed), floats(c, m * n));
    }
}

TEST_F(Kernels, BinaryOperationsBroadcastB) {
  const std::size_t shapes[][2] = {{1, 1}, {1, 1000}, {64, 10}, {13, 257}, {5, 1}};
  for (const auto& [rows, columns] : shapes)
    for (const int step : {0, 1})
      for (const std::string name : {"add", "subtract", "multiply"}) {
        const std::vector<float> a = random(rows * columns), b = random(columns);
        std::vector<float> expected(a.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
          const float right = b[i % columns * static_cast<std::size_t>(step)];
          expected[i] = name == "add" ? a[i] + right : name == "subtract" ? a[i] - right : a[i] * right;
        }
        const std::uint64_t out = memory_.allocate(4 * a.size());
        launch(name, {2, 3, 1}, {32, 4, 1},
               {memory_.put(a), memory_.put(b), out, rows, columns, static_cast<std::uint64_t>(step)});
        expect_bits(expected, floats(out, a.size()));
      }
}

TEST_F(Kernels, BroadcastRepeatsRows) {
  const std::size_t shapes[][2] = {{1, 1}, {1000, 1}, {64, 10}, {13, 257}};
  for (const auto& [rows, columns] : shapes) {
    const std::vector<float> x = random(columns);
    const std::uint64_t out = memory_.allocate(4 * rows * columns);
    launch("broadcast", {2, 3, 1}, {32, 4, 1}, {memory_.put(x), out, rows, columns});
    const std::vector<float> actual = floats(out, rows * columns);
    for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_EQ(bits_of(x[i % columns]), bits_of(actual[i]));
  }
}

TEST_F(Kernels, OperationsByElement) {
  for (const std::size_t n : {1u, 31u, 1000u, 4099u}) {
    std::vector<float> x = random(n), y = random(n), z = random(n);
    x[0] = -0.0f;
    if (n > 30) x[7] = 1e-41f, y[3] = 1e-40f, x[11] = float_of(0x7fc00000u), x[12] = 3.4e38f;
    const std::uint64_t x_at = memory_.put(x), y_at = memory_.put(y), z_at = memory_.put(z);
    const std::uint64_t out = memory_.allocate(4 * n), out2 = memory_.allocate(4 * n);
    const auto run = [&](const std::string& name, const std::vector<std::uint64_t>& arguments) {
      launch(name, {2, 1, 1}, {256, 1, 1}, arguments);
    };
    const auto expect = [&](std::uint64_t at, auto&& f) {
      std::vector<float> expected(n);
      for (std::size_t i = 0; i < n; ++i) expected[i] = f(i);
      expect_bits(expected, floats(at, n));
    };
    run("relu", {x_at, out, n});
    expect(out, [&](std::size_t i) { return x[i] > 0.0f ? x[i] : 0.0f; });
    run("relu_grad", {x_at, y_at, out, n});
    expect(out, [&](std::size_t i) { return x[i] > 0.0f ? y[i] : 0.0f; });
    run("scale", {x_at, out, n, bits(-1.7f)});
    expect(out, [&](std::size_t i) { return numerics::canonical(x[i] * -1.7f); });
    run("mse_grad", {x_at, y_at, out, n, bits(0.37f)});
    expect(out, [&](std::size_t i) { return (x[i] - y[i]) * 0.37f; });
    run("sgd", {x_at, y_at, out, n, bits(0.01f)});
    expect(out, [&](std::size_t i) { return std::fma(-0.01f, y[i], x[i]); });
    run("sgd_momentum", {x_at, y_at, z_at, out, out2, n, bits(0.01f), bits(0.9f)});
    expect(out2, [&](std::size_t i) { return std::fma(0.9f, z[i], y[i]); });
    expect(out, [&](std::size_t i) { return std::fma(-0.01f, std::fma(0.9f, z[i], y[i]), x[i]); });
    run("cast_fp32_bf16", {x_at, out2, n});
    const std::vector<std::uint16_t> rounded = memory_.get<std::uint16_t>(out2, n);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(numerics::bf16_bits(x[i]), rounded[i]);
    run("cast_bf16_fp32", {out2, out, n});
    expect(out, [&](std::size_t i) { return numerics::bf16_value(rounded[i]); });
  }
}

TEST_F(Kernels, SgdInPlace) {
  const std::vector<float> x = random(300), y = random(300);
  const std::uint64_t at = memory_.put(x);
  launch("sgd", {1, 1, 1}, {128, 1, 1}, {at, memory_.put(y), at, 300, bits(0.5f)});
  for (std::size_t i = 0; i < 300; ++i) ASSERT_EQ(std::fma(-0.5f, y[i], x[i]), floats(at, 300)[i]);
}

/// Adds a power of two of values by halves, as the blocks do: element i and i + half, for half = size / 2, ..., 1.
float by_halves(std::vector<float> values) {
  for (std::size_t half = values.size() / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) values[i] = values[i] + values[i + half];
  return values[0];
}

TEST_F(Kernels, ReduceSumInItsStatedOrder) {
  const std::size_t shapes[][2] = {{1, 1}, {32, 1}, {64, 10}, {100, 33}, {7, 256}, {301, 5}};
  for (const auto& [rows, columns] : shapes) {
    const std::vector<float> x = random(rows * columns);
    std::vector<float> expected(columns);
    for (std::size_t c = 0; c < columns; ++c) {
      std::vector<float> partial(8, 0.0f);
      for (std::size_t r = 0; r < rows; ++r) partial[r % 8] += x[r * columns + c];
      expected[c] = by_halves(partial);
    }
    const std::uint64_t out = memory_.allocate(4 * columns);
    launch("reduce_sum", {groups(columns, 32), 1, 1}, {32, 8, 1}, {memory_.put(x), out, rows, columns});
    expect_bits(expected, floats(out, columns));
  }
}

TEST_F(Kernels, MseInItsStatedOrder) {
  for (const std::size_t n : {1u, 32u, 320u, 1000u, 13000u}) {
    const std::vector<float> x = random(n), y = random(n);
    std::vector<float> partial(1024, 0.0f), by_row(32);
    for (std::size_t i = 0; i < n; ++i) partial[i % 1024] = std::fma(x[i] - y[i], x[i] - y[i], partial[i % 1024]);
    for (std::size_t r = 0; r < 32; ++r)
      by_row[r] =
          by_halves({partial.begin() + 32 * static_cast<long>(r), partial.begin() + 32 * static_cast<long>(r + 1)});
    const float sum = by_halves(by_row);
    const std::uint64_t out = memory_.allocate(4);
    launch("mse", {1, 1, 1}, {32, 32, 1}, {memory_.put(x), memory_.put(y), out, n});
    const double expected = double{sum} / static_cast<double>(n);
    EXPECT_NEAR(floats(out, 1)[0], expected, 2 * 6e-8 * expected);  // one division within 2 units in the last place
  }
}

TEST_F(Kernels, CrossEntropyAndItsGradient) {
  const std::size_t shapes[][2] = {{1, 1}, {1, 2}, {64, 10}, {13, 100}, {9, 33}};
  for (const auto& [rows, columns] : shapes)
    for (const float scale : {1.0f, 60.0f}) {
      const std::vector<float> logits = random(rows * columns, scale);
      std::vector<std::int32_t> classes(rows);
      for (std::int32_t& c : classes) c = static_cast<std::int32_t>(engine_() % columns);
      double loss = 0;
      std::vector<double> gradient(rows * columns);
      for (std::size_t r = 0; r < rows; ++r) {
        const float* row = &logits[r * columns];
        double largest = row[0], sum = 0;
        for (std::size_t c = 0; c < columns; ++c) largest = std::max<double>(largest, row[c]);
        for (std::size_t c = 0; c < columns; ++c) sum += std::exp(row[c] - largest);
        loss += std::log(sum) - (row[classes[r]] - largest);
        for (std::size_t c = 0; c < columns; ++c)
          gradient[r * columns + c] =
              (std::exp(row[c] - largest) / sum - (static_cast<std::int32_t>(c) == classes[r])) /
              static_cast<double>(rows);
      }
      loss /= static_cast<double>(rows);
      const std::uint64_t out = memory_.allocate(4), gradient_out = memory_.allocate(4 * rows * columns);
      const std::uint64_t x = memory_.put(logits), t = memory_.put(classes);
      launch("cross_entropy", {1, 1, 1}, {32, 32, 1}, {x, t, out, rows, columns});
      EXPECT_NEAR(floats(out, 1)[0], loss, 2e-6 * std::max(loss, 1e-1));
      launch("cross_entropy_grad", {1, groups(rows, 8), 1}, {32, 8, 1},
             {x, t, gradient_out, rows, columns, bits(1.0f / static_cast<float>(rows))});
      const std::vector<float> actual = floats(gradient_out, rows * columns);
      for (std::size_t i = 0; i < actual.size(); ++i)
        ASSERT_NEAR(actual[i], gradient[i], 5e-6 / static_cast<double>(rows));
    }
}

TEST_F(Kernels, AreNamed) {
  EXPECT_THROW(load_kernel("matmul"), std::invalid_argument);
  EXPECT_THROW(launch("relu", {1, 1, 1}, {32, 1, 1}, {1, 2}), std::invalid_argument);  // three parameters
}

}  // namespace
}  // namespace triad::gpu::test
