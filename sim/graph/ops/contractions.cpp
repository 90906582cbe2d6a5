#include "sim/graph/ops/tables.hpp"

/// Contractions: what a matrix unit does.
namespace triad::graph::ops {
namespace {

/// Both operands in one multiply format; the format of the result.
Format result_format(const Tensor& a, const Tensor& b) {
  for (const Tensor* operand : {&a, &b}) {
    const Format format = operand->format;
    if (format != Format::fp32 && format != Format::bf16 && format != Format::fp16 && format != Format::int8) {
      reject("{} is {}, must be fp32, bf16, fp16 or int8", describe(*operand), numerics::to_string(format));
    }
  }
  if (a.format != b.format) {
    reject("{} is {} and {} is {}: the operands must have one format", describe(a), numerics::to_string(a.format),
           describe(b), numerics::to_string(b.format));
  }
  return a.format == Format::int8 ? Format::int32 : Format::fp32;
}

/// The gradient of a result in the format that the forward operands had.
TensorId in_format_of(Graph& graph, TensorId operand, TensorId gradient) {
  const Format format = graph.tensor(operand).format;
  if (format == Format::int8) {
    throw std::invalid_argument(graph.tensor(operand).name + ": int8 is for inference: it has no gradient");
  }
  return as_format(graph, gradient, format);
}

std::vector<Tensor> matmul_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 2, 2);
  const Tensor &a = inputs[0], &b = inputs[1];
  for (const Tensor* operand : {&a, &b}) {
    if (operand->shape.size() < 2) reject("{} must be a matrix, or several: [..., rows, columns]", describe(*operand));
  }
  const Format format = result_format(a, b);
  const std::size_t rank = a.shape.size();
  if (b.shape.size() != rank || !std::equal(a.shape.begin(), a.shape.end() - 2, b.shape.begin())) {
    reject("{} times {}: the leading dimensions must be equal", describe(a), describe(b));
  }
  const bool ta = flag(attributes, "transpose_a"), tb = flag(attributes, "transpose_b");
  const std::int64_t m = a.shape[rank - (ta ? 1 : 2)], k = a.shape[rank - (ta ? 2 : 1)];
  const std::int64_t n = b.shape[rank - (tb ? 2 : 1)], k_of_b = b.shape[rank - (tb ? 1 : 2)];
  if (k != k_of_b) {
    reject("{}{} times {}{}: the inner dimensions {} and {} must be equal", describe(a), ta ? " transposed" : "",
           describe(b), tb ? " transposed" : "", k, k_of_b);
  }
  Shape shape(a.shape.begin(), a.shape.end() - 2);
  shape.insert(shape.end(), {m, n});
  return {made(shape, format)};
}

std::vector<TensorId> matmul_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  const TensorId a = op.inputs[0], b = op.inputs[1];
  const bool ta = op.flag("transpose_a"), tb = op.flag("transpose_b");
  const TensorId dc = in_format_of(graph, a, outputs[0]);
  const auto product = [&](TensorId of, TensorId left, bool left_flag, TensorId right, bool right_flag) {
    return append(graph, OpKind::matmul, gradient_name(graph, of), {left, right},
                  {{"transpose_a", left_flag}, {"transpose_b", right_flag}});
  };
  // C = A B: dA = dC Bᵀ, dB = Aᵀ dC; of a transposed operand the transpose of that.
  TensorId da = -1, db = -1;
  if (wanted[0]) da = ta ? product(a, b, tb, dc, true) : product(a, dc, false, b, !tb);
  if (wanted[1]) db = tb ? product(b, dc, true, a, ta) : product(b, a, !ta, dc, false);
  return {da, db};
}

/// stride, padding, dilation (two each, rows first) and groups.
struct Convolution {
  std::vector<std::int64_t> stride, padding, dilation;
  std::int64_t groups;
};
Convolution read(const Attributes& attributes) {
  Convolution c{integers(attributes, "stride"), integers(attributes, "padding"), integers(attributes, "dilation"),
                integer(attributes, "groups")};
  for (const auto* pair : {&c.stride, &c.padding, &c.dilation}) {
    const std::int64_t least = pair == &c.padding ? 0 : 1;
    if (pair->size() != 2 || (*pair)[0] < least || (*pair)[1] < least) {
      reject("stride, padding and dilation are two numbers each, from 1, 0 and 1 on, not {}", to_string(*pair));
    }
  }
  if (c.groups < 1) reject("groups {} must be at least 1", c.groups);
  return c;
}

/// Rows (axis 0) or columns (1) of the output.
std::int64_t output_extent(const Convolution& c, std::size_t axis, std::int64_t input, std::int64_t kernel) {
  const std::int64_t window = c.dilation[axis] * (kernel - 1) + 1, padded = input + 2 * c.padding[axis];
  if (window > padded) {
    reject("a kernel of {} with dilation {} does not fit into {} padded by {}", kernel, c.dilation[axis], input,
           c.padding[axis]);
  }
  return (padded - window) / c.stride[axis] + 1;
}

/// Output shape of the convolution of x with w; throws unless they fit.
Shape convolved(const Convolution& c, const std::string& names, const Shape& x, const Shape& w) {
  if (x.size() != 4 || w.size() != 4) {
    reject("{}: shapes {} and {} must be [N, C, H, W] and [O, C/groups, R, S]", names, to_string(x), to_string(w));
  }
  if (x[1] != w[1] * c.groups) {
    reject("{}: {} channels, but {} groups of {} channels in {}", names, x[1], c.groups, w[1], to_string(w));
  }
  if (w[0] % c.groups != 0) reject("{}: {} kernels do not make {} groups", names, w[0], c.groups);
  return {x[0], w[0], output_extent(c, 0, x[2], w[2]), output_extent(c, 1, x[3], w[3])};
}

std::string names(Operands inputs) {
  return inputs[0].name + ", " + inputs[1].name;
}

std::vector<Tensor> conv2d_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 2, 2);
  const Format format = result_format(inputs[0], inputs[1]);
  return {made(convolved(read(attributes), names(inputs), inputs[0].shape, inputs[1].shape), format)};
}
std::vector<Tensor> dgrad_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 2, 2);
  const Format format = result_format(inputs[0], inputs[1]);
  const Shape& shape = integers(attributes, "shape");
  const Shape dy = convolved(read(attributes), names(inputs), shape, inputs[1].shape);
  if (dy != inputs[0].shape) {
    reject("{} must be {}, the shape of the convolution of {} with {}", describe(inputs[0]), to_string(dy),
           to_string(shape), describe(inputs[1]));
  }
  return {made(shape, format)};
}
std::vector<Tensor> wgrad_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 2, 2);
  const Format format = result_format(inputs[0], inputs[1]);
  const Shape& shape = integers(attributes, "shape");
  const Shape dy = convolved(read(attributes), names(inputs), inputs[0].shape, shape);
  if (dy != inputs[1].shape) {
    reject("{} must be {}, the shape of the convolution of {} with {}", describe(inputs[1]), to_string(dy),
           describe(inputs[0]), to_string(shape));
  }
  return {made(shape, format)};
}

Attributes with_shape(const Op& op, const Shape& shape) {
  Attributes attributes;
  for (const char* key : {"stride", "padding", "dilation", "groups"}) attributes[key] = op.attributes.at(key);
  attributes["shape"] = shape;
  return attributes;
}

std::vector<TensorId> conv2d_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  const TensorId x = op.inputs[0], w = op.inputs[1];
  const TensorId dy = in_format_of(graph, x, outputs[0]);
  TensorId dx = -1, dw = -1;
  if (wanted[0]) {
    dx = append(graph, OpKind::conv2d_dgrad, gradient_name(graph, x), {dy, w}, with_shape(op, graph.tensor(x).shape));
  }
  if (wanted[1]) {
    dw = append(graph, OpKind::conv2d_wgrad, gradient_name(graph, w), {x, dy}, with_shape(op, graph.tensor(w).shape));
  }
  return {dx, dw};
}

/// A transposed convolution: with g the gradient of its output, the gradient of its input is conv2d(g, w), that of w
/// the wgrad in which g stands for the input.
std::vector<TensorId> dgrad_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  const TensorId dy = op.inputs[0], w = op.inputs[1];
  const TensorId g = in_format_of(graph, dy, outputs[0]);
  TensorId of_input = -1, of_weight = -1;
  if (wanted[0]) {
    Attributes attributes = with_shape(op, {});
    attributes.erase("shape");
    of_input = append(graph, OpKind::conv2d, gradient_name(graph, dy), {g, w}, attributes);
  }
  if (wanted[1]) {
    of_weight =
        append(graph, OpKind::conv2d_wgrad, gradient_name(graph, w), {g, dy}, with_shape(op, graph.tensor(w).shape));
  }
  return {of_input, of_weight};
}

const Attributes convolution_defaults = {{"stride", std::vector<std::int64_t>{1, 1}},
                                         {"padding", std::vector<std::int64_t>{0, 0}},
                                         {"dilation", std::vector<std::int64_t>{1, 1}},
                                         {"groups", std::int64_t{1}}};

}  // namespace

std::vector<OpDefinition> contractions() {
  const Attributes& defaults = convolution_defaults;
  return {
      {OpKind::matmul,
       "matmul",
       Family::contraction,
       {},
       {{"transpose_a", false}, {"transpose_b", false}},
       matmul_result,
       {},
       matmul_gradient},
      {OpKind::conv2d, "conv2d", Family::contraction, {}, defaults, conv2d_result, {}, conv2d_gradient},
      {OpKind::conv2d_dgrad,
       "conv2d_dgrad",
       Family::contraction,
       {"shape"},
       defaults,
       dgrad_result,
       {},
       dgrad_gradient},
      {OpKind::conv2d_wgrad, "conv2d_wgrad", Family::contraction, {"shape"}, defaults, wgrad_result, {}, {}},
  };
}

}  // namespace triad::graph::ops
