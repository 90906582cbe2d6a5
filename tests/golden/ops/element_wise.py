"""Element-wise ops, NumPy broadcasting."""

import numpy
import torch
import torch.nn.functional as F

from case import Group

PAIRS = [
    ((1,), (1,)),
    ((13,), (13,)),
    ((3, 7, 5), (3, 7, 5)),
    ((3, 1), (1, 5)),
    ((), (4,)),
    ((7, 1, 3), (2, 1)),
    ((2, 3, 5), (3, 1)),
    ((1031,), (1,)),
    ((5, 1, 2), (5, 3, 1)),
]
SHAPES = [(1,), (13,), (3, 7, 5), (611,)]


def mixed(x, step, seed):
    """numerics::uniform(seed, step, index) of every element."""

    def mix(z):
        z = (z ^ (z >> numpy.uint64(16))) * numpy.uint64(0x7FEB352D) & numpy.uint64(0xFFFFFFFF)
        z = (z ^ (z >> numpy.uint64(15))) * numpy.uint64(0x846CA68B) & numpy.uint64(0xFFFFFFFF)
        return z ^ (z >> numpy.uint64(16))

    mask = numpy.uint64(0xFFFFFFFF)
    key = mix((numpy.array([step], numpy.uint64) + mix(numpy.array([seed], numpy.uint64))) & mask)
    bits = mix((numpy.arange(x.numel(), dtype=numpy.uint64) + key) & mask)
    return torch.from_numpy((bits >> numpy.uint64(8)).astype(numpy.float64) * 2.0**-24).reshape(x.shape)


def binary(group):
    for a, b in PAIRS:
        for kind, compute in [("add", torch.add), ("subtract", torch.sub), ("multiply", torch.mul)]:
            group.case(
                kind,
                {"a": group.normal(*a), "b": group.normal(*b)},
                [(kind, "op", ["a", "b"], {})],
                lambda a, b, f=compute: f(a, b),
            )
        group.case(
            "divide",
            {"a": group.normal(*a), "b": group.positive(*b)},
            [("divide", "op", ["a", "b"], {})],
            lambda a, b: a / b,
        )
        for kind, compute in [("maximum", torch.maximum), ("minimum", torch.minimum)]:
            group.case(
                kind,
                {"a": group.whole(*a), "b": group.whole(*b)},
                [(kind, "op", ["a", "b"], {})],
                lambda a, b, f=compute: f(a, b),
            )
        for kind, compute in [("greater", torch.gt), ("equal", torch.eq)]:
            for operands in (
                {"a": group.whole(*a), "b": group.whole(*b)},
                {"a": group.integers(0, 4, *a), "b": group.integers(0, 4, *b)},
            ):
                group.case(
                    kind, operands, [(kind, "op", ["a", "b"], {})], lambda a, b, f=compute: f(a, b).double(), trained=[]
                )
        group.case(
            "where",
            {"mask": (group.whole(*b) > 0).astype(numpy.float32), "a": group.normal(*a), "b": group.normal(*b)},
            [("where", "op", ["mask", "a", "b"], {})],
            lambda mask, a, b: torch.where(mask != 0, a, b),
            trained=["a", "b"],
        )
    # An operand twice: its gradients add up.
    x = {"x": group.normal(7, 5)}
    group.case(
        "shared",
        x,
        [
            ("scale", "half", ["x"], {"factor": 0.5}),
            ("multiply", "product", ["x", "half"], {}),
            ("add", "op", ["product", "product"], {}),
        ],
        lambda x: x * x,
    )


def unary(group):
    smooth = [
        ("exp", {}, torch.exp),
        ("erf", {}, torch.erf),
        ("relu", {}, F.relu),
        ("gelu", {}, F.gelu),
        ("silu", {}, F.silu),
        ("sigmoid", {}, torch.sigmoid),
        ("tanh", {}, torch.tanh),
        ("absolute", {}, torch.abs),
        (
            "gelu",
            {"approximate": "tanh"},
            lambda x: 0.5 * x * (1 + torch.tanh((2 / numpy.pi) ** 0.5 * (x + 0.044715 * x**3))),
        ),
        ("scale", {"factor": -1.7}, lambda x: x * numpy.float64(numpy.float32(-1.7))),
        ("offset", {"addend": 0.3}, lambda x: x + numpy.float64(numpy.float32(0.3))),
        ("leaky_relu", {"slope": 0.2}, lambda x: F.leaky_relu(x, 0.2)),
        ("clamp", {"low": -0.5, "high": 0.75}, lambda x: x.clamp(-0.5, 0.75)),
        ("clamp", {"low": 0.25}, lambda x: x.clamp(min=0.25)),
        ("clamp", {"high": -0.25}, lambda x: x.clamp(max=-0.25)),
    ]
    for kind, attributes, compute in smooth:
        for shape in SHAPES:
            group.case(
                kind,
                {"x": group.normal(*shape) * numpy.float32(2)},
                [(kind, "op", ["x"], attributes)],
                lambda x, f=compute: f(x),
            )
    positive = [("log", {}, torch.log), ("sqrt", {}, torch.sqrt)]
    positive += [
        ("pow", {"exponent": e}, lambda x, e=e: x**e) for e in (2.0, 3.0, 1.0, 0.0, 0.5, -1.0, -2.0, -0.5, 1.7, 5.0)
    ]
    for kind, attributes, compute in positive:
        for shape in SHAPES[1:3]:
            group.case(
                kind, {"x": group.positive(*shape)}, [(kind, "op", ["x"], attributes)], lambda x, f=compute: f(x)
            )
    for exponent in (2.0, 3.0):
        group.case(
            "pow_negative",
            {"x": group.normal(17)},
            [("pow", "op", ["x"], {"exponent": exponent})],
            lambda x: x**exponent,
        )
    group.case("pow_zero", {"x": group.whole(17)}, [("pow", "op", ["x"], {"exponent": 2.0})], lambda x: x**2)


def rounding(group):
    # Half-way between neighbours, subnormal in fp16, beyond its largest number.
    hard = numpy.array(
        [
            1 + 2.0**-11,
            1 + 3 * 2.0**-11,
            1 + 2.0**-8,
            1 + 3 * 2.0**-8,
            2.0**-25,
            3 * 2.0**-25,
            1e-7,
            65519,
            65520,
            -1e9,
            0,
            -3.7,
        ],
        numpy.float32,
    )
    for name, kind in {"bf16": torch.bfloat16, "fp16": torch.float16}.items():
        for x in (hard, group.normal(7, 11)):
            group.case(
                "cast_" + name,
                {"x": x},
                [("cast", "short", ["x"], {"format": name}), ("cast", "op", ["short"], {"format": "fp32"})],
                lambda x, kind=kind: x.float().to(kind).double(),
                trained=[],
            )
    group.case(
        "cast_integers",
        {"x": group.integers(-1000000, 1000000, 23)},
        [("cast", "op", ["x"], {"format": "fp32"})],
        lambda x: x.double(),
        trained=[],
    )
    for x, scale in [((5, 7), ()), ((5, 7), (5, 1)), ((2, 3, 4, 5), (1, 3, 1, 1)), ((1031,), (1,))]:
        group.case(
            "quantize",
            {"x": group.normal(*x) * numpy.float32(30), "scale": group.positive(*scale)},
            [("quantize", "op", ["x", "scale"], {})],
            lambda x, scale: torch.round((x.float() / scale.float())).clamp(-127, 127).long(),
            trained=[],
        )
        for operand in (group.integers(-(10**6), 10**6, *x), group.bytes(*x)):
            group.case(
                "dequantize",
                {"x": operand, "scale": group.positive(*scale)},
                [("dequantize", "op", ["x", "scale"], {})],
                lambda x, scale: x * scale,
                trained=[],
            )
    for shape in [(1,), (37,), (3, 5, 7), (2, 600)]:
        for probability, seed, step in [(0.5, 1, 0), (0.1, 4294967295, 7), (0.0, 3, 100000)]:
            group.case(
                "dropout",
                {"x": group.normal(*shape), "step": numpy.array(step, numpy.int32)},
                [("dropout", "op", ["x", "step"], {"probability": probability, "seed": seed})],
                lambda x, step, p=probability, seed=seed: torch.where(
                    mixed(x, int(step), seed) >= numpy.float64(numpy.float32(p)), x / (1 - p), torch.zeros_like(x)
                ),
            )


def make():
    group = Group("element_wise", 2)
    binary(group)
    unary(group)
    rounding(group)
    return group
