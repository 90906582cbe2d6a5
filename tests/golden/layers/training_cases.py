"""Losses, element-wise layers, optimizers and schedules, dropout."""

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from cases import SGD, Case, classes, modules, randn


def loss_cases():
    def ctc(net, d, lengths):
        logits = net["fc"](torch.tanh(net["conv"](d["x"]).transpose(1, 2)))
        time, most = logits.shape[1], d["y"].shape[1]
        batch = len(logits)
        frames = d["frames"] if lengths else torch.full((batch,), time)
        labels = d["labels"] if lengths else torch.full((batch,), most)
        return F.ctc_loss(logits.log_softmax(2).transpose(0, 1), d["y"], frames, labels)

    def ctc_case(name, extra, lengths, labels):
        data = {"x": randn(4, 3, 12), "y": labels}
        if lengths:
            data |= {"frames": numpy.array([12, 9, 11, 7]), "labels": numpy.array([4, 1, 3, 2])}
        return Case(name, """
input: {shape: [4, 3, 12]}
layers:
  - {type: conv1d, name: conv, out_channels: 8, kernel: 3, padding: 1}
  - {type: transpose, axes: [1, 2]}
  - {type: tanh}
  - {type: linear, name: fc, out_features: 5}
loss: {type: ctc, labels: 4""" + extra + """}
optimizer: {type: sgd, learning_rate: 0.05}
""", lambda: modules(conv=nn.Conv1d(3, 8, 3, padding=1), fc=nn.Linear(8, 5)), lambda net, d, s: ctc(net, d, lengths),
                    lambda: data, lambda parameters: torch.optim.SGD(parameters, lr=0.05))

    yield ctc_case("ctc", "", False, numpy.array([[1, 2, 3, 4], [2, 2, 2, 1], [4, 4, 3, 3], [1, 2, 1, 2]]))
    yield ctc_case("ctc_lengths", ", input_lengths: frames, label_lengths: labels", True,
                   numpy.array([[1, 1, 3, 4], [2, 1, 1, 1], [4, 3, 3, 1], [2, 1, 4, 4]]))

    def several(net, d):
        h = torch.tanh(net["fc1"](d["x"]))
        a = net["a"](h)
        return (F.mse_loss(a, d["y"]) + 0.5 * F.l1_loss(net["b"](h), d["z"])
                + 2 * F.binary_cross_entropy_with_logits(net["c"](h), d["t"]) + 0.25 * F.mse_loss(a, h[:, :2]))

    yield Case("losses", """
input: {shape: [5, 4]}
layers:
  - {type: linear, name: fc1, out_features: 6}
  - {type: tanh, name: h}
  - {type: slice, name: part, from: h, axis: 1, end: 2}
  - {type: linear, name: a, from: h, out_features: 2}
  - {type: linear, name: b, from: h, out_features: 3}
  - {type: linear, name: c, from: h, out_features: 1}
loss:
  - {type: mse, from: a}
  - {type: l1, from: b, target: z, weight: 0.5}
  - {type: bce_with_logits, from: c, target: t, weight: 2}
  - {type: mse, from: a, target: part, weight: 0.25}
""" + SGD, lambda: modules(fc1=nn.Linear(4, 6), a=nn.Linear(6, 2), b=nn.Linear(6, 3), c=nn.Linear(6, 1)),
               lambda net, d, s: several(net, d),
               lambda: {"x": randn(5, 4), "y": randn(5, 2), "z": randn(5, 3),
                        "t": (randn(5, 1) > 0).astype(numpy.float32)})

    yield Case("dense_prediction", """
input: {shape: [2, 3, 4, 5]}
layers:
  - {type: conv2d, name: conv, out_channels: 6, kernel: 3, padding: same}
loss: {type: cross_entropy, axis: 1, ignore_index: 2}
""" + SGD, lambda: modules(conv=nn.Conv2d(3, 6, 3, padding=1)),
               lambda net, d, s: F.cross_entropy(net["conv"](d["x"]), d["y"], ignore_index=2),
               lambda: {"x": randn(2, 3, 4, 5), "y": classes(6, 2, 4, 5)})


def element_wise_cases():
    def unary(net, x):
        x = net["fc"](x)
        parts = [F.relu(x), F.relu6(4 * x), F.leaky_relu(x, 0.3), F.gelu(x), F.gelu(x, approximate="tanh"), F.silu(x),
                 torch.sigmoid(x), torch.tanh(x), torch.exp(x), torch.log(torch.sigmoid(x)), torch.sqrt(torch.sigmoid(x)),
                 torch.erf(x), torch.abs(x), x ** 3, torch.clamp(x, -0.5, 0.25), F.softmax(x, 1), F.log_softmax(x, 0)]
        return torch.stack(parts, 1)

    names = ["relu", "relu6", "leaky_relu, slope: 0.3", "gelu", "gelu, approximate: tanh", "silu", "sigmoid", "tanh", "exp",
             "log", "sqrt", "erf", "absolute", "pow, exponent: 3", "clamp, low: -0.5, high: 0.25", "softmax, axis: 1",
             "log_softmax, axis: 0"]
    layers = "  - {type: linear, name: fc, out_features: 4}\n  - {type: sigmoid, name: s}\n"
    layers += "  - {type: scale, name: four, from: fc, factor: 4}\n"
    for index, text in enumerate(names):
        source = {"relu6": "four", "log": "s", "sqrt": "s"}.get(text, "fc")
        layers += f"  - {{type: {text}, name: v{index}, from: {source}}}\n"
        layers += f"  - {{type: reshape, name: u{index}, from: v{index}, shape: [0, 1, 4]}}\n"
    layers += "  - {type: concat, axis: 1, from: [" + ", ".join(f"u{index}" for index in range(len(names))) + "]}\n"
    yield Case("unary", "input: {shape: [3, 5]}\nlayers:\n" + layers + "loss: mse\n" + SGD,
               lambda: modules(fc=nn.Linear(5, 4)), lambda net, d, s: F.mse_loss(unary(net, d["x"]), d["y"]),
               lambda: {"x": randn(3, 5), "y": randn(3, len(names), 4)})

    class Binary(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.gain = nn.Linear(5, 4), nn.Parameter(torch.randn(1, 4))

        def forward(self, x):
            a = self.fc(x)
            b = a * self.gain
            parts = [a + b, a - b, a / (torch.exp(b) + 1), torch.maximum(a, b), torch.minimum(a, self.gain),
                     (a * b * self.gain)]
            y = torch.cat(parts, 1).reshape(3, 4, 6)
            y = F.pad(y.transpose(1, 2), (1, 2, 0, 1), value=0.5)
            return y[:, 1:6:2, -4:].mean(1) + y.amax((0, 2))[:1] + torch.logsumexp(y, 1).sum(1, keepdim=True)

    yield Case("binary", """
input: {shape: [3, 5]}
layers:
  - {type: parameter, name: gain, shape: [1, 4]}
  - {type: linear, name: fc, from: input, out_features: 4}
  - {type: multiply, name: b, from: [fc, gain]}
  - {type: exp, name: e}
  - {type: constant, name: one, shape: [1], value: 1}
  - {type: add, name: e1, from: [e, one]}
  - {type: add, name: p0, from: [fc, b]}
  - {type: subtract, name: p1, from: [fc, b]}
  - {type: divide, name: p2, from: [fc, e1]}
  - {type: maximum, name: p3, from: [fc, b]}
  - {type: minimum, name: p4, from: [fc, gain]}
  - {type: multiply, name: p5, from: [fc, b, gain]}
  - {type: concat, axis: 1, from: [p0, p1, p2, p3, p4, p5]}
  - {type: reshape, shape: [0, 4, -1]}
  - {type: transpose, permutation: [0, 2, 1]}
  - {type: pad, name: y, padding: [1, 2, 0, 1], value: 0.5}
  - {type: slice, axis: 1, begin: 1, end: 6, step: 2}
  - {type: slice, axis: -1, begin: -4}
  - {type: mean, name: m, axes: [1]}
  - {type: max, from: y, axes: [0, 2]}
  - {type: slice, name: top, axis: 0, end: 1}
  - {type: log_sum_exp, from: y, axes: 1}
  - {type: sum, name: total, axes: 1, keep: true}
  - {type: add, from: [m, top, total]}
loss: mse
optimizer: {type: sgd, learning_rate: 0.001}
""", Binary, lambda net, d, s: F.mse_loss(net(d["x"]), d["y"]), lambda: {"x": randn(3, 5), "y": randn(3, 4)},
               lambda parameters: torch.optim.SGD(parameters, lr=0.001))


def optimizer_cases():
    optim, schedule = torch.optim, torch.optim.lr_scheduler
    for name, text, optimizer, schedulers in [
        ("nesterov", "type: sgd, learning_rate: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.05, "
         "schedule: {type: step, step_size: 3, gamma: 0.5}",
         lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05),
         lambda o: [schedule.StepLR(o, 3, 0.5)]),
        ("adam", "type: adam, learning_rate: 0.02, weight_decay: 0.1, betas: [0.8, 0.95], epsilon: 0.0001, "
         "schedule: {type: multi_step, milestones: [2, 5], gamma: 0.3}",
         lambda p: optim.Adam(p, lr=0.02, weight_decay=0.1, betas=(0.8, 0.95), eps=0.0001),
         lambda o: [schedule.MultiStepLR(o, [2, 5], 0.3)]),
        ("adamw", "type: adamw, learning_rate: 0.02, schedule: {type: cosine, steps: 6, minimum: 0.001}",
         lambda p: optim.AdamW(p, lr=0.02), lambda o: [schedule.CosineAnnealingLR(o, 6, 0.001)]),
        ("exponential", "type: adamw, learning_rate: 0.02, weight_decay: 0.2, schedule: {type: exponential, gamma: 0.7}",
         lambda p: optim.AdamW(p, lr=0.02, weight_decay=0.2), lambda o: [schedule.ExponentialLR(o, 0.7)]),
        ("warmup", "type: sgd, learning_rate: 0.1, schedule: [{type: linear_warmup, steps: 4, start_factor: 0.1}, "
         "{type: exponential, gamma: 0.9}]",
         lambda p: optim.SGD(p, lr=0.1),
         lambda o: [schedule.LinearLR(o, 0.1, 1, 4), schedule.ExponentialLR(o, 0.9)]),
    ]:
        yield Case(name, """
input: {shape: [4, 5]}
layers:
  - {type: linear, name: fc1, out_features: 6}
  - {type: layer_norm, name: norm}
  - {type: relu}
  - {type: linear, name: fc2, out_features: 3}
loss: cross_entropy
optimizer: {""" + text + "}", lambda: modules(fc1=nn.Linear(5, 6), norm=nn.LayerNorm(6), fc2=nn.Linear(6, 3)),
                   lambda net, d, s: F.cross_entropy(net["fc2"](F.relu(net["norm"](net["fc1"](d["x"])))), d["y"]),
                   lambda: {"x": randn(4, 5), "y": classes(3, 4)}, optimizer, schedulers, steps=8)


def mix(x):
    """lowbias32, as sim/numerics/random.hpp states it."""
    x = x.astype(numpy.uint32)
    x ^= x >> numpy.uint32(16)
    x = x * numpy.uint32(0x7FEB352D)
    x ^= x >> numpy.uint32(15)
    x = x * numpy.uint32(0x846CA68B)
    x ^= x >> numpy.uint32(16)
    return x


def dropout(x, probability, seed, step):
    index = numpy.arange(x.numel(), dtype=numpy.uint32)
    key = mix(numpy.array([seed], numpy.uint32))
    drawn = (mix(index + mix(numpy.uint32(step) + key)) >> numpy.uint32(8)).astype(numpy.float32) * numpy.float32(2.0**-24)
    kept = torch.from_numpy((drawn >= numpy.float32(probability)).astype(numpy.float32)).reshape(x.shape)
    return x * kept / (1 - probability)


def dropout_cases():
    yield Case("dropout", """
input: {shape: [6, 5]}
layers:
  - {type: linear, name: fc1, out_features: 16}
  - {type: relu}
  - {type: dropout, probability: 0.3, seed: 12345}
  - {type: linear, name: fc2, out_features: 2}
loss: mse
""" + SGD, lambda: modules(fc1=nn.Linear(5, 16), fc2=nn.Linear(16, 2)),
               lambda net, d, s: F.mse_loss(net["fc2"](dropout(F.relu(net["fc1"](d["x"])), 0.3, 12345, s)), d["y"]),
               lambda: {"x": randn(6, 5), "y": randn(6, 2)}, steps=6)
