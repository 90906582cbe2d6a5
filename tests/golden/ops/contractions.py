"""Matrix products and convolutions."""

import torch
import torch.nn.functional as F

from case import Group


def rounded(tensor, kind):
    return tensor.float().to(kind).double()


class Rounded(torch.autograd.Function):
    """Rounds to a shorter format; the gradient passes."""

    @staticmethod
    def forward(context, x, kind):
        return rounded(x, kind)

    @staticmethod
    def backward(context, gradient):
        return gradient, None


class RoundedGradient(torch.autograd.Function):
    """The gradient that enters a contraction is rounded as its operands are."""

    @staticmethod
    def forward(context, x, kind):
        context.kind = kind
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        return rounded(gradient, context.kind), None


KINDS = {"bf16": torch.bfloat16, "fp16": torch.float16}


def matmuls(group):
    for m, k, n in [(1, 1, 1), (3, 5, 7), (13, 17, 2), (1, 67, 31), (33, 1, 5)]:
        for ta in (False, True):
            for tb in (False, True):
                a = group.normal(k, m) if ta else group.normal(m, k)
                b = group.normal(n, k) if tb else group.normal(k, n)
                group.case(
                    f"matmul_{m}x{k}x{n}",
                    {"a": a, "b": b},
                    [("matmul", "op", ["a", "b"], {"transpose_a": ta, "transpose_b": tb})],
                    lambda a, b, ta=ta, tb=tb: (a.T if ta else a) @ (b.T if tb else b),
                )
    for batch in [(1,), (3,), (2, 3)]:
        for ta, tb in [(False, False), (False, True), (True, False), (True, True)]:
            m, k, n = 5, 11, 3
            a = group.normal(*batch, *((k, m) if ta else (m, k)))
            b = group.normal(*batch, *((n, k) if tb else (k, n)))
            group.case(
                "matmul_batched",
                {"a": a, "b": b},
                [("matmul", "op", ["a", "b"], {"transpose_a": ta, "transpose_b": tb})],
                lambda a, b, ta=ta, tb=tb: (a.transpose(-1, -2) if ta else a) @ (b.transpose(-1, -2) if tb else b),
            )
    for name, kind in KINDS.items():
        casts = [("cast", "a." + name, ["a"], {"format": name}), ("cast", "b." + name, ["b"], {"format": name})]
        group.case(
            "matmul_" + name,
            {"a": group.normal(7, 19), "b": group.normal(5, 19)},
            casts + [("matmul", "op", ["a." + name, "b." + name], {"transpose_b": True})],
            lambda a, b, kind=kind: RoundedGradient.apply(Rounded.apply(a, kind) @ Rounded.apply(b, kind).T, kind),
        )
    for shape in [(3, 5, 7), (2, 3000, 3)]:  # the second does not add up exactly in fp32
        m, k, n = shape
        for ta, tb in [(False, False), (True, True)]:
            a, b = group.bytes(*((k, m) if ta else (m, k))), group.bytes(*((n, k) if tb else (k, n)))
            group.case(
                "matmul_int8",
                {"a": a, "b": b},
                [("matmul", "op", ["a", "b"], {"transpose_a": ta, "transpose_b": tb})],
                lambda a, b, ta=ta, tb=tb: (a.T if ta else a) @ (b.T if tb else b),
                trained=[],
            )


# x [N, C, H, W], kernels O of R x S, stride, padding, dilation, groups
CONVOLUTIONS = [
    ((1, 1, 1, 1), 1, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, 7, 9), 5, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 4, 11, 6), 6, (3, 2), (2, 1), (1, 0), (1, 2), 2),
    ((2, 5, 8, 8), 5, (3, 3), (2, 2), (1, 1), (1, 1), 5),  # depthwise
    ((1, 3, 9, 7), 6, (5, 3), (1, 1), (2, 1), (1, 1), 3),  # depthwise, two kernels a channel
    ((2, 2, 10, 10), 3, (3, 3), (3, 3), (0, 0), (1, 1), 1),
    ((2, 2, 11, 12), 3, (3, 3), (3, 3), (0, 1), (1, 1), 1),  # columns that no window reaches
    ((2, 4, 1, 13), 3, (1, 5), (1, 2), (0, 2), (1, 1), 1),  # one-dimensional
    ((2, 7, 5, 5), 13, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 6, 7, 7), 4, (1, 1), (2, 2), (0, 0), (1, 1), 1),
    ((1, 3, 23, 23), 8, (7, 7), (2, 2), (3, 3), (1, 1), 1),
    ((1, 2, 13, 13), 2, (3, 3), (1, 1), (2, 2), (2, 2), 1),
    ((1, 1, 2, 2), 1, (3, 3), (1, 1), (2, 2), (1, 1), 1),  # more padding than input
    ((3, 16, 6, 6), 32, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 12, 5, 5), 8, (3, 3), (1, 1), (1, 1), (3, 1), 4),
]
CONVOLUTIONS = [
    c for c in CONVOLUTIONS if all(h + 2 * p >= d * (r - 1) + 1 for h, r, p, d in zip(c[0][2:], c[2], c[4], c[5]))
]


def attributes_of(stride, padding, dilation, groups):
    return {"stride": list(stride), "padding": list(padding), "dilation": list(dilation), "groups": groups}


def convolutions(group):
    for x, o, kernel, stride, padding, dilation, groups in CONVOLUTIONS:
        attributes = attributes_of(stride, padding, dilation, groups)
        weights = (o, x[1] // groups, *kernel)
        compute = lambda x, w, a=(stride, padding, dilation, groups): F.conv2d(x, w, None, *a)
        group.case(
            "conv2d",
            {"x": group.normal(*x), "w": group.normal(*weights)},
            [("conv2d", "op", ["x", "w"], attributes)],
            compute,
        )
        # The transposed convolution that goes from this one's result back to its input.
        y = F.conv2d(torch.zeros(x), torch.zeros(weights), None, stride, padding, dilation, groups).shape
        least = [
            (q - 1) * s - 2 * p + d * (r - 1) + 1 for q, s, p, d, r in zip(y[2:], stride, padding, dilation, kernel)
        ]
        extra = [h - l for h, l in zip(x[2:], least)]
        group.case(
            "conv2d_dgrad",
            {"x": group.normal(*y), "w": group.normal(*weights)},
            [("conv2d_dgrad", "op", ["x", "w"], {**attributes, "shape": list(x)})],
            lambda x, w, a=(stride, padding, extra, groups, dilation): F.conv_transpose2d(x, w, None, *a),
        )
    x, o, kernel, stride, padding, dilation, groups = CONVOLUTIONS[2]
    attributes = attributes_of(stride, padding, dilation, groups)
    for name, kind in KINDS.items():
        casts = [("cast", "x." + name, ["x"], {"format": name}), ("cast", "w." + name, ["w"], {"format": name})]
        compute = lambda x, w, kind=kind: RoundedGradient.apply(
            F.conv2d(Rounded.apply(x, kind), Rounded.apply(w, kind), None, stride, padding, dilation, groups), kind
        )
        group.case(
            "conv2d_" + name,
            {"x": group.normal(*x), "w": group.normal(o, x[1] // groups, *kernel)},
            casts + [("conv2d", "op", ["x." + name, "w." + name], attributes)],
            compute,
        )
    exact = CONVOLUTIONS[:5] + [
        ((1, 300, 3, 3), 2, (3, 3), (1, 1), (1, 1), (1, 1), 1),
        ((1, 260, 3, 4), 4, (3, 3), (1, 1), (1, 1), (1, 1), 2),
    ]
    for x, o, kernel, stride, padding, dilation, groups in exact:
        attributes = attributes_of(stride, padding, dilation, groups)
        weights = (o, x[1] // groups, *kernel)
        y = tuple(F.conv2d(torch.zeros(x), torch.zeros(weights), None, stride, padding, dilation, groups).shape)
        a = (stride, padding, dilation, groups)
        group.case(
            "conv2d_int8",
            {"x": group.bytes(*x), "w": group.bytes(*weights)},
            [("conv2d", "op", ["x", "w"], attributes)],
            lambda x, w: F.conv2d(x.double(), w.double(), None, *a).long(),
            trained=[],
        )
        if x[1] > 100:
            continue
        group.case(
            "conv2d_dgrad_int8",
            {"dy": group.bytes(*y), "w": group.bytes(*weights)},
            [("conv2d_dgrad", "op", ["dy", "w"], {**attributes, "shape": list(x)})],
            lambda dy, w: torch.nn.grad.conv2d_input(x, w.double(), dy.double(), *a).long(),
            trained=[],
        )

        def wgrad(x, dy):
            w = torch.zeros(weights, dtype=torch.float64, requires_grad=True)
            F.conv2d(x.double(), w, None, *a).backward(dy.double())
            return w.grad.long()

        group.case(
            "conv2d_wgrad_int8",
            {"x": group.bytes(*x), "dy": group.bytes(*y)},
            [("conv2d_wgrad", "op", ["x", "dy"], {**attributes, "shape": list(weights)})],
            wgrad,
            trained=[],
        )


def make():
    group = Group("contractions", 1)
    matmuls(group)
    convolutions(group)
    return group
