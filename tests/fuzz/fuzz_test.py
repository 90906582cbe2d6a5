"""Random changes to valid files never crash the program. Fixed seed, bounded number of cases."""

import os
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from mutate import mutate  # noqa: E402

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
EXPERIMENT = b"""summary: two of a kind
devices:
  - tpu/tiny
  - {preset: tpu/tiny, name: other, set: {clock: 1 GHz, mxu.rows: 8}}
workload: workloads/linear
"""


def preset(name):
    with open(os.path.join(SOURCE, "configs", name + ".yaml"), "rb") as file:
        return file.read()


class Fuzz(unittest.TestCase):
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

    def test_experiments(self):
        self.loop([EXPERIMENT], lambda path: ["compare", path, "--max-cycles", "3000"])


if __name__ == "__main__":
    unittest.main()
