"""Losses and optimizers."""

import numpy
import torch
import torch.nn.functional as F

from case import Group


def losses(group):
    for shape in [(1,), (13,), (5, 7), (2, 3, 50)]:
        for kind, compute in [("mse", F.mse_loss), ("l1", F.l1_loss)]:
            group.case(
                kind,
                {"p": group.normal(*shape), "t": group.normal(*shape)},
                [(kind, "op", ["p", "t"], {})],
                lambda p, t, f=compute: f(p, t),
            )
        group.case(
            "bce_with_logits",
            {
                "p": group.normal(*shape) * numpy.float32(5),
                "t": group.random.random_sample(shape).astype(numpy.float32),
            },
            [("bce_with_logits", "op", ["p", "t"], {})],
            lambda p, t: F.binary_cross_entropy_with_logits(p, t),
            trained=["p"],
        )
    for batch, classes in [(1, 1), (5, 7), (64, 10), (3, 1031)]:
        for factor in (1, 40):
            group.case(
                "cross_entropy",
                {
                    "x": group.normal(batch, classes) * numpy.float32(factor),
                    "classes": group.integers(0, classes, batch),
                },
                [("cross_entropy", "op", ["x", "classes"], {})],
                lambda x, classes: F.cross_entropy(x, classes, reduction="none"),
            )
    numbers = group.integers(0, 7, 11)
    numbers[::3] = 2
    for ignored in (2, -1):
        group.case(
            "cross_entropy_ignoring",
            {"x": group.normal(11, 7), "classes": numpy.where(numbers == 2, ignored, numbers).astype(numpy.int32)},
            [("cross_entropy", "op", ["x", "classes"], {"ignore_index": ignored})],
            lambda x, classes, ignored=ignored: F.cross_entropy(x, classes, reduction="none", ignore_index=ignored),
        )


def optimizers(group):
    """Five steps on mean((w * a - t)^2), a and t new in each, the learning rate falling."""
    sgd = [
        dict(momentum=m, nesterov=n, weight_decay=d)
        for m, n in [(0.0, False), (0.9, False), (0.9, True)]
        for d in (0.0, 0.1)
    ]
    adam = [
        dict(beta1=b1, beta2=b2, epsilon=e, weight_decay=d, decoupled=w)
        for b1, b2, e in [(0.9, 0.999, 1e-8), (0.5, 0.9, 1e-4)]
        for d in (0.0, 0.1)
        for w in (False, True)
    ]
    for settings in sgd + adam:
        for shape, loss_scale in [((7,), 1.0), ((3, 37), 1024.0)]:
            kind = "adam" if "beta1" in settings else "sgd"
            steps, rate = 5, 0.1 if kind == "sgd" else 0.01
            w, a, t = group.normal(*shape), group.normal(steps, *shape), group.normal(steps, *shape)
            parameter = torch.from_numpy(w.astype(numpy.float64)).requires_grad_(True)
            if kind == "sgd":
                optimizer = torch.optim.SGD([parameter], lr=rate, **settings)
            else:
                how = torch.optim.AdamW if settings["decoupled"] else torch.optim.Adam
                optimizer = how(
                    [parameter],
                    lr=rate,
                    betas=(settings["beta1"], settings["beta2"]),
                    eps=settings["epsilon"],
                    weight_decay=settings["weight_decay"],
                )
            rates, loss_of = [], []
            for step in range(steps):
                rates.append(rate * 0.8**step)
                optimizer.param_groups[0]["lr"] = rates[-1]
                loss = (
                    (
                        parameter * torch.from_numpy(a[step].astype(numpy.float64))
                        - torch.from_numpy(t[step].astype(numpy.float64))
                    )
                    ** 2
                ).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss_of.append(loss.item())
            entry = {
                "name": f"{len(group.cases):03}_{kind}",
                "optimizer": {"kind": kind, **settings},
                "loss_scale": loss_scale,
                "rates": rates,
            }
            group.add(
                entry,
                {
                    "w": w,
                    "a": a,
                    "t": t,
                    "loss": numpy.array(loss_of, numpy.float32),
                    "updated": Group.plain(parameter),
                },
            )


def make():
    group = Group("training", 6)
    losses(group)
    optimizers(group)
    return group
