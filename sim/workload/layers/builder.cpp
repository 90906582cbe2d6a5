#include "sim/workload/layers/builder.hpp"

#include <fmt/format.h>

#include <numeric>
#include <stdexcept>

namespace triad::workload {
namespace {

constexpr std::size_t most_ops = 500'000;  ///< of a forward graph: unrolled recurrent layers have thousands

}  // namespace

std::int64_t Builder::axis_of(TensorId id, std::int64_t axis) const {
  const auto rank = static_cast<std::int64_t>(shape(id).size());
  if (axis < -rank || axis >= rank) {
    throw std::invalid_argument(fmt::format("axis {} is none of {}", axis, graph::to_string(shape(id))));
  }
  return axis < 0 ? axis + rank : axis;
}

std::int64_t Builder::extent(TensorId id, std::int64_t axis) const {
  return shape(id)[static_cast<std::size_t>(axis_of(id, axis))];
}

std::vector<TensorId> Builder::outputs(OpKind kind, const std::string& name, std::vector<TensorId> inputs,
                                       Attributes attributes) {
  if (graph().ops.size() == most_ops) throw std::invalid_argument(fmt::format("more than {} ops", most_ops));
  std::vector<TensorId> result =
      graph().add_op(kind, graph().unique_name(name), std::move(inputs), std::move(attributes));
  for (const TensorId id : result) {
    const Shape& made = shape(id);
    std::int64_t room = values_ ? largest_array : largest_tensor, elements = 1;
    for (const std::int64_t dimension : made) {
      if (dimension > room / elements) {
        throw std::invalid_argument(fmt::format("{} {} has more than {} elements{}", name, graph::to_string(made), room,
                                                values_ ? ", too many to hold values; values: off can have more" : ""));
      }
      elements *= dimension;
    }
  }
  return result;
}

TensorId Builder::op(OpKind kind, const std::string& name, std::vector<TensorId> inputs, Attributes attributes) {
  return outputs(kind, name, std::move(inputs), std::move(attributes))[0];
}

TensorId Builder::parameter(const std::string& name, Shape shape, Initial initial) {
  const std::int64_t room = values_ ? largest_array : largest_tensor;
  std::int64_t elements = 1;
  for (const std::int64_t dimension : shape) {
    if (dimension > largest_dimension || dimension > room / elements) {
      throw std::invalid_argument(fmt::format("{} {} has more than {} elements", name, graph::to_string(shape), room));
    }
    elements *= dimension;
  }
  const graph::Role role = frozen_ ? graph::Role::constant : graph::Role::parameter;
  const TensorId id = graph().add_tensor({name, std::move(shape), Format::fp32, role});
  network_.initial[id] = initial;
  return id;
}

TensorId Builder::state(const std::string& name, Shape shape, double fill) {
  return graph().add_tensor({name, std::move(shape), Format::fp32, graph::Role::state, fill});
}

void Builder::update(TensorId state, TensorId updated) {
  graph().updates.push_back({state, updated});
}

TensorId Builder::constant(const std::string& name, Shape shape, double fill, Format format) {
  const auto found = constants_.find(name);
  if (found != constants_.end()) return found->second;
  return constants_[name] = graph().add_tensor({name, std::move(shape), format, graph::Role::constant, fill});
}

TensorId Builder::constant(const std::string& name, Shape shape, std::function<device::HostTensor()> make,
                           Format format) {
  const auto found = constants_.find(name);
  if (found != constants_.end()) return found->second;
  const TensorId id = constant(name, std::move(shape), 0.0, format);
  network_.given[id] = std::move(make);
  return id;
}

TensorId Builder::step() {
  if (network_.step < 0) network_.step = graph().add_tensor({"step", {}, Format::int32, graph::Role::input});
  return network_.step;
}

TensorId Builder::operand(TensorId id) {
  const graph::Tensor& tensor = graph().tensor(id);
  if (precision_ == tensor.format || tensor.format != Format::fp32) return id;
  if (precision_ != Format::bf16 && precision_ != Format::fp16) return id;
  const auto found = casts_.find(id);
  if (found != casts_.end()) return found->second;
  const std::string format = numerics::to_string(precision_);
  return casts_[id] = op(OpKind::cast, tensor.name + "." + format, {id}, {{"format", format}});
}

TensorId Builder::product(const std::string& name, TensorId a, TensorId b, bool transpose_a, bool transpose_b) {
  return op(OpKind::matmul, name, {operand(a), operand(b)},
            {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}});
}

TensorId Builder::linear(const std::string& name, TensorId x, TensorId weight, TensorId bias) {
  Shape result = shape(x);
  const std::int64_t in = result.back();
  // The cast comes first, so that readers of x with the same rank share it.
  const TensorId rows = reshape(name + ".rows", operand(x), {graph::elements(result) / in, in});
  TensorId y = product(name + ".matmul", rows, weight, false, true);
  if (bias != -1) y = add(name + ".add", y, bias);
  result.back() = shape(weight)[0];
  return reshape(name + ".output", y, std::move(result));
}

TensorId Builder::reshape(const std::string& name, TensorId x, Shape to) {
  if (shape(x) == to) return x;
  return op(OpKind::reshape, name, {x}, {{"shape", std::move(to)}});
}

TensorId Builder::transpose(const std::string& name, TensorId x, std::vector<std::int64_t> permutation) {
  return op(OpKind::transpose, name, {x}, {{"permutation", std::move(permutation)}});
}

TensorId Builder::swap(const std::string& name, TensorId x, std::int64_t a, std::int64_t b) {
  std::vector<std::int64_t> permutation(shape(x).size());
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[static_cast<std::size_t>(axis_of(x, a))], permutation[static_cast<std::size_t>(axis_of(x, b))]);
  return transpose(name, x, std::move(permutation));
}

TensorId Builder::slice(const std::string& name, TensorId x, std::int64_t axis, std::int64_t begin, std::int64_t end,
                        std::int64_t step) {
  const auto at = static_cast<std::size_t>(axis_of(x, axis));
  std::vector<std::int64_t> from(shape(x).size(), 0), to = shape(x), steps(from.size(), 1);
  if (begin == 0 && end == to[at] && step == 1) return x;
  from[at] = begin;
  to[at] = end;
  steps[at] = step;
  return op(OpKind::slice, name, {x}, {{"begin", from}, {"end", to}, {"step", steps}});
}

TensorId Builder::concat(const std::string& name, std::vector<TensorId> parts, std::int64_t axis) {
  if (parts.size() == 1) return parts[0];
  const std::int64_t at = axis_of(parts.at(0), axis);
  return op(OpKind::concat, name, std::move(parts), {{"axis", at}});
}

TensorId Builder::pad(const std::string& name, TensorId x, std::int64_t axis, std::int64_t before, std::int64_t after,
                      double value) {
  std::vector<std::int64_t> none(shape(x).size(), 0), first = none, last = none;
  first[static_cast<std::size_t>(axis_of(x, axis))] = before;
  last[static_cast<std::size_t>(axis_of(x, axis))] = after;
  return op(OpKind::pad, name, {x}, {{"before", first}, {"after", last}, {"interior", none}, {"value", value}});
}

TensorId Builder::reduce(OpKind kind, const std::string& name, TensorId x, std::vector<std::int64_t> axes, bool keep) {
  return op(kind, name, {x}, {{"axes", std::move(axes)}, {"keep", keep}});
}

TensorId Builder::scale(const std::string& name, TensorId x, double factor) {
  return op(OpKind::scale, name, {x}, {{"factor", factor}});
}
TensorId Builder::offset(const std::string& name, TensorId x, double addend) {
  return op(OpKind::offset, name, {x}, {{"addend", addend}});
}

std::optional<TensorId> Builder::published(const std::string& name) const {
  const auto found = named_.find(name);
  if (found == named_.end()) return std::nullopt;
  return found->second;
}

}  // namespace triad::workload
