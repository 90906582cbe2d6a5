"""Pooling."""

import torch.nn.functional as F

from case import Group

# shape, kernel, stride, padding
CASES = [
    ((1, 1, 1, 1), (1, 1), (1, 1), (0, 0)),
    ((2, 3, 6, 8), (2, 2), (2, 2), (0, 0)),
    ((1, 2, 7, 5), (3, 3), (2, 2), (1, 1)),
    ((2, 1, 11, 13), (3, 2), (1, 3), (1, 0)),
    ((1, 2, 9, 9), (2, 2), (3, 3), (0, 0)),
    ((1, 5, 1, 17), (1, 4), (1, 2), (0, 2)),
    ((2, 2, 7, 7), (7, 7), (1, 1), (0, 0)),
    ((1, 1, 8, 8), (5, 5), (1, 1), (2, 2)),
]


def make():
    group = Group("windows", 5)
    for shape, kernel, stride, padding in CASES:
        attributes = {"kernel": list(kernel), "stride": list(stride), "padding": list(padding)}
        for x in (group.normal(*shape), group.whole(*shape)):  # the second with ties: the first of them
            group.case(
                "max_pool",
                {"x": x},
                [("max_pool", "op", ["x"], attributes)],
                lambda x, a=(kernel, stride, padding): [y.double() for y in F.max_pool2d(x, *a, return_indices=True)],
            )
        for include in (True, False):
            group.case(
                "average_pool",
                {"x": group.normal(*shape)},
                [("average_pool", "op", ["x"], {**attributes, "include_padding": include})],
                lambda x, a=(kernel, stride, padding), include=include: F.avg_pool2d(x, *a, count_include_pad=include),
            )
    return group
