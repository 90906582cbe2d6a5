"""The cases of make.py: a workload in YAML and the same network in PyTorch."""

import numpy
import torch
from torch import nn
from torch.nn import functional as F


class Case:
    """`net` is a module whose parameters have the names of the workload's; `forward(net, data, step)` gives the loss."""

    def __init__(self, name, yaml, net, forward, data, optimizer=None, schedulers=None, steps=3, loss_scale=1):
        self.name, self.yaml, self.steps, self.loss_scale = name, yaml, steps, loss_scale
        self.module, self.loss, self.data = net, forward, data
        self.optimizer = optimizer or (lambda parameters: torch.optim.SGD(parameters, lr=0.1))
        self.schedulers = schedulers or (lambda optimizer: [])


def randn(*shape, seed=1):
    return numpy.random.default_rng(seed + sum(shape)).standard_normal(shape).astype(numpy.float32)


def classes(count, *shape, seed=2):
    return numpy.random.default_rng(seed + sum(shape)).integers(0, count, shape).astype(numpy.int64)


def modules(**members):
    return nn.ModuleDict(members)


SGD = "optimizer: {type: sgd, learning_rate: 0.1}"


def recurrent_cases():
    def lstm():
        return modules(rnn=nn.LSTM(4, 3, num_layers=2, bidirectional=True, batch_first=True), fc=nn.Linear(6, 2))

    yield Case("lstm", """
input: {shape: [3, 5, 4]}
layers:
  - {type: lstm, name: rnn, hidden: 3, layers: 2, bidirectional: true}
  - {type: linear, name: fc, out_features: 2}
loss: mse
""" + SGD, lstm, lambda net, d, s: F.mse_loss(net["fc"](net["rnn"](d["x"])[0]), d["y"]),
               lambda: {"x": randn(3, 5, 4), "y": randn(3, 5, 2)})

    yield Case("lstm_last", """
inputs: {tokens: {shape: [4, 7], classes: 11}}
layers:
  - {type: embedding, name: embed, classes: 11, width: 5}
  - {type: lstm, name: rnn, hidden: 6}
  - {type: linear, name: fc, from: rnn.hidden, out_features: 3}
loss: cross_entropy
optimizer: {type: adam, learning_rate: 0.01}
""", lambda: modules(embed=nn.Embedding(11, 5), rnn=nn.LSTM(5, 6, batch_first=True), fc=nn.Linear(6, 3)),
               lambda net, d, s: F.cross_entropy(net["fc"](net["rnn"](net["embed"](d["tokens"]))[1][0][-1]), d["y"]),
               lambda: {"tokens": classes(11, 4, 7), "y": classes(3, 4)},
               lambda parameters: torch.optim.Adam(parameters, lr=0.01))

    yield Case("gru", """
input: {shape: [2, 6, 3]}
layers:
  - {type: gru, name: rnn, hidden: 4, layers: 2, bidirectional: true}
  - {type: linear, name: fc, out_features: 2}
loss: mse
""" + SGD, lambda: modules(rnn=nn.GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True), fc=nn.Linear(8, 2)),
               lambda net, d, s: F.mse_loss(net["fc"](net["rnn"](d["x"])[0]), d["y"]),
               lambda: {"x": randn(2, 6, 3), "y": randn(2, 6, 2)})

    yield Case("gru_without_bias", """
input: {shape: [2, 4, 3]}
layers:
  - {type: gru, name: rnn, hidden: 5, bias: false}
  - {type: select, axis: 1, index: -1}
  - {type: linear, name: fc, out_features: 2}
loss: l1
""" + SGD, lambda: modules(rnn=nn.GRU(3, 5, bias=False, batch_first=True), fc=nn.Linear(5, 2)),
               lambda net, d, s: F.l1_loss(net["fc"](net["rnn"](d["x"])[0][:, -1]), d["y"]),
               lambda: {"x": randn(2, 4, 3), "y": randn(2, 2)})


def padding(batch, length):
    mask = numpy.ones((batch, length), numpy.float32)
    for row in range(batch):
        mask[row, length - row % length:] = 0
    return mask


def attention_cases():
    def attend(net, q, k, v, mask=None, causal=False):
        ignored = None if mask is None else mask == 0
        forbidden = torch.triu(torch.ones(q.shape[1], k.shape[1], dtype=torch.bool), 1) if causal else None
        return net(q, k, v, key_padding_mask=ignored, attn_mask=forbidden, need_weights=False)[0]

    yield Case("attention", """
inputs: {x: {shape: [3, 5, 8]}, mask: {shape: [3, 5]}}
layers:
  - {type: multi_head_attention, name: a, heads: 2, causal: true, mask: mask}
  - {type: multi_head_attention, name: b, heads: 4, from: [a, x], mask: mask}
  - {type: multi_head_attention, name: c, heads: 1, from: [b, x, a], bias: false}
loss: mse
""" + SGD, lambda: modules(a=nn.MultiheadAttention(8, 2, batch_first=True), b=nn.MultiheadAttention(8, 4, batch_first=True),
                           c=nn.MultiheadAttention(8, 1, bias=False, batch_first=True)),
               lambda net, d, s: F.mse_loss((lambda a: attend(net["c"], attend(net["b"], a, d["x"], d["x"], d["mask"]),
                                                              d["x"], a))(
                   attend(net["a"], d["x"], d["x"], d["x"], d["mask"], True)), d["y"]),
               lambda: {"x": randn(3, 5, 8), "mask": padding(3, 5), "y": randn(3, 5, 8)})

    def encoder(net, x, mask, causal=False):
        forbidden = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1) if causal else None
        return net(x, src_mask=forbidden, src_key_padding_mask=mask == 0)

    yield Case("encoder", """
inputs: {x: {shape: [3, 6, 8]}, mask: {shape: [3, 6]}}
layers:
  - {type: transformer_encoder_layer, name: after, heads: 2, feed_forward: 12, mask: mask}
  - {type: transformer_encoder_layer, name: before, heads: 4, feed_forward: 10, activation: gelu, norm_first: true, mask: mask, causal: true}
loss: mse
""" + SGD, lambda: modules(after=nn.TransformerEncoderLayer(8, 2, 12, 0, batch_first=True),
                           before=nn.TransformerEncoderLayer(8, 4, 10, 0, "gelu", batch_first=True, norm_first=True)),
               lambda net, d, s: F.mse_loss(encoder(net["before"], encoder(net["after"], d["x"], d["mask"]), d["mask"], True),
                                            d["y"]),
               lambda: {"x": randn(3, 6, 8), "mask": padding(3, 6), "y": randn(3, 6, 8)})

    def decoder(net, x, memory, mask, memory_mask):
        forbidden = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
        return net(x, memory, tgt_mask=forbidden, tgt_key_padding_mask=mask == 0, memory_key_padding_mask=memory_mask == 0)

    yield Case("decoder", """
inputs: {x: {shape: [2, 4, 6]}, memory: {shape: [2, 7, 6]}, mask: {shape: [2, 4]}, memory_mask: {shape: [2, 7]}}
layers:
  - {type: transformer_decoder_layer, name: d, from: [x, memory], heads: 3, feed_forward: 9, mask: mask, memory_mask: memory_mask}
loss: mse
""" + SGD, lambda: modules(d=nn.TransformerDecoderLayer(6, 3, 9, 0, batch_first=True)),
               lambda net, d, s: F.mse_loss(decoder(net["d"], d["x"], d["memory"], d["mask"], d["memory_mask"]), d["y"]),
               lambda: {"x": randn(2, 4, 6), "memory": randn(2, 7, 6), "mask": padding(2, 4), "memory_mask": padding(2, 7),
                        "y": randn(2, 4, 6)})

    class Language(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe = nn.Embedding(13, 8), nn.Embedding(9, 8)
            self.h = nn.ModuleList(nn.TransformerEncoderLayer(8, 2, 16, 0, "gelu", batch_first=True, norm_first=True)
                                   for _ in range(2))
            self.ln_f = nn.LayerNorm(8)

        def forward(self, tokens):
            length = tokens.shape[1]
            x = self.wte(tokens) + self.wpe.weight[:length]
            forbidden = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
            for layer in self.h:
                x = layer(x, src_mask=forbidden)
            return self.ln_f(x) @ self.wte.weight.T

    yield Case("language", """
inputs: {tokens: {shape: [2, 6], classes: 13}}
layers:
  - {type: embedding, name: wte, classes: 13, width: 8}
  - {type: position_embedding, name: wpe, length: 9}
  - {repeat: 2, name: h, type: transformer_encoder_layer, heads: 2, feed_forward: 16, activation: gelu, norm_first: true, causal: true}
  - {type: layer_norm, name: ln_f}
  - {type: linear, name: head, out_features: 13, bias: false, share: wte}
loss: {type: cross_entropy, ignore_index: -100}
optimizer: {type: sgd, learning_rate: 0.05, momentum: 0.5}
""", Language, lambda net, d, s: F.cross_entropy(net(d["tokens"]).flatten(0, 1), d["y"].flatten()),
               lambda: {"tokens": classes(13, 2, 6), "y": numpy.where(classes(4, 2, 6) == 0, -100, classes(13, 2, 6, seed=5))},
               lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.5))


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


def all_cases():
    for group in (recurrent_cases, attention_cases, convolution_cases, loss_cases, element_wise_cases, optimizer_cases,
                  dropout_cases, precision_cases):
        yield from group()
