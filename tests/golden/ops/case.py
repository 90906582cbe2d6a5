"""A golden case: a small graph, its operands, and what PyTorch gets for its outputs and gradients."""

import io
import json
import pathlib
import zipfile

import numpy
import torch

FORMATS = {numpy.dtype(numpy.float32): "fp32", numpy.dtype(numpy.int32): "int32", numpy.dtype(numpy.int8): "int8"}


class Group:
    """Cases that are kept in one file: NAME.npz holds the arrays as CASE/ARRAY, NAME.json the graphs."""

    def __init__(self, name, seed):
        self.name = name
        self.random = numpy.random.RandomState(seed)
        self.cases, self.arrays = [], {}

    def normal(self, *shape):
        return numpy.asarray(self.random.standard_normal(shape), numpy.float32)

    def integers(self, low, high, *shape):
        """In [low, high)."""
        return numpy.asarray(self.random.randint(low, high, shape), numpy.int32)

    def whole(self, *shape):
        """Small whole numbers as fp32: ties."""
        return self.integers(-3, 4, *shape).astype(numpy.float32)

    def positive(self, *shape):
        return numpy.asarray(numpy.abs(self.normal(*shape)) + 0.1, numpy.float32)

    def bytes(self, *shape):
        return numpy.asarray(self.random.randint(-127, 128, shape), numpy.int8)

    def case(self, name, operands, ops, compute, trained=None, seeded=None, job=None):
        """Adds a case.

        operands: {name: array}. ops: [(kind, name, [inputs], {attributes})]; the outputs of the last op are those of
        the case. compute: takes the operands as tensors (fp64, or int64) and returns the outputs, or a list of them.
        trained: the operands with a gradient (by default all fp32 ones; [] for none). seeded: the number of outputs
        that enter the loss, sum(output * seed), from the first on."""
        name = f"{len(self.cases):03}_{name}"
        operands = {key: numpy.asarray(value) for key, value in operands.items()}
        if trained is None:
            trained = [key for key, value in operands.items() if value.dtype == numpy.float32]
        tensors = {}
        for key, value in operands.items():
            tensor = torch.from_numpy(value.astype(numpy.float64 if value.dtype == numpy.float32 else numpy.int64))
            tensors[key] = tensor.requires_grad_(key in trained)
        outputs = compute(**tensors)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        arrays = dict(operands)
        entry = {
            "name": name,
            "operands": [
                {"name": key, "format": FORMATS[value.dtype], "trained": key in trained}
                for key, value in operands.items()
            ],
            "ops": [
                {"kind": kind, "name": op, "inputs": inputs, "attributes": attributes}
                for kind, op, inputs, attributes in ops
            ],
            "outputs": len(outputs),
            "seeded": 0,
        }
        for number, output in enumerate(outputs):
            arrays[f"output{number}"] = self.plain(output)
        if trained:
            entry["seeded"] = 1 if seeded is None else seeded
            loss = 0
            for number, output in enumerate(outputs[: entry["seeded"]]):
                seed = self.normal(*output.shape)
                arrays[f"seed{number}"] = seed
                loss = loss + (output * torch.from_numpy(seed.astype(numpy.float64))).sum()
            loss.backward()
            for key in trained:
                gradient = tensors[key].grad
                arrays[f"{key}.grad"] = self.plain(torch.zeros_like(tensors[key]) if gradient is None else gradient)
        self.add(entry, arrays)

    def add(self, entry, arrays):
        self.cases.append(entry)
        for key, value in arrays.items():
            self.arrays[f"{entry['name']}/{key}"] = value.astype(numpy.int32) if value.dtype == numpy.int8 else value

    @staticmethod
    def plain(tensor):
        array = tensor.detach().numpy()
        return array.astype(numpy.int32 if array.dtype == numpy.int64 else numpy.float32)

    def write(self):
        folder = pathlib.Path(__file__).resolve().parent
        with zipfile.ZipFile(folder / f"{self.name}.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            for key, value in self.arrays.items():
                content = io.BytesIO()
                numpy.lib.format.write_array(content, numpy.asarray(value, order="C"), (1, 0))
                archive.writestr(
                    zipfile.ZipInfo(key + ".npy"), content.getvalue(), zipfile.ZIP_DEFLATED
                )  # of 1980: the same bytes every time
        lines = ",\n".join(json.dumps(case) for case in self.cases)
        (folder / f"{self.name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
