#!/usr/bin/python3
"""Makes the goldens of the zoo: what PyTorch gets for minis of configs/workloads.

    /usr/bin/python3 tests/golden/zoo/make.py          (Debian's python3-torch and python3-numpy)

resnet-50-mini (convolutions, batch norm, max pooling, residuals), bert-base-mini (embeddings, layer norm, attention, GELU) and
lstm-sentiment-mini (an unrolled LSTM) stand here, product by product, for bf16; others are modules of torch.nn (modules.py) in fp32.
Writes beside itself, for each NAME:

    NAME.data.npz                   inputs and targets, drawn from NumPy's generator
    NAME.init.npz                   initial parameters by their state-dict names
    NAME.fp32.npz, NAME.bf16.npz    `loss` of every step, the final parameters (of the first three), and the spread of each: how
                                    far PyTorch itself comes off when the initial parameters change in their last bit

The spread of a loss is relative; that of a parameter, one number, is relative to its largest magnitude; both are the largest of
eight perturbations by up to 1e-7. In bf16 a sum that differs in its last bit can round to the neighbouring bf16 value, 2^-8 away;
where batch norm divides by a small deviation that grows from step to step. Adam makes a step of learning_rate out of a gradient
that is zero but for rounding (the keys' bias in attention). A test allows a small multiple of the spread.


A test gives the first two to the simulator as `data:` and `initial:`. Nothing of the simulator runs here. Sizes and optimizers
stand here a second time on purpose: a change of a workload's file that changes what is computed must show.

bf16 is what the simulator means by it: both operands of every product, in forward and backward pass, are rounded to bf16;
products are accumulated in fp32; everything else is fp32.
"""

import math
import pathlib

import modules
import numpy
import torch
from torch.nn import functional

FOLDER = pathlib.Path(__file__).parent


def rounded(x):
    return x.bfloat16().float()


class RoundedProduct(torch.autograd.Function):
    """a @ b of the last two axes, operands rounded to bf16; b may lack the leading axes of a."""

    @staticmethod
    def forward(context, a, b):
        a, b = rounded(a), rounded(b)
        context.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(context, gradient):
        a, b = context.saved_tensors
        gradient = rounded(gradient)
        return gradient @ b.transpose(-1, -2), a.transpose(-1, -2) @ gradient


class RoundedConvolution(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight, stride, padding):
        x, weight = rounded(x), rounded(weight)
        context.save_for_backward(x, weight)
        context.how = {"stride": stride, "padding": padding}
        return functional.conv2d(x, weight, **context.how)

    @staticmethod
    def backward(context, gradient):
        x, weight = context.saved_tensors
        gradient = rounded(gradient)
        return (
            torch.nn.grad.conv2d_input(x.shape, weight, gradient, **context.how),
            torch.nn.grad.conv2d_weight(x, weight.shape, gradient, **context.how),
            None,
            None,
        )


class Network:
    """Parameters by name and what is made of them."""

    def __init__(self, name, bf16, generator):
        self.name, self.bf16, self.generator, self.parameters = name, bf16, generator, {}

    def parameter(self, name, shape, bound):
        values = self.generator.uniform(-bound, bound, shape).astype(numpy.float32)
        self.parameters[name] = torch.nn.Parameter(torch.from_numpy(values))

    def ones_and_zeros(self, name, width):
        """Weight and bias of a normalisation."""
        self.parameters[name + ".weight"] = torch.nn.Parameter(torch.ones(width))
        self.parameters[name + ".bias"] = torch.nn.Parameter(torch.zeros(width))

    def product(self, a, b):
        return RoundedProduct.apply(a, b) if self.bf16 else a @ b

    def linear(self, x, name):
        weight, bias = self.parameters[name + "weight"], self.parameters[name + "bias"]
        rows = x.reshape(-1, x.shape[-1])
        return (self.product(rows, weight.T) + bias).reshape(*x.shape[:-1], -1)

    def convolution(self, x, name, stride=1, padding=0):
        weight = self.parameters[name + ".weight"]
        if self.bf16:
            return RoundedConvolution.apply(x, weight, stride, padding)
        return functional.conv2d(x, weight, stride=stride, padding=padding)

    def batch_norm(self, x, name):
        weight, bias = self.parameters[name + ".weight"], self.parameters[name + ".bias"]
        return functional.batch_norm(x, None, None, weight, bias, training=True, eps=1e-5)

    def layer_norm(self, x, name):
        weight, bias = self.parameters[name + ".weight"], self.parameters[name + ".bias"]
        return functional.layer_norm(x, x.shape[-1:], weight, bias, eps=1e-12)


class ResNet(Network):
    """Two kinds of bottleneck block, as torchvision names them."""

    batch, classes, steps = 8, 10, 8

    def __init__(self, bf16, generator):
        super().__init__("resnet-50-mini", bf16, generator)
        self.convolutional("conv1", 3, 8, 3)
        self.ones_and_zeros("bn1", 8)
        self.block("layer1.0", 8, 4, 16, True)
        self.block("layer1.1", 16, 4, 16, False)
        self.block("layer2.0", 16, 8, 32, True)
        self.parameter("fc.weight", (10, 32), 1 / math.sqrt(32))
        self.parameter("fc.bias", (10,), 1 / math.sqrt(32))

    def convolutional(self, name, inputs, outputs, kernel):
        shape = (outputs, inputs, kernel, kernel)
        self.parameter(name + ".weight", shape, 1 / math.sqrt(inputs * kernel * kernel))

    def block(self, name, inputs, width, outputs, projected):
        for i, (a, b, kernel) in enumerate(((inputs, width, 1), (width, width, 3), (width, outputs, 1)), 1):
            self.convolutional(f"{name}.conv{i}", a, b, kernel)
            self.ones_and_zeros(f"{name}.bn{i}", b)
        if projected:
            self.convolutional(name + ".downsample.0", inputs, outputs, 1)
            self.ones_and_zeros(name + ".downsample.1", outputs)

    def bottleneck(self, x, name, stride):
        y = functional.relu(self.batch_norm(self.convolution(x, name + ".conv1"), name + ".bn1"))
        y = functional.relu(self.batch_norm(self.convolution(y, name + ".conv2", stride, 1), name + ".bn2"))
        y = self.batch_norm(self.convolution(y, name + ".conv3"), name + ".bn3")
        if name + ".downsample.0.weight" in self.parameters:
            x = self.batch_norm(self.convolution(x, name + ".downsample.0", stride), name + ".downsample.1")
        return functional.relu(y + x)

    def data(self):
        return {
            "x": self.generator.standard_normal((self.batch, 3, 8, 8)).astype(numpy.float32),
            "y": self.generator.integers(0, self.classes, self.batch).astype(numpy.int32),
        }

    def loss(self, data):
        x = functional.relu(self.batch_norm(self.convolution(data["x"], "conv1", 1, 1), "bn1"))
        x = functional.max_pool2d(x, 3, 2, 1)
        x = self.bottleneck(x, "layer1.0", 1)
        x = self.bottleneck(x, "layer1.1", 1)
        x = self.bottleneck(x, "layer2.0", 2)
        return functional.cross_entropy(self.linear(x.mean((2, 3)), "fc."), data["y"].long())

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, lr=0.02, momentum=0.9, weight_decay=1e-4)


class Bert(Network):
    """Encoder layers that normalise after each part, by the names of torch.nn.TransformerEncoderLayer."""

    batch, length, vocabulary, width, heads, feed_forward, classes, layers, steps = 4, 8, 32, 16, 2, 32, 4, 2, 8

    def __init__(self, bf16, generator):
        super().__init__("bert-base-mini", bf16, generator)
        w = self.width
        self.parameter("embeddings.word_embeddings.weight", (self.vocabulary, w), math.sqrt(3))
        self.parameter("embeddings.position_embeddings.weight", (self.length, w), math.sqrt(3))
        self.parameter("embeddings.token_type_embeddings.weight", (2, w), math.sqrt(3))
        self.ones_and_zeros("embeddings.LayerNorm", w)
        for i in range(self.layers):
            name = f"encoder.layers.{i}."
            self.dense(name + "self_attn.in_proj_", w, 3 * w)
            self.dense(name + "self_attn.out_proj.", w, w)
            self.dense(name + "linear1.", w, self.feed_forward)
            self.dense(name + "linear2.", self.feed_forward, w)
            self.ones_and_zeros(name + "norm1", w)
            self.ones_and_zeros(name + "norm2", w)
        self.dense("pooler.dense.", w, w)
        self.dense("classifier.", w, self.classes)

    def dense(self, name, inputs, outputs):
        self.parameter(name + "weight", (outputs, inputs), 1 / math.sqrt(inputs))
        self.parameter(name + "bias", (outputs,), 1 / math.sqrt(inputs))

    def attention(self, x, name):
        def split(part):  # [batch, heads, length, width / heads]
            return part.reshape(self.batch, self.length, self.heads, -1).transpose(1, 2)

        q, k, v = (split(part) for part in self.linear(x, name + "in_proj_").split(self.width, -1))
        q = q * (1 / math.sqrt(self.width / self.heads))  # before the product, as torch.nn.MultiheadAttention
        scores = self.product(q, k.transpose(-1, -2))
        mixed = self.product(scores.softmax(-1), v).transpose(1, 2).reshape(x.shape)
        return self.linear(mixed, name + "out_proj.")

    def data(self):
        return {
            "tokens": self.generator.integers(0, self.vocabulary, (self.batch, self.length)).astype(numpy.int32),
            "segments": self.generator.integers(0, 2, (self.batch, self.length)).astype(numpy.int32),
            "y": self.generator.integers(0, self.classes, self.batch).astype(numpy.int32),
        }

    def loss(self, data):
        p = self.parameters
        x = p["embeddings.word_embeddings.weight"][data["tokens"].long()]
        x = x + p["embeddings.position_embeddings.weight"]
        x = x + p["embeddings.token_type_embeddings.weight"][data["segments"].long()]
        x = self.layer_norm(x, "embeddings.LayerNorm")
        for i in range(self.layers):
            name = f"encoder.layers.{i}."
            x = self.layer_norm(x + self.attention(x, name + "self_attn."), name + "norm1")
            fed = self.linear(functional.gelu(self.linear(x, name + "linear1.")), name + "linear2.")
            x = self.layer_norm(x + fed, name + "norm2")
        pooled = torch.tanh(self.linear(x[:, 0], "pooler.dense."))
        return functional.cross_entropy(self.linear(pooled, "classifier."), data["y"].long())

    def optimizer(self, parameters):
        return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.01)


class Lstm(Network):
    """torch.nn.LSTM's definition, gates in its order: input, forget, cell, output."""

    batch, length, vocabulary, width, hidden, steps = 4, 6, 32, 8, 8, 10

    def __init__(self, bf16, generator):
        super().__init__("lstm-sentiment-mini", bf16, generator)
        bound = 1 / math.sqrt(self.hidden)
        self.parameter("embedding.weight", (self.vocabulary, self.width), math.sqrt(3))
        self.parameter("lstm.weight_ih_l0", (4 * self.hidden, self.width), bound)
        self.parameter("lstm.weight_hh_l0", (4 * self.hidden, self.hidden), bound)
        self.parameter("lstm.bias_ih_l0", (4 * self.hidden,), bound)
        self.parameter("lstm.bias_hh_l0", (4 * self.hidden,), bound)
        self.parameter("fc.weight", (1, self.hidden), bound)
        self.parameter("fc.bias", (1,), bound)

    def data(self):
        return {
            "tokens": self.generator.integers(0, self.vocabulary, (self.batch, self.length)).astype(numpy.int32),
            "y": numpy.array([[0], [1], [1], [0]], numpy.float32),
        }

    def loss(self, data):
        p = self.parameters
        x = p["embedding.weight"][data["tokens"].long()]
        h = c = torch.zeros(self.batch, self.hidden)
        for step in range(self.length):
            gates = self.product(x[:, step], p["lstm.weight_ih_l0"].T) + p["lstm.bias_ih_l0"]
            gates = gates + self.product(h, p["lstm.weight_hh_l0"].T) + p["lstm.bias_hh_l0"]
            i, f, g, o = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return functional.binary_cross_entropy_with_logits(self.linear(h, "fc."), data["y"])

    def optimizer(self, parameters):
        return torch.optim.Adam(parameters, lr=0.02)


class OfModules:
    """A module of modules.py with what `Network` has."""

    def __init__(self, kind, generator):
        self.module = kind(generator)
        self.name, self.steps, self.parameters = self.module.name, self.module.steps, self.module.all_parameters()
        self.data, self.loss, self.optimizer = self.module.data, self.module.loss, self.module.optimizer


def numpy_of(network):
    return {name: value.detach().numpy().copy() for name, value in network.parameters.items()}


def train(network, data):
    """The loss of every step."""
    tensors = {name: torch.from_numpy(array) for name, array in data.items()}
    optimizer = network.optimizer([value for value in network.parameters.values() if value.requires_grad])
    losses = []
    for _ in range(network.steps):
        loss = network.loss(tensors)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return numpy.array(losses)


def made(kind, precision, perturbation=None):
    """A network, always the same but for the perturbation of its initial parameters, and its data."""
    generator = numpy.random.Generator(numpy.random.PCG64(3))
    network = kind(precision == "bf16", generator) if issubclass(kind, Network) else OfModules(kind, generator)
    data = network.data()
    if perturbation is not None:
        generator = numpy.random.Generator(numpy.random.PCG64(perturbation))
        with torch.no_grad():
            for parameter in network.parameters.values():
                factors = 1 + 1e-7 * generator.uniform(-1, 1, tuple(parameter.shape))
                parameter.mul_(torch.from_numpy(factors.astype(numpy.float32)))
    return network, data


def golden(kind, precision, keep_weights):
    """Makes the files of one network in one precision."""
    network, data = made(kind, precision)
    numpy.savez_compressed(FOLDER / f"{network.name}.data.npz", **data)
    numpy.savez_compressed(FOLDER / f"{network.name}.init.npz", **numpy_of(network))
    losses = train(network, data)
    weights = numpy_of(network) if keep_weights else {}
    spread = {"spread.loss": numpy.zeros(len(losses))} | {"spread." + name: 0.0 for name in weights}
    for perturbation in range(8):
        other, _ = made(kind, precision, perturbation)
        spread["spread.loss"] = numpy.maximum(spread["spread.loss"], abs(train(other, data) / losses - 1))
        for name in weights:
            error = abs(numpy_of(other)[name] - weights[name]).max() / abs(weights[name]).max()
            spread["spread." + name] = max(spread["spread." + name], float(error))
    arrays = {"loss": losses} | weights | {key: numpy.array(value) for key, value in spread.items()}
    numpy.savez_compressed(FOLDER / f"{network.name}.{precision}.npz", **arrays)
    print(f"{network.name} {precision}: loss {losses[0]:.6f} -> {losses[-1]:.6f}, "
          f"spread of losses {spread['spread.loss'].max():.1e}")


def main():
    torch.set_num_threads(1)
    for kind in (ResNet, Bert, Lstm):
        for precision in ("fp32", "bf16"):
            golden(kind, precision, True)
    for kind in modules.KINDS:
        golden(kind, "fp32", False)


if __name__ == "__main__":
    main()
