#include "sim/workload/onnx/node.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>

namespace triad::workload::onnx_import {

using Attribute = onnx::AttributeProto;

Node::Node(const onnx::NodeProto& proto, std::string name, std::int64_t opset, Values& values, Builder& builder)
    : proto_(proto), name_(std::move(name)), opset_(opset), values_(values), builder_(builder) {}

std::string Node::type() const {
  return proto_.op_type();
}

void Node::fail(const std::string& message) const {
  throw OnnxError(fmt::format("node '{}' ({}): {}", name_, proto_.op_type(), message));
}

std::size_t Node::inputs() const {
  return static_cast<std::size_t>(proto_.input_size());
}
std::size_t Node::outputs() const {
  return static_cast<std::size_t>(proto_.output_size());
}
bool Node::has(std::size_t input) const {
  return input < inputs() && !proto_.input(static_cast<int>(input)).empty();
}
bool Node::wants(std::size_t output) const {
  return output < outputs() && !proto_.output(static_cast<int>(output)).empty();
}

ValuePtr Node::value(std::size_t input) const {
  if (!has(input)) fail(fmt::format("input {} is missing", input));
  const std::string& wanted = proto_.input(static_cast<int>(input));
  const auto found = values_.find(wanted);
  if (found == values_.end()) fail(fmt::format("reads '{}', which nothing before it makes", wanted));
  return found->second;
}

Shape Node::shape(const Value& value) const {
  return value.tensor >= 0 ? builder_.shape(value.tensor) : value.constant->shape;
}

const Constant* Node::known(std::size_t input) const {
  return known(*value(input));
}

const Constant& Node::constant(std::size_t input, const std::string& what) const {
  const ValuePtr of = value(input);
  if (of->constant == nullptr) fail(what + " must be known when the model is imported, but depends on its inputs");
  return *of->constant;
}

std::vector<std::int64_t> Node::integers(std::size_t input, const std::string& what) const {
  const Constant& of = constant(input, what);
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < static_cast<std::size_t>(of.size()); ++i) values.push_back(of.integer(i));
  return values;
}

double Node::number(std::size_t input, const std::string& what) const {
  const Constant& of = constant(input, what);
  if (of.size() != 1) fail(fmt::format("{} must be one number, not {}", what, graph::to_string(of.shape)));
  return of.number(0);
}

TensorId Node::tensor(Value& value) const {
  if (value.tensor >= 0) return value.tensor;
  const std::shared_ptr<const Constant> constant = value.constant;
  if (constant->size() == 0) fail(fmt::format("'{}' {} is empty", value.name, graph::to_string(constant->shape)));
  if (value.weight) {
    value.tensor = builder_.parameter(value.name, constant->shape, everywhere(0));
    builder_.network().given[value.tensor] = [constant] { return constant->tensor(); };
    return value.tensor;
  }
  const Format format = constant->type == Constant::Type::integer ? Format::int32 : Format::fp32;
  const device::HostTensor first = constant->tensor();  // does it fit 32 bits?
  if (constant->all(constant->number(0))) {
    value.tensor = builder_.constant(value.name, constant->shape, constant->number(0), format);
  } else {
    value.tensor = builder_.constant(
        value.name, constant->shape, [constant] { return constant->tensor(); }, format);
  }
  return value.tensor;
}

const onnx::AttributeProto* Node::find(const std::string& key) const {
  for (const Attribute& attribute : proto_.attribute()) {
    if (attribute.name() == key) return &attribute;
  }
  return nullptr;
}

namespace {
void expect(const Node& node, const Attribute& attribute, Attribute::AttributeType type) {
  if (attribute.type() == type) return;
  node.fail(fmt::format("attribute '{}' must be of type {}", attribute.name(), Attribute::AttributeType_Name(type)));
}
/// Extents, strides, axes: nothing of a network is larger, and sums of these do not overflow.
constexpr std::int64_t largest_attribute = std::int64_t{1} << 31;
void check_range(const Node& node, const std::string& key, std::int64_t value) {
  if (value < -largest_attribute || value > largest_attribute) {
    node.fail(fmt::format("attribute '{}': {} is out of range", key, value));
  }
}
}  // namespace

std::int64_t Node::integer(const std::string& key, std::int64_t otherwise) const {
  const Attribute* found = find(key);
  if (found == nullptr) return otherwise;
  expect(*this, *found, Attribute::INT);
  check_range(*this, key, found->i());
  return found->i();
}
double Node::number(const std::string& key, double otherwise) const {
  const Attribute* found = find(key);
  if (found == nullptr) return otherwise;
  expect(*this, *found, Attribute::FLOAT);
  return found->f();
}
std::string Node::text(const std::string& key, const std::string& otherwise) const {
  const Attribute* found = find(key);
  if (found == nullptr) return otherwise;
  expect(*this, *found, Attribute::STRING);
  return found->s();
}
std::vector<std::string> Node::texts(const std::string& key) const {
  const Attribute* found = find(key);
  if (found == nullptr) return {};
  expect(*this, *found, Attribute::STRINGS);
  return {found->strings().begin(), found->strings().end()};
}
std::optional<std::vector<std::int64_t>> Node::list(const std::string& key) const {
  const Attribute* found = find(key);
  if (found == nullptr) return std::nullopt;
  expect(*this, *found, Attribute::INTS);
  if (key != "starts" && key != "ends") {  // of Slice, which cuts them: 2^63 - 1 means the end
    for (const std::int64_t value : found->ints()) check_range(*this, key, value);
  }
  return std::vector<std::int64_t>(found->ints().begin(), found->ints().end());
}
std::optional<std::vector<float>> Node::reals(const std::string& key) const {
  const Attribute* found = find(key);
  if (found == nullptr) return std::nullopt;
  expect(*this, *found, Attribute::FLOATS);
  return std::vector<float>(found->floats().begin(), found->floats().end());
}
std::optional<Constant> Node::stored(const std::string& key) const {
  const Attribute* found = find(key);
  if (found == nullptr) return std::nullopt;
  expect(*this, *found, Attribute::TENSOR);
  return constant_of(found->t());
}
void Node::require(const std::string& key, std::int64_t value) const {
  const std::int64_t found = integer(key, value);
  if (found != value) fail(fmt::format("{} = {} is not supported, must be {}", key, found, value));
}

std::size_t Node::axis(std::int64_t axis, std::size_t rank) const {
  const auto count = static_cast<std::int64_t>(rank);
  if (axis < -count || axis >= count) fail(fmt::format("axis {} of a value with {} axes", axis, rank));
  return static_cast<std::size_t>(axis < 0 ? axis + count : axis);
}
std::vector<std::int64_t> Node::axes(const std::vector<std::int64_t>& axes, std::size_t rank) const {
  std::vector<std::int64_t> result;
  for (const std::int64_t one : axes) result.push_back(static_cast<std::int64_t>(axis(one, rank)));
  std::ranges::sort(result);
  if (std::ranges::adjacent_find(result) != result.end()) fail("an axis is named twice");
  return result;
}

void Node::deliver(ValuePtr value, std::size_t output) const {
  if (wants(output)) values_[proto_.output(static_cast<int>(output))] = std::move(value);
}
void Node::deliver(TensorId tensor, std::size_t output) const {
  if (!wants(output)) return;
  deliver(std::make_shared<Value>(Value{proto_.output(static_cast<int>(output)), nullptr, false, tensor}), output);
}
void Node::deliver(Constant constant, std::size_t output) const {
  if (!wants(output)) return;
  auto shared = std::make_shared<const Constant>(std::move(constant));
  deliver(std::make_shared<Value>(Value{proto_.output(static_cast<int>(output)), std::move(shared), false, -1}),
          output);
}

ValuePtr Node::move(OpKind kind, const std::string& part, const std::vector<ValuePtr>& operands,
                    const Attributes& attributes) const {
  std::vector<const Constant*> constants;
  for (const ValuePtr& operand : operands) constants.push_back(known(*operand));
  auto result = std::make_shared<Value>();
  result->name = of(part);
  if (std::ranges::find(constants, nullptr) == constants.end()) {
    result->name = fmt::format("{}.{}", of(part), values_.made++);
    result->constant = std::make_shared<const Constant>(moved(kind, constants, attributes));
    return result;
  }
  std::vector<TensorId> tensors;
  for (const ValuePtr& operand : operands) tensors.push_back(tensor(*operand));
  result->tensor = builder_.op(kind, of(part), tensors, attributes);
  return result;
}

ValuePtr Node::reshape(const ValuePtr& value, const Shape& to) const {
  const Shape from = shape(*value);
  if (from == to) return value;
  const graph::Op* made = value->tensor >= 0 ? maker(builder_.graph(), value->tensor) : nullptr;
  if (made != nullptr && made->kind == OpKind::reshape) {  // of a reshape: of its source
    auto source = std::make_shared<Value>();
    source->name = value->name;
    source->tensor = made->inputs[0];
    return reshape(source, to);
  }
  return move(OpKind::reshape, "reshape", {value}, {{"shape", to}});
}

ValuePtr Node::slice(const ValuePtr& value, std::size_t axis, std::int64_t begin, std::int64_t end,
                     std::int64_t step) const {
  const Shape whole = shape(*value);
  if (begin == 0 && end == whole.at(axis) && step == 1) return value;
  const graph::Op* made = value->tensor >= 0 ? maker(builder_.graph(), value->tensor) : nullptr;
  if (made != nullptr && made->kind == OpKind::concat && step == 1 &&
      made->integer("axis") == static_cast<std::int64_t>(axis)) {
    std::int64_t at = 0;  // exactly one of the parts: that part
    for (const TensorId part : made->inputs) {
      const std::int64_t extent = builder_.shape(part)[axis];
      if (at == begin && at + extent == end) {
        return std::make_shared<Value>(Value{value->name, nullptr, false, part});
      }
      at += extent;
    }
  }
  std::vector<std::int64_t> from(whole.size(), 0), to = whole, steps(whole.size(), 1);
  from[axis] = begin;
  to[axis] = end;
  steps[axis] = step;
  return move(OpKind::slice, "slice", {value}, {{"begin", from}, {"end", to}, {"step", steps}});
}

ValuePtr Node::transpose(const ValuePtr& value, const std::vector<std::int64_t>& permutation) const {
  if (std::ranges::is_sorted(permutation)) return value;
  return move(OpKind::transpose, "transpose", {value}, {{"permutation", permutation}});
}

ValuePtr Node::concat(const std::vector<ValuePtr>& values, std::size_t axis) const {
  if (values.size() == 1) return values[0];
  return move(OpKind::concat, "concat", values, {{"axis", static_cast<std::int64_t>(axis)}});
}

const graph::Op* maker(const graph::Graph& graph, TensorId tensor) {
  for (std::size_t i = graph.ops.size(); i-- > 0;) {
    for (const TensorId output : graph.ops[i].outputs) {
      if (output == tensor) return &graph.ops[i];
    }
  }
  return nullptr;
}

}  // namespace triad::workload::onnx_import
