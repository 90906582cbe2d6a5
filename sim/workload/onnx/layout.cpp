#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/workload/onnx/operators.hpp"

/// Operators that give elements another place or shape: transposes, reshapes, repetitions, padding.
namespace triad::workload::onnx_import {
namespace {

using N = const Node&;
using Integers = std::vector<std::int64_t>;

void transpose(N node) {
  Integers reversed(node.rank(0));
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  node.deliver(node.transpose(node.value(0), node.list("perm").value_or(reversed)));
}

/// 0 keeps the input's extent, -1 is what remains.
void reshape(N node) {
  const Shape from = node.shape(0);
  Shape to = node.integers(1, "the shape");
  std::int64_t known = 1, open = -1;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i] == 0 && node.integer("allowzero", 0) == 0) {
      if (i >= from.size()) node.fail("0 in the shape keeps an extent that the input does not have");
      to[i] = from[i];
    }
    if (to[i] == -1 && open != -1) node.fail("-1 stands twice in the shape");
    if (to[i] == -1) open = static_cast<std::int64_t>(i);
    if (to[i] != -1 && (to[i] < 1 || to[i] > graph::elements(from) / known)) {
      node.fail(fmt::format("{} cannot take the shape {}", graph::to_string(from), graph::to_string(to)));
    }
    if (to[i] != -1) known *= to[i];
  }
  if (open != -1) to[static_cast<std::size_t>(open)] = graph::elements(from) / known;
  node.deliver(node.reshape(node.value(0), to));
}

void flatten(N node) {
  const Shape from = node.shape(0);
  const std::int64_t given = node.integer("axis", 1);
  const std::size_t axis =
      given == static_cast<std::int64_t>(from.size()) ? from.size() : node.axis(given, from.size());
  const Shape first(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(axis));
  const std::int64_t rows = graph::elements(first);
  node.deliver(node.reshape(node.value(0), {rows, graph::elements(from) / rows}));
}

/// Axes are an attribute up to operator set 12, an input from 13 on.
std::optional<Integers> stated_axes(N node) {
  if (node.has(1)) return node.integers(1, "the axes");
  return node.list("axes");
}

void squeeze(N node) {
  const Shape from = node.shape(0);
  const std::optional<Integers> stated = stated_axes(node);
  Shape to;
  Integers gone;
  if (stated) gone = node.axes(*stated, from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    const bool named = std::ranges::find(gone, static_cast<std::int64_t>(i)) != gone.end();
    if (named && from[i] != 1) node.fail(fmt::format("axis {} of {} is not 1", i, graph::to_string(from)));
    if (!(named || (!stated && from[i] == 1))) to.push_back(from[i]);
  }
  node.deliver(node.reshape(node.value(0), to));
}

void unsqueeze(N node) {
  const Shape from = node.shape(0);
  const std::optional<Integers> stated = stated_axes(node);
  if (!stated) node.fail("says no axes");
  if (stated->size() > 16) node.fail("more than 16 axes");
  const Integers added = node.axes(*stated, from.size() + stated->size());
  Shape to;
  std::size_t next = 0;
  for (std::size_t i = 0; i < from.size() + added.size(); ++i) {
    const bool one = std::ranges::find(added, static_cast<std::int64_t>(i)) != added.end();
    to.push_back(one ? 1 : from[next++]);
  }
  node.deliver(node.reshape(node.value(0), to));
}

void concat(N node) {
  std::vector<ValuePtr> parts;
  for (std::size_t i = 0; i < node.inputs(); ++i) {
    const ValuePtr part = node.value(i);
    if (graph::elements(node.shape(*part)) > 0) parts.push_back(part);
  }
  if (parts.empty()) return node.deliver(node.value(0));
  node.deliver(node.concat(parts, node.axis(node.integer("axis", 0), node.shape(*parts[0]).size())));
}

void check_shape(N node, const Shape& shape) {
  for (const std::int64_t extent : shape) {
    if (extent < 1 || extent > largest_dimension) {
      node.fail(
          fmt::format("the shape {}: every extent must be from 1 to {}", graph::to_string(shape), largest_dimension));
    }
  }
}

ValuePtr repeated(N node, const ValuePtr& value, const Shape& shape) {
  if (node.shape(*value) == shape) return value;
  check_shape(node, shape);
  if (Node::known(*value) != nullptr) check_constant_shape(shape);
  return node.move(OpKind::broadcast, "expand", {value}, {{"shape", shape}});
}

/// Both shapes broadcast to the result's.
void expand(N node) {
  std::vector<graph::Tensor> both(2);
  both[0].shape = node.shape(0);
  both[1].shape = node.integers(1, "the shape");
  if (both[1].shape.size() > 16) node.fail("more than 16 axes");
  check_shape(node, both[1].shape);
  node.deliver(repeated(node, node.value(0), graph::broadcast_shape(both)));
}

/// Each axis as often as `repeats` says: [a, b] -> [1, a, 1, b] -> [r, a, s, b] -> [r a, s b].
void tile(N node) {
  const Shape from = node.shape(0);
  const Integers repeats = node.integers(1, "the repeats");
  if (repeats.size() != from.size()) node.fail("must have a number of repeats per axis");
  check_shape(node, repeats);
  Shape apart, wide, result;
  for (std::size_t i = 0; i < from.size(); ++i) {
    apart.insert(apart.end(), {1, from[i]});
    wide.insert(wide.end(), {repeats[i], from[i]});
    result.push_back(repeats[i] * from[i]);
  }
  check_shape(node, result);
  node.deliver(node.reshape(repeated(node, node.reshape(node.value(0), apart), wide), result));
}

/// Nearest neighbour by whole factors: every element becomes a block.
void upsample(N node, const std::vector<double>& scales) {
  const std::string mode = node.text("mode", "nearest");
  if (mode != "nearest") node.fail(fmt::format("mode '{}' is not supported, must be nearest", mode));
  const Shape from = node.shape(0);
  if (scales.size() != from.size()) node.fail("must have a scale per axis");
  Shape apart, wide, result;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const double scale = std::round(scales[i]);
    if (!(scales[i] >= 1) || scales[i] > 4096 || std::abs(scale - scales[i]) > 1e-6) {
      node.fail(fmt::format("scale {} of axis {} is not supported, must be a whole number", scales[i], i));
    }
    apart.insert(apart.end(), {from[i], 1});
    wide.insert(wide.end(), {from[i], static_cast<std::int64_t>(scale)});
    result.push_back(from[i] * static_cast<std::int64_t>(scale));
  }
  check_shape(node, result);
  node.deliver(node.reshape(repeated(node, node.reshape(node.value(0), apart), wide), result));
}

std::vector<double> numbers(N node, std::size_t input, const std::string& what) {
  const Constant& constant = node.constant(input, what);
  std::vector<double> values;
  for (std::size_t i = 0; i < static_cast<std::size_t>(constant.size()); ++i) values.push_back(constant.number(i));
  return values;
}

/// Operator set 10: (x, scales); from 11 on: (x, roi, scales, sizes).
void resize(N node) {
  const std::string by = node.text("coordinate_transformation_mode", "half_pixel");
  if (by == "tf_crop_and_resize" || by == "align_corners") {
    node.fail(fmt::format("coordinate_transformation_mode '{}' is not supported", by));
  }
  const std::size_t at = node.opset() == 10 ? 1 : 2;
  std::vector<double> scales;
  if (node.has(at)) scales = numbers(node, at, "the scales");
  if (scales.empty()) {
    const Shape from = node.shape(0);
    const std::vector<double> sizes = numbers(node, 3, "the sizes");
    if (sizes.size() != from.size()) node.fail("must have a size per axis");
    for (std::size_t i = 0; i < from.size(); ++i) scales.push_back(sizes[i] / static_cast<double>(from[i]));
  }
  upsample(node, scales);
}

void upsample_9(N node) {
  upsample(node, numbers(node, 1, "the scales"));
}

/// Pads are an attribute up to operator set 10, an input from 11 on: all begins, then all ends.
void pad(N node) {
  const std::string mode = node.text("mode", "constant");
  if (mode != "constant") node.fail(fmt::format("mode '{}' is not supported, must be constant", mode));
  const std::size_t rank = node.rank(0);
  const Integers pads = node.has(1) ? node.integers(1, "the pads") : node.list("pads").value_or(Integers(2 * rank, 0));
  if (pads.size() != 2 * rank) node.fail(fmt::format("must have {} pads", 2 * rank));
  for (const std::int64_t one : pads) {
    if (std::abs(one) > largest_dimension) node.fail(fmt::format("a pad of {} is out of range", one));
  }
  const double value = node.has(2) ? node.number(2, "the value") : node.number("value", 0);
  if (std::ranges::all_of(pads, [](std::int64_t p) { return p == 0; })) return node.deliver(node.value(0));
  Integers before(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(rank));
  Integers after(pads.begin() + static_cast<std::ptrdiff_t>(rank), pads.end());
  ValuePtr inner = node.value(0);
  for (std::size_t axis = 0; axis < rank; ++axis) {  // negative pads cut
    const std::int64_t begin = std::max<std::int64_t>(0, -before[axis]);
    const std::int64_t end = node.shape(*inner)[axis] - std::max<std::int64_t>(0, -after[axis]);
    if (begin >= end) node.fail(fmt::format("nothing is left of axis {}", axis));
    inner = node.slice(inner, axis, begin, end);
    before[axis] = std::max<std::int64_t>(0, before[axis]);
    after[axis] = std::max<std::int64_t>(0, after[axis]);
  }
  const Integers none(rank, 0);
  if (before == none && after == none) return node.deliver(inner);
  node.deliver(node.move(OpKind::pad, "pad", {inner},
                         {{"before", before}, {"after", after}, {"interior", none}, {"value", value}}));
}

/// [N, C b², H, W] -> [N, C, H b, W b]; mode CRD: channel, row, column; DCR: row, column, channel.
void depth_to_space(N node) {
  const Shape s = node.shape(0);
  const std::int64_t b = node.integer("blocksize", 0);
  if (s.size() != 4 || b < 1 || b > 4096 || s[1] % (b * b) != 0) node.fail("channels must be a multiple of blocksize²");
  const std::int64_t c = s[1] / (b * b);
  const bool crd = node.text("mode", "DCR") == "CRD";
  const ValuePtr apart =
      node.reshape(node.value(0), crd ? Shape{s[0], c, b, b, s[2], s[3]} : Shape{s[0], b, b, c, s[2], s[3]});
  const ValuePtr moved = node.transpose(apart, crd ? Integers{0, 1, 4, 2, 5, 3} : Integers{0, 3, 4, 1, 5, 2});
  node.deliver(node.reshape(moved, {s[0], c, s[2] * b, s[3] * b}));
}

/// [N, C, H b, W b] -> [N, b b C, H, W]: row, column, channel.
void space_to_depth(N node) {
  const Shape s = node.shape(0);
  const std::int64_t b = node.integer("blocksize", 0);
  if (s.size() != 4 || b < 1 || s[2] % b != 0 || s[3] % b != 0)
    node.fail("rows and columns must be multiples of blocksize");
  const ValuePtr apart = node.reshape(node.value(0), {s[0], s[1], s[2] / b, b, s[3] / b, b});
  node.deliver(node.reshape(node.transpose(apart, {0, 3, 5, 1, 2, 4}), {s[0], s[1] * b * b, s[2] / b, s[3] / b}));
}

void identity(N node) {
  node.deliver(node.value(0));
}

}  // namespace

std::vector<Operator> layout_operators() {
  return {
      {"Transpose", 1, transpose},
      {"Reshape", 2, reshape},
      {"Flatten", 1, flatten},
      {"Squeeze", 1, squeeze},
      {"Unsqueeze", 1, unsqueeze},
      {"Concat", 1, concat},
      {"Expand", 2, expand},
      {"Tile", 2, tile},
      {"Resize", 1, resize},
      {"Upsample", 2, upsample_9},
      {"Pad", 1, pad},
      {"DepthToSpace", 1, depth_to_space},
      {"SpaceToDepth", 1, space_to_depth},
      {"Identity", 1, identity},
  };
}

}  // namespace triad::workload::onnx_import
