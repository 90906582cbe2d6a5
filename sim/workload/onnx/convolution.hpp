#pragma once
#include <vector>

#include "sim/workload/onnx/node.hpp"

/// What convolutions and pools have in common: windows over the axes behind batch and channels.
namespace triad::workload::onnx_import {

/// Rows, then columns; of a value with one axis the row is 1 high.
struct Window {
  std::vector<std::int64_t> kernel, stride, dilation, before, after;
};

/// Reads strides, dilations, pads and auto_pad for an input of these extents (one axis or two). Fails where they do not
/// fit.
Window read_window(const Node& node, const std::vector<std::int64_t>& extents, const std::vector<std::int64_t>& kernel);

/// [N, C, L] becomes [N, C, 1, L].
TensorId with_two_axes(const Node& node, TensorId x);
/// And back, for a value that had three axes.
TensorId with_axes_of(const Node& node, TensorId y, std::size_t rank);

/// The graph's ops pad both sides alike: x padded by an op of its own where the window does not, after which the window
/// has no padding.
TensorId padded(const Node& node, TensorId x, Window& window, double value);

}  // namespace triad::workload::onnx_import
