"""Convolutions, normalisations, pooling; products in bf16 and fp16."""

import torch
from torch import nn
from torch.nn import functional as F

from cases import SGD, Case, classes, modules, randn


def convolution_cases():
    def residual(net, x):
        y = F.relu(net["bn1"](net["conv1"](x)))
        y = net["bn2"](net["conv2"](y)) + net["down"](x)
        return net["fc"](F.max_pool2d(F.relu(y), 3, 2, 1).mean((2, 3)))

    yield Case("residual", """
input: {shape: [4, 3, 9, 7]}
layers:
  - {type: conv2d, name: conv1, out_channels: 6, kernel: 3, stride: 2, padding: 1, bias: false}
  - {type: batch_norm, name: bn1}
  - {type: relu}
  - {type: conv2d, name: conv2, out_channels: 4, kernel: [3, 1], padding: [1, 0], groups: 2, bias: false}
  - {type: batch_norm, name: bn2, momentum: 0.3, epsilon: 0.001}
  - {type: conv2d, name: down, from: input, out_channels: 4, kernel: 1, stride: 2}
  - {type: add, name: sum, from: [bn2, down]}
  - {type: relu}
  - {type: max_pool, kernel: 3, stride: 2, padding: 1}
  - {type: global_average_pool}
  - {type: linear, name: fc, out_features: 5}
loss: cross_entropy
optimizer: {type: sgd, learning_rate: 0.1, momentum: 0.9, weight_decay: 0.01}
""", lambda: modules(conv1=nn.Conv2d(3, 6, 3, 2, 1, bias=False), bn1=nn.BatchNorm2d(6),
                     conv2=nn.Conv2d(6, 4, (3, 1), 1, (1, 0), groups=2, bias=False),
                     bn2=nn.BatchNorm2d(4, eps=0.001, momentum=0.3), down=nn.Conv2d(3, 4, 1, 2), fc=nn.Linear(4, 5)),
               lambda net, d, s: F.cross_entropy(residual(net, d["x"]), d["y"]),
               lambda: {"x": randn(4, 3, 9, 7), "y": classes(5, 4)},
               lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01))

    yield Case("generator", """
input: {shape: [2, 6, 4, 3]}
layers:
  - {type: conv_transpose2d, name: up1, out_channels: 8, kernel: [4, 3], stride: 2, padding: 1, output_padding: [1, 0], groups: 2}
  - {type: group_norm, name: gn, groups: 4}
  - {type: silu}
  - {type: upsample, scale: [2, 3]}
  - {type: conv2d, name: conv, out_channels: 3, kernel: 3, dilation: 2, padding: 2}
  - {type: tanh}
loss: mse
""" + SGD, lambda: modules(up1=nn.ConvTranspose2d(6, 8, (4, 3), 2, 1, (1, 0), groups=2), gn=nn.GroupNorm(4, 8),
                           conv=nn.Conv2d(8, 3, 3, 1, 2, 2)),
               lambda net, d, s: F.mse_loss(torch.tanh(net["conv"](F.interpolate(F.silu(net["gn"](net["up1"](d["x"]))),
                                                                                 scale_factor=(2, 3)))), d["y"]),
               lambda: {"x": randn(2, 6, 4, 3), "y": randn(2, 3, 18, 15)})

    yield Case("one_dimension", """
input: {shape: [2, 4, 17]}
layers:
  - {type: conv1d, name: conv, out_channels: 6, kernel: 5, stride: 2, padding: 2, dilation: 1, groups: 2}
  - {type: batch_norm, name: bn}
  - {type: leaky_relu, slope: 0.2}
  - {type: max_pool, kernel: 2}
  - {type: conv_transpose1d, name: up, out_channels: 4, kernel: 4, stride: 3, padding: 1, output_padding: 2}
  - {type: average_pool, kernel: 3, stride: 2, padding: 1, include_padding: false}
  - {type: adaptive_average_pool, size: 5}
loss: mse
""" + SGD, lambda: modules(conv=nn.Conv1d(4, 6, 5, 2, 2, groups=2), bn=nn.BatchNorm1d(6), up=nn.ConvTranspose1d(6, 4, 4, 3, 1, 2)),
               lambda net, d, s: F.mse_loss(F.adaptive_avg_pool1d(F.avg_pool1d(
                   net["up"](F.max_pool1d(F.leaky_relu(net["bn"](net["conv"](d["x"])), 0.2), 2)), 3, 2, 1,
                   count_include_pad=False), 5), d["y"]),
               lambda: {"x": randn(2, 4, 17), "y": randn(2, 4, 5)})

    yield Case("adaptive", """
input: {shape: [2, 3, 7, 10]}
layers:
  - {type: conv2d, name: conv, out_channels: 4, kernel: 1}
  - {type: adaptive_average_pool, name: uneven, size: [3, 4]}
  - {type: adaptive_average_pool, name: even, from: conv, size: [7, 5]}
  - {type: adaptive_average_pool, name: more, from: conv, size: [9, 10]}
  - {type: flatten, name: a, from: uneven}
  - {type: flatten, name: b, from: even}
  - {type: flatten, name: c, from: more}
  - {type: concat, from: [a, b, c]}
  - {type: linear, name: fc, out_features: 3}
loss: mse
optimizer: {type: sgd, learning_rate: 0.001}
""", lambda: modules(conv=nn.Conv2d(3, 4, 1), fc=nn.Linear(4 * (12 + 35 + 90), 3)),
               lambda net, d, s: F.mse_loss(net["fc"](torch.cat(
                   [F.adaptive_avg_pool2d(net["conv"](d["x"]), size).flatten(1) for size in ((3, 4), (7, 5), (9, 10))], 1)),
                   d["y"]),
               lambda: {"x": randn(2, 3, 7, 10), "y": randn(2, 3)},
               lambda parameters: torch.optim.SGD(parameters, lr=0.001))


class Rounded(torch.autograd.Function):
    """A bilinear function whose operands, forward and backward, are rounded to a format and multiplied in fp32: what
    `precision` means."""

    @staticmethod
    def forward(context, function, dtype, a, b):
        a, b = a.to(dtype).float(), b.to(dtype).float()
        context.function, context.dtype = function, dtype
        context.save_for_backward(a, b)
        return function(a, b)

    @staticmethod
    def backward(context, gradient):
        with torch.enable_grad():
            a, b = (operand.detach().requires_grad_() for operand in context.saved_tensors)
            result = context.function(a, b)
        rounded = gradient.to(context.dtype).float()
        return (None, None, *torch.autograd.grad(result, (a, b), rounded))


def precision_cases():
    def linear(layer, x, dtype):
        return Rounded.apply(lambda a, b: a @ b.T, dtype, x.flatten(0, -2), layer.weight).reshape(
            *x.shape[:-1], -1) + layer.bias

    def convolve(layer, x, dtype):
        transposed = isinstance(layer, nn.ConvTranspose2d)
        function = F.conv_transpose2d if transposed else F.conv2d
        keys = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups}
        return Rounded.apply(lambda a, b: function(a, b, **keys), dtype, x, layer.weight) + layer.bias[:, None, None]

    def network(net, x, dtype):
        y = F.relu(net["bn"](convolve(net["conv1"], x, dtype)))
        y = torch.tanh(convolve(net["up"], convolve(net["conv2"], y, dtype), dtype))
        return linear(net["fc"], y.mean((2, 3)), dtype)

    for dtype, word, scale in ((torch.bfloat16, "bf16", 1), (torch.float16, "fp16", 1024)):
        yield Case(word + "_cnn", """
input: {shape: [3, 2, 7, 7]}
layers:
  - {type: conv2d, name: conv1, out_channels: 8, kernel: 3, stride: 2, padding: 1}
  - {type: batch_norm, name: bn}
  - {type: relu}
  - {type: conv2d, name: conv2, out_channels: 8, kernel: 3, padding: 1, groups: 8}
  - {type: conv_transpose2d, name: up, out_channels: 5, kernel: 2, stride: 2}
  - {type: tanh}
  - {type: global_average_pool}
  - {type: linear, name: fc, out_features: 4}
loss: cross_entropy
optimizer: {type: sgd, learning_rate: 0.1}
precision: """ + word + f"\nloss_scale: {scale}\n",
                   lambda: modules(conv1=nn.Conv2d(2, 8, 3, 2, 1), bn=nn.BatchNorm2d(8),
                                   conv2=nn.Conv2d(8, 8, 3, 1, 1, groups=8), up=nn.ConvTranspose2d(8, 5, 2, 2),
                                   fc=nn.Linear(5, 4)),
                   lambda net, d, s, dtype=dtype: F.cross_entropy(network(net, d["x"], dtype), d["y"]),
                   lambda: {"x": randn(3, 2, 7, 7), "y": classes(4, 3)}, steps=5, loss_scale=scale)

    def attend(net, x, dtype):
        batch, length, width = x.shape
        qkv = (Rounded.apply(lambda a, b: a @ b.T, dtype, x.flatten(0, 1), net.in_proj_weight) + net.in_proj_bias)
        q, k, v = (part.reshape(batch, length, 2, width // 2).transpose(1, 2)
                   for part in qkv.reshape(batch, length, 3 * width).chunk(3, 2))
        scores = Rounded.apply(lambda a, b: a @ b.transpose(2, 3), dtype, q * (width // 2) ** -0.5, k)
        context = Rounded.apply(lambda a, b: a @ b, dtype, F.softmax(scores, 3), v)
        return linear(net.out_proj, context.transpose(1, 2).reshape(batch, length, width), dtype)

    yield Case("bf16_attention", """
input: {shape: [2, 5, 8]}
layers:
  - {type: multi_head_attention, name: a, heads: 2}
  - {type: linear, name: fc, out_features: 3}
loss: mse
precision: bf16
""" + SGD, lambda: modules(a=nn.MultiheadAttention(8, 2, batch_first=True), fc=nn.Linear(8, 3)),
               lambda net, d, s: F.mse_loss(linear(net["fc"], attend(net["a"], d["x"], torch.bfloat16), torch.bfloat16),
                                            d["y"]),
               lambda: {"x": randn(2, 5, 8), "y": randn(2, 5, 3)}, steps=5)
