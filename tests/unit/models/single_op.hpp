#pragma once
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sim/device/job.hpp"
#include "sim/graph/op.hpp"

/// Jobs of one op, whose results can be read: an output is the new value of a parameter, as an optimizer's is, so it
/// must reach device memory.
namespace triad::test {

using graph::OpKind;
using graph::Shape;
using graph::TensorId;
using numerics::Format;

/// A tensor's values in its format.
inline device::HostTensor tensor_of(const Shape& shape, Format format, const std::vector<float>& values) {
  if (format == Format::fp32) return device::HostTensor::of(shape, values);
  device::HostTensor tensor = device::HostTensor::zeros(shape, format);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = numerics::bf16_bits(values[i]);
    std::memcpy(tensor.bytes.data() + 2 * i, &bits, sizeof bits);
  }
  return tensor;
}

struct SingleOp {
  device::Job job;

  explicit SingleOp(Format precision = Format::fp32) {
    job.name = "single op";
    job.precision = precision;
  }
  /// A tensor that comes with the step's data.
  TensorId input(const Shape& shape, const std::vector<float>& values, Format format = Format::fp32) {
    const TensorId id = job.graph.add_tensor({"input", shape, format, graph::Role::input});
    job.batches[id] = {tensor_of(shape, format, values)};
    return id;
  }
  TensorId classes(const std::vector<std::int32_t>& numbers) {
    const Shape shape = {static_cast<std::int64_t>(numbers.size())};
    const TensorId id = job.graph.add_tensor({"classes", shape, Format::int32, graph::Role::input});
    job.batches[id] = {device::HostTensor::of_integers(shape, numbers)};
    return id;
  }
  TensorId parameter(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    const TensorId id = job.graph.add_tensor({name, shape, Format::fp32, graph::Role::parameter});
    job.initial[id] = device::HostTensor::of(shape, values);
    return id;
  }
  std::vector<TensorId> op(OpKind kind, std::vector<TensorId> inputs, graph::Attributes attributes = {}) {
    return job.graph.add_op(kind, graph::to_string(kind) + std::to_string(job.graph.ops.size()), std::move(inputs),
                            std::move(attributes));
  }
  /// Makes a value readable as the parameter `name`.
  void keep(TensorId id, const std::string& name = "result") {
    const Shape shape = job.graph.tensor(id).shape;
    const auto count = static_cast<std::size_t>(graph::elements(shape));
    job.graph.updates.push_back({parameter(name, shape, std::vector<float>(count, -77)), id});
  }
};

/// Values of all kinds, the same on every host: most in [-2, 2), with `special` some of any bit pattern (subnormal,
/// huge, infinite, NaN).
class Values {
 public:
  explicit Values(unsigned seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }
  float value(bool special) {
    if (special && below(6) == 0) {
      constexpr std::uint32_t patterns[] = {0x00000000u, 0x80000000u, 0x00000001u, 0x807fffffu,
                                            0x00800000u, 0x7f7fffffu, 0xff7fffffu, 0x7f800000u,
                                            0xff800000u, 0x7fc00000u, 0xffc12345u, 0x0c123456u};
      return numerics::float_of(patterns[below(std::size(patterns))]);
    }
    return (static_cast<float>(engine_() >> 8) * 0x1p-24f - 0.5f) * 4;
  }
  std::vector<float> many(std::size_t count, bool special = false) {
    std::vector<float> values(count);
    for (float& v : values) v = value(special);
    return values;
  }

 private:
  std::mt19937 engine_;
};

inline std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> out;
  for (const float v : values) out.push_back(numerics::bits_of(v));
  return out;
}

}  // namespace triad::test
