#include <algorithm>

#include "models/tpu/compiler/lower.hpp"

namespace triad::tpu {

using graph::OpKind;

namespace {

struct Rows {
  std::int64_t begin, end;
};

/// Rows of the other side that `rows` of an output need: of the larger side for a pool, of the smaller one for a
/// gradient; at least one.
Rows needed(const Window& w, bool gradient, const Rows& rows) {
  const std::int64_t kernel = w.kernel[0], stride = w.stride[0], padding = w.padding[0];
  const std::int64_t extent = gradient ? w.pooled_height : w.height;
  Rows result{};
  if (gradient) {
    result.begin = std::max<std::int64_t>(rows.begin + padding - kernel + stride, 0) / stride;
    result.end = (rows.end - 1 + padding) / stride + 1;
  } else {
    result.begin = rows.begin * stride - padding;
    result.end = (rows.end - 1) * stride - padding + kernel;
  }
  result.begin = std::clamp<std::int64_t>(result.begin, 0, extent - 1);
  result.end = std::clamp(result.end, result.begin + 1, extent);
  return result;
}

}  // namespace

void lower_window(Emitter& emitter, const graph::Op& op) {
  const bool gradient = op.kind == OpKind::max_pool_grad || op.kind == OpKind::average_pool_grad;
  const graph::Shape& large = emitter.tensor(gradient ? op.outputs[0] : op.inputs[0]).shape;
  const graph::Shape& small = emitter.tensor(gradient ? op.inputs[0] : op.outputs[0]).shape;
  Window window;
  window.kind = op.kind;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    window.kernel[axis] = op.integers("kernel")[axis];
    window.stride[axis] = op.integers("stride")[axis];
    window.padding[axis] = op.integers("padding")[axis];
  }
  if (op.attributes.contains("include_padding")) window.include_padding = op.flag("include_padding");
  window.height = large[2];
  window.width = large[3];
  window.pooled_height = small[2];
  window.pooled_width = small[3];
  const graph::Shape &in = gradient ? small : large, &out = gradient ? large : small;
  const std::int64_t in_width = in[3], out_width = out[3];

  std::int64_t planes = in[0] * in[1], rows = out[2];
  const auto in_elements = [&] {
    // Of the rows anywhere: the widest need.
    const std::int64_t reach = gradient ? (rows + window.kernel[0] - 1 + window.stride[0] - 1) / window.stride[0] + 1
                                        : (rows - 1) * window.stride[0] + window.kernel[0];
    return static_cast<std::uint64_t>(planes * std::min(reach, in[2]) * in_width);
  };
  const auto out_elements = [&] { return static_cast<std::uint64_t>(planes * rows * out_width); };
  const auto bytes = [&] {
    std::uint64_t total = 0;
    for (const auto id : op.inputs) total += Input::staging(emitter, id, in_elements());
    for (const auto id : op.outputs) total += Output::staging(emitter, id, out_elements());
    return total;
  };
  constexpr std::uint64_t small_tile = 64 * 1024;  // not worth a pipeline of several tiles
  const std::uint64_t hard = emitter.staging_bytes(), soft = std::min(hard, std::max(small_tile, bytes() / 4));
  while (planes > 1 && bytes() > soft) planes = (planes + 1) / 2;
  while (rows > 1 && bytes() > hard) rows = (rows + 1) / 2;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  for (const auto id : op.inputs) inputs.emplace_back(emitter, id, in_elements());
  for (const auto id : op.outputs) outputs.emplace_back(emitter, id, out_elements());
  if (emitter.planning()) return;

  for_boxes({in[0] * in[1], out[2]}, {planes, rows}, [&](const graph::Shape& origin, const graph::Shape& extents) {
    Window w = window;
    w.planes = extents[0];
    const auto part = [&](const graph::Shape& shape, const Rows& taken) {
      return Region{(origin[0] * shape[2] + taken.begin) * shape[3],
                    {{extents[0], shape[2] * shape[3]}, {(taken.end - taken.begin) * shape[3], 1}}};
    };
    const auto placed = [](const Place& place, const Rows& taken, std::int64_t width) {
      return Planes{place.address, static_cast<std::uint64_t>(place.strides[0]), taken.begin, taken.end - taken.begin,
                    width};
    };
    const Rows made{origin[1], origin[1] + extents[1]}, read = needed(window, gradient, made);
    for (Input& input : inputs) w.inputs.push_back(placed(input.fetch(part(in, read)), read, in_width));
    for (Output& output : outputs) w.outputs.push_back(placed(output.open(part(out, made)), made, out_width));
    emitter.emit(emitter.parameters().vector_unit(), std::move(w));
    for (Output& output : outputs) output.close();
  });
}

}  // namespace triad::tpu
