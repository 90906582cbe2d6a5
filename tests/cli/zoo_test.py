#!/usr/bin/python3
"""The zoo of configs/workloads as its users meet it."""

import json
import math
import os
import resource
import time
import unittest

import harness
from harness import DEVICE, triad

WORKLOADS = sorted(
    name[: -len(".yaml")] for name in os.listdir(os.path.join(harness.SOURCE, "configs/workloads")) if name.endswith(".yaml")
)
MINIS = [name for name in WORKLOADS if name.endswith("-mini")]
THREE = ("resnet-50-mini", "bert-base-mini", "lstm-sentiment-mini")
PRESETS = ("tpu/tpu-v3", "asic/tiny", "asic/nvdla-2048-train", "gpu/tiny", "gpu/a100")  # tpu/tiny has every mini


class Zoo(harness.Case):
    def result(self, *arguments):
        result = triad(*arguments, "--format", "json")
        self.assertEqual((result.returncode, result.stderr), (0, ""), arguments)
        return json.loads(result.stdout)

    def test_the_list_is_by_application(self):
        sections = {text.splitlines()[0]: text.splitlines() for text in triad("list").stdout.split("\n\n")}
        workloads = sections["Workloads (triad run DEVICE WORKLOAD)"]
        application, listed = "", {}
        for line in workloads[1:]:
            if line.startswith(" ") and line[1] != " ":
                application = line.strip().rstrip(":")
            elif line.startswith("  workloads/"):
                listed[line.split()[0].removeprefix("workloads/")] = application
        self.assertEqual(sorted(listed), WORKLOADS)
        self.assertEqual(listed["linear"], "")
        self.assertEqual(listed["resnet-50"], "image recognition")
        self.assertEqual(listed["resnet-50-mini"], "image recognition")
        self.assertEqual(listed["gpt-3-175b"], "language models")
        self.assertNotIn("cannot be read", "\n".join(workloads))

    def test_every_mini_trains_on_the_host_and_its_loss_falls(self):
        for name in MINIS:
            loss = self.result("run", "reference", name)["runs"][0]["loss"]
            self.assertTrue(all(math.isfinite(value) for value in loss), name)
            self.assertLess(loss[-1], 0.7 * loss[0], name)

    def test_every_mini_keeps_its_promises_on_a_machine(self):
        for name in MINIS:
            document = self.result("run", DEVICE, name, "--check", "--set", "workload.steps=1")
            run = document["runs"][0]
            self.assertEqual(sum(op["flops"] for op in run["ops"]), document["workload"]["flops_per_step"], name)
            for unit in run["units"]:
                self.assertEqual(sum(unit["cycles"].values()), unit["total_cycles"], name + " " + unit["name"])

    def test_three_minis_on_every_machine(self):
        for name in THREE:
            for preset in PRESETS:
                for precision in ("fp32", "bf16"):
                    self.result("run", preset, name, "--check", "--set", "workload.precision=" + precision)

    def test_cycles_do_not_depend_on_values(self):
        """Over several steps with several batches. Embeddings are left out on the GPU: how their rows coalesce is data."""
        tables = ("bert-base-mini", "lstm-sentiment-mini")
        for preset in (DEVICE, "tpu/tpu-v3", "asic/tiny", "asic/nvdla-2048-train", "gpu/tiny", "gpu/a100"):
            for name in ("dense-relu", "resnet-50-mini", *(() if preset.startswith("gpu") else tables)):
                changes = ["--set", "workload.steps=3", "--set", "workload.data={samples: 12}"]
                with_values = self.result("run", preset, name, *changes)["runs"][0]
                without = self.result("run", preset, name, *changes, "--set", "workload.values=off")["runs"][0]
                for key in ("cycles", "flops", "memory", "energy_joules", "units"):
                    self.assertEqual(with_values[key], without[key], preset + " " + name)
                self.assertIsNone(without["loss"], name)

    def test_a_device_whose_timing_depends_on_data_says_so(self):
        for preset, changes, says in (
            ("gpu/tiny", ["--set", "workload.values=off"], True),
            ("gpu/tiny", [], False),
            ("tpu/tiny", ["--set", "workload.values=off"], False),
        ):
            text = triad("run", preset, "bert-base-mini", "--set", "workload.steps=1", *changes).stdout
            self.assertEqual("timing depends on indices" in text, says, preset)

    def test_gpt3_is_lowered_in_seconds(self):
        for preset in (DEVICE, *PRESETS):
            begin = time.monotonic()
            result = triad("run", preset, "gpt-3-175b", "--max-cycles", "1")
            self.assertLess(time.monotonic() - begin, 10, preset)
            self.assertEqual(result.returncode, 1, preset)
            self.assertIn("stopped after 1 cycles (--max-cycles)", result.stderr)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 2 * 1024 * 1024)  # KiB


if __name__ == "__main__":
    unittest.main()
