#include <fmt/format.h>

#include "sim/workload/layers/layer.hpp"

/// Pooling and upsampling of [batch, channels, (height,) width].
namespace triad::workload {
namespace {

constexpr std::int64_t most = 1 << 20;

/// How many axes behind the channels: 1 or 2.
std::size_t positions(const Layer& layer) {
  if (layer.rank() != 3 && layer.rank() != 4) {
    layer.fail(fmt::format("takes [batch, channels, length] or [batch, channels, height, width], not {}",
                           graph::to_string(layer.shape())));
  }
  return layer.rank() - 2;
}

template <OpKind kind>
TensorId pool(const Layer& layer) {
  const std::size_t n = positions(layer);
  std::vector<std::int64_t> kernel = layer.numbers("kernel", n, 1, most), stride = kernel;
  if (layer.node.find("stride")) stride = layer.numbers("stride", n, 1, most);
  std::vector<std::int64_t> padding = layer.numbers("padding", n, 0, most, 0);
  Shape shape = layer.shape();
  if (n == 1) {
    shape.insert(shape.begin() + 2, 1);
    kernel.insert(kernel.begin(), 1);
    stride.insert(stride.begin(), 1);
    padding.insert(padding.begin(), 0);
  }
  Attributes attributes = {{"kernel", kernel}, {"stride", stride}, {"padding", padding}};
  if (kind == OpKind::average_pool) attributes["include_padding"] = layer.flag("include_padding", true);
  const TensorId x = layer.builder.reshape(layer.of("image"), layer.input(), shape);
  const TensorId y = layer.builder.op(kind, layer.of(graph::to_string(kind)), {x}, attributes);
  Shape result = layer.builder.shape(y);
  if (n == 1) result.erase(result.begin() + 2);
  return layer.builder.reshape(layer.of("output"), y, result);
}

/// Bin i of `size` over n positions, PyTorch's: from floor(i n / size) to ceil((i + 1) n / size).
TensorId bins(const Layer& layer, TensorId x, std::int64_t axis, std::int64_t size) {
  Builder& b = layer.builder;
  const std::int64_t n = b.extent(x, axis);
  if (n == size) return x;
  std::vector<TensorId> parts;
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t begin = i * n / size, end = ((i + 1) * n + size - 1) / size;
    const TensorId bin = b.slice(layer.of("bin"), x, axis, begin, end);
    parts.push_back(end - begin == 1 ? bin : b.reduce(OpKind::reduce_mean, layer.of("mean"), bin, {axis}, true));
  }
  return b.concat(layer.of("bins"), parts, axis);
}

/// The mean over bins of rows, of the means over bins of columns; equal bins are one average pooling.
TensorId adaptive_average_pool(const Layer& layer) {
  const std::size_t n = positions(layer);
  const std::vector<std::int64_t> size = layer.numbers("size", n, 1, most);
  const Shape shape = layer.shape();
  bool even = true, one = true;
  for (std::size_t i = 0; i < n; ++i) {
    even = even && shape[i + 2] % size[i] == 0;
    one = one && size[i] == 1;
  }
  Builder& b = layer.builder;
  if (one) {
    std::vector<std::int64_t> axes;
    for (std::size_t i = 0; i < n; ++i) axes.push_back(static_cast<std::int64_t>(i) + 2);
    return b.reduce(OpKind::reduce_mean, layer.of("mean"), layer.input(), axes, true);
  }
  if (even && n == 2) {
    const std::vector<std::int64_t> kernel = {shape[2] / size[0], shape[3] / size[1]};
    if (kernel == std::vector<std::int64_t>{1, 1}) return layer.input();
    return layer.op(OpKind::average_pool, {{"kernel", kernel}, {"stride", kernel}});
  }
  TensorId y = layer.input();
  for (std::size_t i = 0; i < n; ++i) y = bins(layer, y, static_cast<std::int64_t>(i) + 2, size[i]);
  return y;
}

/// The mean of every channel: [batch, channels].
TensorId global_average_pool(const Layer& layer) {
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < positions(layer); ++i) axes.push_back(static_cast<std::int64_t>(i) + 2);
  return layer.builder.reduce(OpKind::reduce_mean, layer.of("mean"), layer.input(), axes, layer.flag("keep", false));
}

/// Every position `scale` times (nearest).
TensorId upsample(const Layer& layer) {
  const std::size_t n = positions(layer);
  const std::vector<std::int64_t> scale = layer.numbers("scale", n, 1, most);
  Shape apart = {layer.shape()[0], layer.shape()[1]}, spread = apart, result = apart;
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t extent = layer.shape()[i + 2];
    apart.insert(apart.end(), {extent, 1});
    spread.insert(spread.end(), {extent, scale[i]});
    result.push_back(extent * scale[i]);
  }
  Builder& b = layer.builder;
  const TensorId x = b.reshape(layer.of("apart"), layer.input(), apart);
  return b.reshape(layer.of("output"), b.op(OpKind::broadcast, layer.of("broadcast"), {x}, {{"shape", spread}}),
                   result);
}

}  // namespace

std::vector<LayerType> pooling_layers() {
  return {
      {"max_pool", "kernel [stride padding]", 1, 1, pool<OpKind::max_pool>},
      {"average_pool", "kernel [stride padding include_padding]", 1, 1, pool<OpKind::average_pool>},
      {"adaptive_average_pool", "size", 1, 1, adaptive_average_pool},
      {"global_average_pool", "[keep]", 1, 1, global_average_pool},
      {"upsample", "scale", 1, 1, upsample},
  };
}

}  // namespace triad::workload
