"""triad graph and triad support; a workload with an op that a device cannot run."""

import csv
import io
import json
import os
import unittest
import unittest.mock

import harness
from harness import on_terminal, triad

WIDE = """name: wide
input: {shape: [1, 1, 5, 30000]}
layers:
  - {type: max_pool, name: stem.pool, kernel: [5, 3], stride: [1, 3]}
  - {type: global_average_pool}
  - {type: linear, name: fc, out_features: 4}
loss: mse
optimizer: {type: sgd, learning_rate: 0.1}
steps: 100000
"""


class Graph(harness.Case):
    def json(self, *arguments):
        result = triad("graph", *arguments, "--format", "json")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return json.loads(result.stdout)

    def test_table(self):
        result = triad("graph", "mlp")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("\nparameters      203,530  trained numbers\n", result.stdout)
        # 64 x 784 by 784 x 256: 2 * 64 * 784 * 256 FLOP; (64 * 784 + 256 * 784 + 64 * 256) * 4 B
        self.assertRegex(result.stdout, r"\nfc1\.matmul +matmul +64x784, 256x784 +64x256 +25\.69 M +1\.069 MB +24\n")
        for phase in ("Forward", "Backward", "Update"):
            self.assertRegex(result.stdout, rf"\n{phase}: \d+ ops")

    def test_a_phase(self):
        shown = triad("graph", "mlp", "--phase", "update").stdout
        self.assertIn("\nUpdate: 4 ops\n", shown)
        self.assertNotIn("Forward", shown)

    def test_fusion_keeps_the_work(self):
        plain, fused = self.json("mlp"), self.json("mlp", "--fused")
        self.assertEqual(plain["flops"], fused["flops"])
        self.assertLess(len(fused["ops"]), len(plain["ops"]))
        first = fused["ops"][0]
        self.assertEqual((first["kind"], first["members"]), ("matmul", ["fc1.matmul", "fc1.add", "relu.relu"]))
        for document in (plain, fused):
            for key in ("flops", "read_bytes", "written_bytes"):
                self.assertEqual(sum(op[key] for op in document["ops"]), sum(phase[key] for phase in document["phases"]))

    def test_its_flops_are_those_of_a_run(self):
        run = json.loads(triad("run", "reference", "mlp", "--set", "workload.steps=1", "--format", "json").stdout)
        self.assertEqual(self.json("mlp")["flops"], run["workload"]["flops_per_step"])

    def test_settings(self):
        formats = {tensor["format"] for op in self.json("mlp", "--set", "workload.precision=bf16")["ops"] for tensor in op["inputs"]}
        self.assertIn("bf16", formats)
        self.refused(triad("graph", "mlp", "--set", "device.clock=1 GHz"), "--set device.clock=1 GHz: a graph is the same for every device")

    def test_a_drawing(self):
        dot = triad("graph", "mlp", "--dot").stdout
        self.assertTrue(dot.startswith('digraph "mlp" {'))
        self.assertIn('label="fc1.matmul\\nmatmul\\n25.69 MFLOP, 1.069 MB, 24 FLOP/B"', dot)  # as in test_table
        self.assertIn("subgraph cluster_backward", dot)
        self.assertRegex(dot, r'label="backward: [0-9.]+ MFLOP, [0-9.]+ MB, [0-9.]+ FLOP/B"')

    def test_every_preset_has_a_graph(self):
        folder = os.path.join(harness.SOURCE, "configs/workloads")
        names = sorted(name[: -len(".yaml")] for name in os.listdir(folder) if name.endswith(".yaml"))
        self.assertGreater(len(names), 3)
        for name in names:
            document = self.json(name, "--fused")
            self.assertGreater(document["flops"], 0, name)
            self.assertGreaterEqual(document["memory"]["peak_bytes"], document["memory"]["parameter_bytes"], name)

    def test_a_narrow_terminal(self):
        for columns in (40, 60, 100):
            for line in on_terminal(columns, "graph", "mlp").splitlines():
                self.assertLessEqual(len(line), columns, line)

    def test_columns_of_a_file(self):
        def shown(columns):
            return triad("graph", "mlp", env={**os.environ, "COLUMNS": columns}).stdout

        usual = triad("graph", "bert-base", env={name: text for name, text in os.environ.items() if name != "COLUMNS"}).stdout
        wide = triad("graph", "bert-base", env={**os.environ, "COLUMNS": "160"}).stdout
        self.assertLessEqual(max(map(len, usual.splitlines())), 80)
        self.assertNotIn("operands", usual)
        self.assertIn("operands", wide)
        self.assertLessEqual(max(map(len, wide.splitlines())), 160)
        self.assertLessEqual(max(map(len, shown("40").splitlines())), 40)
        for columns in ("39", "0", "-100", "", "wide", "100x", "99999999999999999999"):  # 80, as without
            self.assertEqual(shown(columns), shown("80"), columns)

    def test_a_terminal_knows_its_width(self):
        with unittest.mock.patch.dict(os.environ, COLUMNS="160"):
            self.assertLessEqual(max(map(len, on_terminal(60, "graph", "mlp").splitlines())), 60)


class Support(harness.Case):
    def test_every_answer(self):
        result = triad("support", "--format", "csv")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
        self.assertEqual(len({row["device"] for row in rows}), 3)  # one of each architecture
        self.assertGreater(len(rows), 3 * 150)
        for row in rows:
            self.assertEqual(row["supported"] == "yes", row["reason"] == "", row)
        # What the training of the zoo rests on runs everywhere.
        for op in ("matmul", "conv2d", "conv2d_dgrad", "multiply", "relu", "gelu", "softmax", "normalize", "transpose", "max_pool", "cross_entropy"):
            answers = [row for row in rows if row["op"] == op and row["variant"] == ""]
            self.assertEqual({row["phase"] for row in answers}, {"forward", "backward"}, op)
            self.assertEqual({row["supported"] for row in answers}, {"yes"}, op)
        self.assertEqual(json.loads(triad("support", "--format", "json").stdout)[0]["op"], "matmul")

    def test_table_of_one_device(self):
        result = triad("support", "asic/tiny")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"^op +phase +tiny ")
        self.assertRegex(result.stdout, r"\nsoftmax +fwd, bwd +yes ")
        self.assertRegex(result.stdout, r"\nsgd +update +yes")
        wide = triad("support", "asic/tiny", env={**os.environ, "COLUMNS": "120"}).stdout
        self.assertRegex(wide, r"\nsoftmax +forward, backward +yes ")

        self.assertIn("\ntiny: precision fp16: ", result.stdout)

    def test_mistakes(self):
        self.refused(triad("support", "--set", "workload.steps=2"), "--set workload.steps=2: there is no workload here")
        self.refused(triad("support", "gpu/tiny", "tpu/tiny"), "tpu/tiny: a second device of this name")


class Unsupported(harness.Case):
    def test_it_fails_before_a_cycle_is_simulated(self):
        name = self.write("wide.yaml", WIDE)
        self.refused(
            triad("run", "asic/tiny", name, cwd=self.folder),
            "tiny: stem.pool.max_pool: max_pool: 400000 B of unfinished rows, the line buffer of the pooling engine holds 1024 B",
        )

    def test_a_precision(self):
        for device in ("asic/tiny", "gpu/tiny", "tpu/tiny"):
            result = triad("run", device, "mlp", "--set", "workload.precision=int8")
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertRegex(result.stderr, r"int8")


if __name__ == "__main__":
    unittest.main()
