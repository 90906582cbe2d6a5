"""Ops over rows: reductions, softmax, normalisation."""

import numpy
import torch

from case import Group

CASES = [
    ((1,), [0]),
    ((13,), [0]),
    ((5, 7), [1]),
    ((5, 7), [0]),
    ((7, 5), [0, 1]),
    ((3, 5, 7), [1]),
    ((3, 5, 7), [0, 2]),
    ((2, 3, 5, 7), [0, 2, 3]),
    ((2, 3, 5, 7), [1, 3]),
    ((1, 1, 530), [2]),
    ((20, 23), [0]),
    ((2, 19, 3, 1), [1]),
]


def kept_shape(shape, axes):
    return [1 if axis in axes else n for axis, n in enumerate(shape)]


def make():
    group = Group("rows", 3)
    for shape, axes in CASES:
        for keep in (False, True):
            attributes = {"axes": axes, "keep": keep}
            for kind, compute in [
                ("reduce_sum", torch.sum),
                ("reduce_mean", torch.mean),
                ("log_sum_exp", torch.logsumexp),
            ]:
                group.case(
                    kind,
                    {"x": group.normal(*shape)},
                    [(kind, "op", ["x"], attributes)],
                    lambda x, f=compute, axes=axes, keep=keep: f(x, axes, keepdim=keep),
                )
            for x in (group.normal(*shape), group.whole(*shape)):  # the second with ties: equal shares
                group.case(
                    "reduce_max",
                    {"x": x},
                    [("reduce_max", "op", ["x"], attributes)],
                    lambda x, axes=axes, keep=keep: torch.amax(x, axes, keepdim=keep),
                )
        flat = lambda x, axes=axes: (lambda n: x - torch.logsumexp(x, axes, keepdim=True))(0)
        for factor in (1, 30):
            x = group.normal(*shape) * numpy.float32(factor)
            group.case("log_softmax", {"x": x}, [("log_softmax", "op", ["x"], {"axes": axes})], flat)
            group.case(
                "softmax", {"x": x}, [("softmax", "op", ["x"], {"axes": axes})], lambda x, f=flat: torch.exp(f(x))
            )
        if numpy.prod([shape[a] for a in axes]) == 1:
            continue  # a variance of nothing: the gradient is rounding errors

        def normalize(x, axes=axes):
            mean = x.mean(axes, keepdim=True)
            variance = x.var(axes, unbiased=False, keepdim=True)
            return [(x - mean) / torch.sqrt(variance + numpy.float64(numpy.float32(1e-5))), mean, variance]

        group.case("normalize", {"x": group.normal(*shape)}, [("normalize", "op", ["x"], {"axes": axes})], normalize)
        group.case(
            "normalize_offset",
            {"x": group.normal(*shape) + numpy.float32(3)},
            [("normalize", "op", ["x"], {"axes": axes, "epsilon": 1e-3})],
            lambda x, axes=axes: [
                (x - x.mean(axes, keepdim=True)) / torch.sqrt(x.var(axes, unbiased=False, keepdim=True) + 1e-3),
                x.mean(axes, keepdim=True),
                x.var(axes, unbiased=False, keepdim=True),
            ],
        )
    return group
