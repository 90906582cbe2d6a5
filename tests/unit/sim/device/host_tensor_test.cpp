#include "sim/device/host_tensor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <stdexcept>

namespace triad::device {
namespace {

using numerics::Format;

TEST(HostTensor, HoldsFloatsAndIntegers) {
  EXPECT_EQ(HostTensor::of({2, 2}, {1, -2, 3.5f, 0}).floats(), (std::vector<float>{1, -2, 3.5f, 0}));
  EXPECT_EQ(HostTensor::of_integers({3}, {7, -1, 0}).integers(), (std::vector<std::int32_t>{7, -1, 0}));
  EXPECT_EQ(HostTensor::of_integers({3}, {7, -1, 0}).floats(), (std::vector<float>{7, -1, 0}));
  EXPECT_EQ(HostTensor::of({}, {4}).floats(), std::vector<float>{4});
  EXPECT_TRUE(HostTensor::of({0, 3}, {}).floats().empty());
  EXPECT_EQ(HostTensor::zeros({5, 7}, Format::bf16).bytes.size(), 70u);
}

TEST(HostTensor, WidensBf16Exactly) {
  HostTensor tensor = HostTensor::zeros({2}, Format::bf16);
  const std::uint16_t words[2] = {0x3f80, 0xc049};  // 1, -3.140625
  std::memcpy(tensor.bytes.data(), words, sizeof words);
  EXPECT_EQ(tensor.floats(), (std::vector<float>{1.0f, -3.140625f}));
}

TEST(HostTensor, RoundsToItsFormat) {
  const std::vector<float> values = {1.0f, 2.5f, -3.5f, 1e9f, 1.0f + 0x1p-9f};
  EXPECT_EQ(HostTensor::of({5}, values, Format::bf16).floats(),
            (std::vector<float>{1, 2.5f, -3.5f, 998244352, 1}));  // 1e9 = 0x4e6e6b28 rounds to 0x4e6e0000
  EXPECT_EQ(HostTensor::of({5}, values, Format::fp16).floats(),
            (std::vector<float>{1, 2.5f, -3.5f, INFINITY, 1.0f + 0x1p-9f}));
  EXPECT_EQ(HostTensor::of({5}, values, Format::int8).floats(), (std::vector<float>{1, 2, -4, 127, 1}));
  EXPECT_EQ(HostTensor::of({5}, values, Format::int32).integers(),
            (std::vector<std::int32_t>{1, 2, -4, 1000000000, 1}));
  EXPECT_EQ(HostTensor::of({3}, {NAN, 3e9f, -3e9f}, Format::int32).integers(),
            (std::vector<std::int32_t>{0, INT32_MAX, INT32_MIN}));
}

TEST(HostTensor, RejectsWhatDoesNotFit) {
  EXPECT_THROW(HostTensor::of({2, 2}, {1, 2, 3}), std::invalid_argument);
  EXPECT_THROW(HostTensor::of({2}, {1, 2}).integers(), std::invalid_argument);
  EXPECT_THROW(HostTensor::of({1}, {1}, Format::tf32), std::invalid_argument);
  HostTensor torn = HostTensor::of({2}, {1, 2});
  torn.bytes.resize(7);
  EXPECT_THROW(torn.floats(), std::invalid_argument);
}

}  // namespace
}  // namespace triad::device
