"""Random changes to valid files never crash the program. Fixed seed, bounded number of cases."""

import os
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from mutate import damage, mutate  # noqa: E402

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TRIAD = os.environ.get("TRIAD", os.path.join(SOURCE, "build/release/bin/triad"))
CASES = int(os.environ.get("FUZZ_CASES", "250"))
SEED = int(os.environ.get("FUZZ_SEED", "20"))
SECONDS = 60  # of one case: a changed file may be a valid one that is larger

WORKLOAD = b"""name: w
input: {shape: [4, 3]}
layers:
  - {type: linear, name: fc, out_features: 2}
  - {type: relu}
loss: mse
optimizer: {type: sgd, learning_rate: 0.01, momentum: 0.9}
steps: 2
precision: fp32
"""
NETWORK = b"""name: w
inputs: {tokens: {shape: [2, 6], classes: 9}, mask: {shape: [2, 6], synthetic: mask}}
blocks:
  part:
    parameters: [width, heads]
    defaults: {heads: 2}
    layers:
      - {type: transformer_encoder_layer, name: layer, heads: $heads, feed_forward: 2 * $width, mask: mask, norm_first: true}
      - {type: linear, name: fc, out_features: $width}
      - {type: add, from: [fc, input]}
layers:
  - {type: embedding, name: embed, classes: 9, width: 4}
  - {type: position_embedding, name: where, length: 8}
  - {repeat: 2, block: part, name: h, width: 4}
  - {type: lstm, name: rnn, hidden: 3, bidirectional: true}
  - {type: linear, name: one, from: rnn.hidden, out_features: 1}
  - {type: transpose, name: t, from: h, axes: [1, 2]}
  - {type: conv1d, name: conv, out_channels: 4, kernel: 3, padding: 1, groups: 2}
  - {type: batch_norm, name: bn}
  - {type: transpose, axes: [1, 2]}
  - {type: dropout, probability: 0.1}
  - {type: linear, name: logits, out_features: 5}
loss:
  - {type: ctc, from: logits, labels: 2, target: words, weight: 0.5}
  - {type: cross_entropy, from: logits, ignore_index: 0, target: tags}
  - {type: bce_with_logits, from: one}
optimizer: {type: adamw, learning_rate: 0.01, betas: [0.9, 0.99], schedule: {type: cosine, steps: 10}}
steps: 1
"""
IMAGES = b"""name: w
input: {shape: [2, 2, 9, 8]}
layers:
  - {type: conv2d, name: c1, out_channels: 4, kernel: [3, 2], stride: 2, padding: 1, dilation: 1}
  - {type: group_norm, name: gn, groups: 2}
  - {type: max_pool, kernel: 2, stride: 1, padding: 1}
  - {type: conv_transpose2d, name: up, out_channels: 3, kernel: 2, stride: 2, output_padding: 1}
  - {type: adaptive_average_pool, size: [3, 4]}
  - {type: upsample, scale: 2}
  - {type: slice, axis: 2, begin: 1, end: -1}
  - {type: pad, padding: [1, 0, 0, 1]}
  - {type: reshape, shape: [0, -1, 3]}
  - {type: softmax, axis: 1}
loss: {type: mse}
precision: int8
calibration: {batches: 2}
steps: 2
data: {samples: 4, seed: 3}
"""
OPERATIONS = b"""name: w
ops:
  - {op: matmul, m: 3, n: 5, k: 7, batch: 2}
  - {op: conv2d, in_channels: 2, height: 5, width: 4, out_channels: 4, kernel: [3, 2], stride: 2, padding: 1, groups: 2, pass: wgrad}
precision: bf16
values: off
"""
TOPOLOGY = b"""Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
conv1, 9, 9, 3, 3, 2, 4, 2,
DP2, 7, 7, 3, 3, 4, 1, 1,
"""
TRACE = b"""# requests
0x12340 R
20734016 W
LD 0x40
ST 8192
0x2000 READ # more
"""
TIMED_TRACE = b"0x12340 R 0\n64 WRITE 12\n31: read 0x400140\n0x80 P_MEM_RD 5000\n"
MODEL = b"name: w\nmodel: {onnx: FILE}\nloss: cross_entropy\noptimizer: {type: adam, learning_rate: 0.01}\nsteps: 1\n"
EXPERIMENT = b"""summary: two of a kind
devices:
  - tpu/tiny
  - {preset: tpu/tiny, name: other, set: {clock: 1 GHz, mxu.rows: 8}}
workload: workloads/linear
"""


def preset(name):
    with open(os.path.join(SOURCE, "configs", name + ".yaml"), "rb") as file:
        return file.read()


def read(*names):
    with open(os.path.join(SOURCE, *names), "rb") as file:
        return file.read()


def idx(shape, values):
    return bytes([0, 0, 8, len(shape)]) + b"".join(extent.to_bytes(4, "big") for extent in shape) + values


def on_data(data, shape="[2, 3]", more=b""):
    """A workload that trains on a data file."""
    layers = b"[{type: flatten}, {type: linear, name: fc, out_features: 10}]"
    return b"name: w\ninput: {shape: %s}\nlayers: %s\nloss: cross_entropy\ndata: {file: %s%s}\nsteps: 1\n%s" % (
        shape.encode(), layers, data, more, b"optimizer: {type: sgd, learning_rate: 0.01}\n")


class Fuzz(unittest.TestCase):
    def files(self, name, contents, workload, others=()):
        """Trains the host reference on a file with changed bytes: done, or one line about the file."""
        generator = random.Random(SEED)
        refused = 0
        with tempfile.TemporaryDirectory() as folder:
            for other, text in (*others, ("w.yaml", workload)):
                with open(os.path.join(folder, other), "wb") as file:
                    file.write(text)
            for case in range(CASES // 5):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(damage(generator, contents))
                result = subprocess.run(
                    [TRIAD, "run", "reference", "w.yaml"], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                    timeout=SECONDS, check=False
                )
                what = f"{name} seed {SEED} case {case}: {result.stderr!r}"
                self.assertIn(result.returncode, (0, 2), what)
                self.assertNotIn(b"failed", result.stderr, what)
                if result.returncode == 2:
                    refused += 1
                    self.assertEqual((result.stdout, result.stderr.count(b"\n")), (b"", 1), what)
                    self.assertIn(name.encode(), result.stderr, what)
        self.assertGreater(refused, CASES // 50)

    def loop(self, seeds, command):
        """Runs `command` on changed texts; --max-cycles keeps a valid result short."""
        generator = random.Random(SEED)
        refused = 0
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "changed.yaml")
            for case in range(CASES):
                text = mutate(generator, generator.choice(seeds))
                with open(path, "wb") as file:
                    file.write(text)
                result = subprocess.run(
                    [TRIAD, *command(path)], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
                )
                what = f"seed {SEED} case {case}: {text!r}\n{result.stderr!r}"
                self.assertIn(result.returncode, (0, 1, 2), what)
                self.assertNotIn(b"signal", result.stderr, what)
                self.assertNotIn(b"triad failed", result.stderr, what)
                self.assertNotIn(b"the simulator failed", result.stderr, what)
                if result.returncode == 2:
                    refused += 1
                    self.assertEqual((result.stdout, result.stderr.count(b"\n")), (b"", 1), what)
                if result.returncode == 1:
                    self.assertIn(b"--max-cycles", result.stderr, what)
        self.assertGreater(refused, CASES // 4)  # the changes do something

    def test_devices(self):
        self.loop([preset("tpu/tiny")], lambda path: ["run", path, "linear", "--max-cycles", "3000"])

    def test_workloads(self):
        self.loop([WORKLOAD], lambda path: ["run", "tpu/tiny", path, "--max-cycles", "3000"])

    def test_networks(self):
        self.loop([NETWORK, IMAGES], lambda path: ["run", "reference", path])

    def test_operations(self):
        self.loop([OPERATIONS], lambda path: ["graph", path])

    def test_topologies(self):
        self.files("net.csv", TOPOLOGY, b"name: w\ntopology: {scale_sim: net.csv}\n")

    def test_models(self):
        for name in ("mlp", "gru", "images"):
            model = read("tests", "golden", "onnx", name + ".onnx")
            self.files(name + ".onnx", model, MODEL.replace(b"FILE", name.encode() + b".onnx"))

    def test_data(self):
        table = b"a,b,c,class\n1,2,3,0\n4,5,6.5,9\n"
        self.files("d.csv", table, on_data(b"d.csv"))
        labels = ("l-idx1-ubyte", idx([4], bytes([0, 1, 2, 9])))
        self.files("i-idx3-ubyte", idx([4, 1, 3], bytes(range(12))),
                   on_data(b"i-idx3-ubyte", more=b", labels: l-idx1-ubyte"), [labels])
        self.files("b.bin", bytes([3] * 3073 + [7] * 3073), on_data(b"b.bin", "[2, 3, 32, 32]"))
        self.files("d.npz", read("tests", "golden", "onnx", "mlp.npz"), on_data(b"d.npz", "[4, 12]"))

    def test_memories(self):
        seeds = [preset("memory/" + name) for name in ("ddr4-3200", "hbm2", "lpddr5-6400")]
        self.loop(seeds, lambda path: ["memory", path, "--pattern", "random", "--rw-ratio", "1:1", "--requests", "300", "--check"])

    def test_traces(self):
        self.loop([TRACE, TIMED_TRACE], lambda path: ["memory", "ddr4-3200", "--trace", path, "--check"])

    def test_experiments(self):
        self.loop([EXPERIMENT], lambda path: ["compare", path, "--max-cycles", "3000"])


if __name__ == "__main__":
    unittest.main()
