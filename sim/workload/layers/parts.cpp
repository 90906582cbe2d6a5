#include "sim/workload/layers/parts.hpp"

#include <cmath>

namespace triad::workload {
namespace {

/// 32-bit FNV-1a: the seed of a dropout layer is a function of its name.
std::int64_t hash(const std::string& text) {
  std::uint32_t value = 0x811c9dc5u;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x01000193u;
  return value;
}
}  // namespace

TensorId dropout(Builder& b, const std::string& name, TensorId x, double probability,
                 std::optional<std::int64_t> seed) {
  if (probability == 0 || b.inference()) return x;
  return b.op(OpKind::dropout, name, {x, b.step()},
              {{"probability", probability}, {"seed", seed.value_or(hash(name))}});
}

TensorId linear(Builder& b, const std::string& name, TensorId x, std::int64_t out, bool bias) {
  const std::int64_t in = b.shape(x).back();
  const Initial initial = uniform(1 / std::sqrt(static_cast<float>(in)));
  const TensorId weight = b.parameter(name + ".weight", {out, in}, initial);
  return b.linear(name, x, weight, bias ? b.parameter(name + ".bias", {out}, initial) : -1);
}

TensorId layer_norm(Builder& b, const std::string& name, TensorId x, double epsilon) {
  const Shape shape = b.shape(x);
  const TensorId y =
      b.op(OpKind::normalize, name + ".normalize", {x},
           {{"axes", std::vector<std::int64_t>{static_cast<std::int64_t>(shape.size()) - 1}}, {"epsilon", epsilon}});
  const TensorId weight = b.parameter(name + ".weight", {shape.back()}, everywhere(1));
  const TensorId bias = b.parameter(name + ".bias", {shape.back()}, everywhere(0));
  return b.add(name + ".add", b.op(OpKind::multiply, name + ".multiply", {y, weight}), bias);
}

}  // namespace triad::workload
