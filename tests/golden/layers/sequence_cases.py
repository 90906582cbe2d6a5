"""Recurrent layers and attention."""

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from cases import SGD, Case, classes, modules, randn


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
