"""result.json, weights.npz and CSV: what tools rely on."""

import csv
import io
import json
import os
import subprocess
import unittest

import harness
from harness import DEVICE, triad


def read(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def without_host_seconds(document):
    for run in document["runs"]:
        del run["host_seconds"]
    return document


class Result(harness.Case):
    def result(self, *arguments):
        output = triad(*arguments, "--format", "json")
        self.assertEqual((output.returncode, output.stderr), (0, ""))
        return json.loads(output.stdout)

    def test_two_runs_give_the_same_bytes(self):
        for out in ("a", "b"):
            self.assertEqual(triad("run", DEVICE, "linear", "--check", "--out", out, cwd=self.folder).returncode, 0)
        self.assertEqual(sorted(os.listdir(os.path.join(self.folder, "a"))), ["result.json", "weights.npz"])
        self.assertEqual(read(self.folder, "a/weights.npz"), read(self.folder, "b/weights.npz"))
        first, second = ([line for line in read(self.folder, out + "/result.json").splitlines() if b'"host_seconds"' not in line] for out in "ab")
        self.assertEqual(first, second)

    def test_the_main_job_gives_the_same_bytes_twice(self):
        for out in ("a", "b"):
            self.assertEqual(triad("compare", "--out", out, cwd=self.folder).returncode, 0)
        names = sorted(os.listdir(os.path.join(self.folder, "a")))
        self.assertEqual(names, ["a100", "nvdla-2048-train", "result.json", "tpu-v3"])
        first, second = (without_host_seconds(json.loads(read(self.folder, out + "/result.json"))) for out in "ab")
        self.assertEqual(first, second)
        for name in names:
            if name != "result.json":
                weights = (read(self.folder, f"{out}/{name}/weights.npz") for out in "ab")
                self.assertEqual(*weights)

    def test_every_device_keeps_its_promises(self):
        for name in ("linear", "dense-relu", "mlp"):
            document = self.result("compare", name, "--check")
            workload = document["workload"]
            for run in document["runs"]:
                what = f"{name} on {run['device']}"
                self.assertEqual(run["flops"], workload["flops_per_step"] * workload["steps"], what)
                self.assertEqual(sum(op["flops"] for op in run["ops"]), workload["flops_per_step"], what)
                self.assertLess(run["utilization"], 1, what)
                for unit in run["units"]:
                    self.assertEqual(sum(unit["cycles"].values()), unit["total_cycles"], what + " " + unit["name"])

    def test_out_holds_what_is_printed(self):
        output = triad("run", DEVICE, "linear", "--format", "json", "--out", "out", cwd=self.folder)
        self.assertEqual(output.stdout.encode(), read(self.folder, "out/result.json"))

    def test_figures_agree_with_one_another(self):
        run = self.result("run", DEVICE, "linear", "--check")["runs"][0]
        workload = self.result("run", DEVICE, "linear")["workload"]
        self.assertEqual(len(run["loss"]), workload["steps"])
        self.assertEqual(run["flops"], workload["flops_per_step"] * workload["steps"])
        self.assertAlmostEqual(run["seconds"], run["cycles"] / run["clock_hz"])
        self.assertAlmostEqual(run["flops_per_second"], run["flops"] / run["seconds"], delta=1e-6 * run["flops_per_second"])
        self.assertAlmostEqual(run["energy_joules"], run["average_power_watts"] * run["seconds"], delta=1e-9)
        self.assertLess(run["max_error_vs_reference"], 1e-3)
        self.assertTrue(run["units"] and run["ops"])
        for unit in run["units"]:
            self.assertEqual(sum(unit["cycles"].values()), unit["total_cycles"], unit["name"])
        self.assertEqual(sum(op["flops"] for op in run["ops"]), workload["flops_per_step"])
        for op in run["ops"]:
            self.assertIn(op["phase"], ("forward", "backward", "update"))
            self.assertIn(op["bound_by"], ("compute", "memory", "latency", "launch"))
            self.assertLessEqual(op["begin_cycle"], op["end_cycle"])
            self.assertLessEqual(op["end_cycle"], run["cycles"])

    def test_a_setting_equals_a_file(self):
        self.write("mine.yaml", "extends: tpu/tiny\nmxu: {rows: 8}\n")
        by_file = triad("run", "mine.yaml", "linear", "--format", "json", cwd=self.folder)
        by_setting = triad("run", DEVICE, "linear", "--set", "device.mxu.rows=8", "--format", "json")
        first, second = (without_host_seconds(json.loads(output.stdout)) for output in (by_file, by_setting))
        first["runs"][0]["device"] = second["runs"][0]["device"]
        self.assertEqual(first, second)  # the digest too

    def test_compare_writes_a_folder_per_device(self):
        self.write("e.yaml", "devices: [tpu/tiny, {preset: tpu/tiny, name: other, set: {clock: 1 GHz}}]\nworkload: linear\n")
        self.assertEqual(triad("compare", "e.yaml", "--out", "out", cwd=self.folder).returncode, 0)
        both = json.loads(read(self.folder, "out/result.json"))
        self.assertEqual([run["device"] for run in both["runs"]], ["tiny", "other"])
        for run in both["runs"]:
            alone = json.loads(read(self.folder, f"out/{run['device']}/result.json"))
            self.assertEqual(alone["runs"], [run])
            self.assertTrue(read(self.folder, f"out/{run['device']}/weights.npz"))

    def test_csv_is_a_table(self):
        output = triad("run", DEVICE, "linear", "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(output.stdout)))
        self.assertEqual(len(rows), 1)
        run = self.result("run", DEVICE, "linear")["runs"][0]
        for key in ("cycles", "seconds", "energy_joules", "utilization"):
            self.assertEqual(float(rows[0][key]), run[key], key)

    def test_a_loss_that_diverges_is_the_string_nan(self):
        result = triad("run", DEVICE, "linear", "--set", "workload.optimizer.learning_rate=1000", "--format", "json")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertNotIn("NaN,", result.stdout.replace('"NaN"', ""))
        loss = json.loads(result.stdout)["runs"][0]["loss"]
        self.assertEqual(loss[-1], "NaN")

    def test_precisions(self):
        runs = {p: self.result("run", DEVICE, "linear", "--set", f"workload.precision={p}")["runs"][0] for p in ("fp32", "bf16")}
        self.assertGreater(runs["bf16"]["peak_flops_per_second"], runs["fp32"]["peak_flops_per_second"])

    def test_configs_may_lie_elsewhere(self):
        os.makedirs(os.path.join(self.folder, "configs/workloads"))
        self.write("configs/workloads/own.yaml", "extends: ../../own-base.yaml\nsteps: 2\n")
        source = os.path.join(harness.SOURCE, "configs/workloads/linear.yaml")
        subprocess.run(["cp", source, os.path.join(self.folder, "own-base.yaml")], check=True)
        env = dict(os.environ, TRIAD_CONFIGS=os.path.join(self.folder, "configs"))
        result = triad("run", "reference", "own", env=env)
        self.assertEqual((result.returncode, result.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
