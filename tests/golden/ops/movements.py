"""Ops that put elements elsewhere, and those that find rows by index."""

import numpy
import torch
import torch.nn.functional as F

from case import Group


def transposes(group):
    for shape, permutation in [
        ((1,), [0]),
        ((5, 7), [1, 0]),
        ((37, 41), [1, 0]),
        ((2, 3, 5), [0, 2, 1]),
        ((2, 3, 5), [2, 0, 1]),
        ((2, 3, 5, 7), [0, 2, 1, 3]),
        ((2, 3, 5, 7), [3, 1, 2, 0]),
        ((4, 1, 5), [1, 2, 0]),
    ]:
        group.case(
            "transpose",
            {"x": group.normal(*shape)},
            [("transpose", "op", ["x"], {"permutation": permutation})],
            lambda x, p=permutation: x.permute(p),
        )
    for operand in (group.integers(-9, 9, 19, 23), group.bytes(19, 23)):
        group.case(
            "transpose_integers",
            {"x": operand},
            [("transpose", "op", ["x"], {"permutation": [1, 0]})],
            lambda x: x.T,
            trained=[],
        )
    group.case(
        "transpose_bf16",
        {"x": group.normal(3, 17)},
        [
            ("cast", "short", ["x"], {"format": "bf16"}),
            ("transpose", "turned", ["short"], {"permutation": [1, 0]}),
            ("cast", "op", ["turned"], {"format": "fp32"}),
        ],
        lambda x: x.float().bfloat16().double().T,
        trained=[],
    )
    for shape, to in [((6,), [2, 3]), ((2, 3, 5), [30]), ((1, 1), []), ((4, 3), [2, 1, 6])]:
        group.case(
            "reshape",
            {"x": group.normal(*shape)},
            [("reshape", "op", ["x"], {"shape": to})],
            lambda x, to=to: x.reshape(to),
        )
    for shape, to in [((), [3]), ((1,), [5]), ((3, 1), [2, 3, 4]), ((5,), [7, 5]), ((2, 1, 3), [2, 4, 3])]:
        group.case(
            "broadcast",
            {"x": group.normal(*shape)},
            [("broadcast", "op", ["x"], {"shape": to})],
            lambda x, to=to: x.expand(to),
        )


def parts(group):
    for shape, begin, end, step in [
        ((7,), [2], [5], [1]),
        ((7,), [1], [7], [3]),
        ((5, 7), [0, 3], [5, 4], [1, 1]),
        ((5, 7, 3), [1, 0, 2], [4, 7, 3], [2, 3, 1]),
        ((1, 1), [0, 0], [1, 1], [1, 1]),
    ]:
        where = tuple(slice(b, e, s) for b, e, s in zip(begin, end, step))
        group.case(
            "slice",
            {"x": group.normal(*shape)},
            [("slice", "op", ["x"], {"begin": begin, "end": end, "step": step})],
            lambda x, w=where: x[w],
        )
    for axis, shapes in [
        (0, [(3,), (1,), (5,)]),
        (1, [(2, 3), (2, 1)]),
        (0, [(2, 3), (4, 3), (1, 3)]),
        (2, [(2, 3, 1, 5), (2, 3, 7, 5)]),
        (1, [(2, 7)]),
    ]:
        operands = {f"x{i}": group.normal(*shape) for i, shape in enumerate(shapes)}
        group.case(
            "concat",
            operands,
            [("concat", "op", list(operands), {"axis": axis})],
            lambda axis=axis, **x: torch.cat(list(x.values()), axis),
        )
    first = group.normal(3, 5)
    group.case(
        "concat_twice", {"x": first}, [("concat", "op", ["x", "x"], {"axis": 0})], lambda x: torch.cat([x, x], 0)
    )


def pads(group):
    for shape, before, after, value in [
        ((5,), [2], [1], 0.0),
        ((3, 4), [0, 1], [2, 3], -1.5),
        ((2, 3, 4, 5), [0, 0, 1, 2], [0, 0, 1, 0], 0.0),
        ((3,), [0], [0], 9.0),
    ]:
        flat = [n for pair in reversed(list(zip(before, after))) for n in pair]
        group.case(
            "pad",
            {"x": group.normal(*shape)},
            [("pad", "op", ["x"], {"before": before, "after": after, "interior": [0] * len(shape), "value": value})],
            lambda x, flat=flat, value=value: F.pad(x, flat, value=value),
        )
    for shape, before, after, interior in [
        ((5,), [1], [2], [2]),
        ((3, 4), [0, 2], [1, 0], [1, 3]),
        ((1, 3), [0, 0], [0, 0], [4, 1]),
    ]:

        def spread(x, before=before, after=after, interior=interior):
            y = torch.full(
                [b + (n - 1) * (i + 1) + 1 + a for n, b, a, i in zip(x.shape, before, after, interior)],
                0.5,
                dtype=torch.float64,
            )
            where = tuple(slice(b, b + (n - 1) * (i + 1) + 1, i + 1) for n, b, i in zip(x.shape, before, interior))
            y[where] = x
            return y

        group.case(
            "pad_interior",
            {"x": group.normal(*shape)},
            [("pad", "op", ["x"], {"before": before, "after": after, "interior": interior, "value": 0.5})],
            spread,
        )
    for shape, before, after, interior in [
        ((5,), [-2], [1], [0]),
        ((7,), [-1], [-3], [2]),
        ((4, 5), [-1, 2], [-2, -1], [0, 1]),
    ]:

        def cut(x, before=before, after=after, interior=interior):
            whole = torch.full([(n - 1) * (i + 1) + 1 for n, i in zip(x.shape, interior)], 0.5, dtype=torch.float64)
            whole[tuple(slice(0, None, i + 1) for i in interior)] = x
            flat = [n for pair in reversed(list(zip(before, after))) for n in pair]
            return F.pad(whole, flat, value=0.5)

        group.case(
            "pad_cut",
            {"x": group.normal(*shape)},
            [("pad", "op", ["x"], {"before": before, "after": after, "interior": interior, "value": 0.5})],
            cut,
            trained=[],
        )


def indexed(group):
    for rows, width, shape in [(1, 1, (1,)), (7, 5, (3,)), (7, 3, (4, 5)), (13, 17, (2, 3, 2))]:
        group.case(
            "gather",
            {"table": group.normal(rows, width), "indices": group.integers(0, rows, *shape)},
            [("gather", "op", ["table", "indices"], {})],
            lambda table, indices: table[indices],
        )
    group.case(
        "gather_int8",
        {"table": group.bytes(5, 3), "indices": group.integers(0, 5, 4)},
        [("gather", "op", ["table", "indices"], {})],
        lambda table, indices: table[indices],
        trained=[],
    )


def make():
    group = Group("movements", 4)
    transposes(group)
    parts(group)
    pads(group)
    indexed(group)
    return group
