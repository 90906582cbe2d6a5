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
               {memory_.put(a), memory_.put(b), c, m, n, k, ta, tb, 0, 0, 0});
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
             {memory_.put(a_stored), memory_.put(b_stored), c, m, n, k, transposed, transposed, 0, 0, 0});
      expect_bits(product(a, b, m, n, k, transposed, transposed), floats(c, m * n));
    }
}

TEST_F(Kernels, AreNamed) {
  EXPECT_THROW(load_kernel("matmul"), std::invalid_argument);
  EXPECT_THROW(launch("max_pool", {1, 1, 1}, {32, 1, 1}, {1, 2}), std::invalid_argument);  // too few parameters
}

}  // namespace
}  // namespace triad::gpu::test
