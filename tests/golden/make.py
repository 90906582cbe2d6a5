#!/usr/bin/python3
"""Makes the goldens: what PyTorch gets for the workloads of configs/workloads.

    /usr/bin/python3 tests/golden/make.py          (Debian's python3-torch and python3-numpy)

Writes, beside itself, NAME.fp32.npz and NAME.bf16.npz with `loss` (of every step) and the final parameters by their
state-dict names (the mlp's large fc1.weight is left out). Nothing of the simulator runs here: the synthetic data and initial values
are computed again from their definition (sim/workload/random.hpp, data.hpp), so the goldens check the whole road from the
workload file to the last loss.

bf16 is what the simulator means by it: both operands of every product, in forward and backward pass, are rounded to bf16;
products are accumulated in fp32; everything else is fp32.
"""

import pathlib

import numpy
import torch

MASK = (1 << 64) - 1


def mix(z):
    """SplitMix64's output function, on numpy.uint64 arrays (which wrap around)."""
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return z ^ (z >> numpy.uint64(31))


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def uniform(seed, stream, shape, bound):
    """Uniform fp32 values in [-bound, bound)."""
    key = mix(numpy.array([seed], numpy.uint64)) ^ numpy.uint64(fnv1a(stream))
    index = numpy.arange(1, numpy.prod(shape, dtype=numpy.int64) + 1, dtype=numpy.uint64)
    bits = mix(key + index * numpy.uint64(0x9E3779B97F4A7C15))
    unit = (bits >> numpy.uint64(40)).astype(numpy.float32) * numpy.float32(2.0**-23) - numpy.float32(1)
    return (unit * numpy.float32(bound)).reshape(shape)


def synthetic_data(seed, samples, features, outputs, classes):
    x = uniform(seed, "x", (samples, features), numpy.sqrt(numpy.float32(3)))
    teacher = uniform(seed, "teacher", (outputs, features), 1)
    scores = numpy.zeros((samples, outputs))
    for f in range(features):  # in this order, in fp64
        scores += x[:, f : f + 1].astype(numpy.float64) * teacher[:, f].astype(numpy.float64)
    return x, scores.argmax(axis=1) if classes else scores.astype(numpy.float32)


class RoundedLinear(torch.autograd.Function):
    """x Wᵀ with operands rounded to bf16, accumulated in fp32."""

    @staticmethod
    def forward(context, x, weight):
        x, weight = x.bfloat16().float(), weight.bfloat16().float()
        context.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(context, gradient):
        x, weight = context.saved_tensors
        gradient = gradient.bfloat16().float()
        return gradient @ weight, gradient.T @ x


class Linear(torch.nn.Linear):
    """A linear layer with the simulator's synthetic initial values."""

    def __init__(self, name, inputs, outputs, bf16):
        super().__init__(inputs, outputs)
        self.bf16 = bf16
        bound = numpy.float32(1) / numpy.sqrt(numpy.float32(inputs))
        with torch.no_grad():
            self.weight.copy_(torch.from_numpy(uniform(0, name + ".weight", (outputs, inputs), bound)))
            self.bias.copy_(torch.from_numpy(uniform(0, name + ".bias", (outputs,), bound)))

    def forward(self, x):
        return RoundedLinear.apply(x, self.weight) + self.bias if self.bf16 else super().forward(x)


def train(network, data, loss_function, batch, steps, **sgd):
    x, y = (torch.from_numpy(array) for array in data)
    optimizer = torch.optim.SGD(network.parameters(), **sgd)
    losses = []
    for step in range(steps):
        chosen = torch.arange(step * batch, (step + 1) * batch) % len(x)
        loss = loss_function(network(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def networks(bf16):
    """The workloads of configs/workloads: name -> (losses, network)."""
    def sequential(**layers):
        network = torch.nn.Sequential()
        for name, layer in layers.items():
            network.add_module(name, layer)
        return network

    mse, cross_entropy = torch.nn.functional.mse_loss, torch.nn.functional.cross_entropy
    linear = sequential(fc=Linear("fc", 10, 1, bf16))
    yield "linear", linear, train(linear, synthetic_data(0, 32, 10, 1, False), mse, 32, 100, lr=0.01)
    dense = sequential(fc=Linear("fc", 10, 10, bf16), relu=torch.nn.ReLU())
    yield "dense-relu", dense, train(dense, synthetic_data(0, 32, 10, 10, False), mse, 32, 100, lr=0.01)
    mlp = sequential(fc1=Linear("fc1", 784, 256, bf16), relu=torch.nn.ReLU(), fc2=Linear("fc2", 256, 10, bf16))
    yield "mlp", mlp, train(mlp, synthetic_data(0, 1024, 784, 10, True), cross_entropy, 64, 20, lr=0.01, momentum=0.9)


def main():
    torch.set_num_threads(1)
    folder = pathlib.Path(__file__).parent
    for precision in ("fp32", "bf16"):
        for name, network, losses in networks(precision == "bf16"):
            arrays = {"loss": numpy.array(losses)}
            arrays |= {key: value.numpy() for key, value in network.state_dict().items() if value.numel() <= 10000}
            numpy.savez(folder / f"{name}.{precision}.npz", **arrays)
            print(f"{name} {precision}: loss {losses[0]:.6f} -> {losses[-1]:.6f}")


if __name__ == "__main__":
    main()
