"""The cases of make.py: a workload in YAML and the same network in PyTorch."""

import numpy
import torch
from torch import nn


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
