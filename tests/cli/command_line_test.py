"""Arguments, help, and where output goes."""

import os
import subprocess
import unittest

import harness
from harness import DEVICE, triad


class Help(harness.Case):
    def test_every_command_has_help_with_examples(self):
        for command in ([], ["run"], ["compare"], ["describe"], ["list"], ["graph"], ["support"]):
            result = triad(*command, "--help")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn("Usage: triad", result.stdout)
            if command != ["list"]:
                self.assertIn("Examples:\n  triad", result.stdout)
            for line in result.stdout.splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_examples_of_the_help_run(self):
        for line in triad("--help").stdout.splitlines():
            words = line.strip().split("  ")[0].split()
            if line.startswith("  triad") and "my-" not in line and words[1] in ("list", "describe", "graph", "support"):
                self.assertEqual(triad(*words[1:]).returncode, 0, line)

    def test_version(self):
        self.assertRegex(triad("--version").stdout, r"^triad \d+\.\d+\.\d+\n$")

    def test_without_arguments_the_help_is_an_error(self):
        result = triad()
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("Usage: triad", result.stderr)


class Mistakes(harness.Case):
    def test_commands_and_options(self):
        for arguments, message in (
            (["comapre"], "triad: there is no command 'comapre'; did you mean compare?"),
            (["zzzzzz"], "triad: there is no command 'zzzzzz'; there are compare, run, list, describe, graph, support, memory"),
            (["run"], "triad run: DEVICE is required (see triad run --help)"),
            (["run", DEVICE], "triad run: WORKLOAD is required (see triad run --help)"),
            (["run", DEVICE, "linear", "more"], "triad run: The following argument was not expected: more (see triad run --help)"),
            (["list", "--bogus"], "triad list: The following argument was not expected: --bogus (see triad list --help)"),
        ):
            self.refused(triad(*arguments, cwd=self.folder), message)

    def test_values_of_options(self):
        for arguments in (["--format", "xml"], ["--max-cycles", "-3"], ["--set"]):
            result = triad("run", DEVICE, "linear", *arguments, cwd=self.folder)
            self.assertEqual((result.returncode, result.stdout), (2, ""), arguments)
            self.assertIn("see triad run --help", result.stderr)
        for value in ("0", "1e3", "x", "2.5", "99999999999999999999"):
            self.refused(
                triad("run", DEVICE, "linear", "--max-cycles", value),
                f"triad run: --max-cycles: expected a whole number of at least 1, found '{value}' (see triad run --help)",
            )

    def test_names(self):
        self.refused(triad("run", DEVICE, "liner"), "'liner': no such preset (a file's name ends in .yaml); did you mean workloads/linear?")
        self.refused(
            triad("describe", "tpu/tinny"), "'tpu/tinny': no such preset (a file's name ends in .yaml); did you mean tpu/tiny?"
        )
        self.refused(triad("describe", "mlp"), "'mlp' is a workload (workloads/mlp); expected a preset of gpu, tpu, asic, memory")
        self.write("program.bin", "")
        self.refused(triad("describe", "program.bin", cwd=self.folder), "'program.bin' is a file, but its name does not end in .yaml")
        self.refused(
            triad("run", DEVICE, ".", cwd=self.folder), "'.' is a directory; expected a preset or a file whose name ends in .yaml"
        )
        self.refused(triad("run", DEVICE, "gone.yaml", cwd=self.folder), "gone.yaml: no such file")
        self.refused(triad("describe", "gone.yaml", cwd=self.folder), "gone.yaml: no such file")

    def test_settings(self):
        for setting, message in (
            ("device.mxu.rowz=8", "--set device.mxu.rowz=8: mxu.rowz: unknown key; did you mean rows?"),
            ("device.mxu.rows=0", "--set device.mxu.rows=0: mxu.rows: must be a whole number from 1 to 1024, found 0"),
            ("device.mxu.rows=[8", "--set device.mxu.rows=[8: not valid YAML: end of sequence flow not found"),
            ("device.mxu.rows=", "--set device.mxu.rows=: the value is missing after '='"),
            ("device.mxu", "--set device.mxu: expected PATH=VALUE"),
            ("device.clock.hz=8", "--set device.clock.hz=8: clock: is '500 MHz', which has no key hz"),
            ("divice.mxu.rows=8", "--set divice.mxu.rows=8: a path begins with one of device, workload, tiny; did you mean device?"),
            ("workload.stepz=5", "--set workload.stepz=5: stepz: unknown key; did you mean steps?"),
            ("workload.layers[0].name=x", "--set workload.layers[0].name=x: an item of a list stands in a path as a number: layers.0.name"),
            ("device.mxu.dataflow=os", "--set device.mxu.dataflow=os: mxu.dataflow: only ws is available, found 'os'"),
            ("workload.layers.7.name=x", "--set workload.layers.7.name=x: layers: a list of 1 items has no item '7'; they are counted from 0"),
        ):
            self.refused(triad("run", DEVICE, "linear", "--set", setting), message)

    def test_the_reference_has_no_device(self):
        self.refused(
            triad("run", "reference", "linear", "--set", "device.clock=1 GHz"),
            "--set device.clock=1 GHz: the host reference has no parameters",
        )
        self.refused(triad("run", "reference", "linear", "--max-cycles", "5"), "--max-cycles: the host reference has no cycles")

    def test_a_folder_that_cannot_be_written(self):
        self.write("file", "")
        path = os.path.join(os.path.realpath(self.folder), "file")
        result = triad("run", DEVICE, "linear", "--out", "file", cwd=self.folder)
        self.refused(result, f"--out file: {path} is no folder")


class Streams(harness.Case):
    def test_a_result_is_alone_on_standard_output(self):
        for command in (["list"], ["describe", DEVICE], ["run", DEVICE, "linear"], ["run", "reference", "linear"]):
            result = triad(*command)
            self.assertEqual((result.returncode, result.stderr), (0, ""), command)
            self.assertTrue(result.stdout.endswith("\n"))

    def test_a_fault_of_the_run_is_status_1(self):
        result = triad("run", DEVICE, "linear", "--max-cycles", "100", "--out", "out", cwd=self.folder)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("tiny: stopped after 100 cycles (--max-cycles)", result.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_full_disk_is_noticed(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = subprocess.run([harness.TRIAD, "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("No space left on device", result.stderr)

    def test_a_closed_pipe_ends_quietly(self):
        line = f"'{harness.TRIAD}' run {DEVICE} linear -v | head -n 1"
        result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, "linear on tiny: 100 steps, fp32\n")

    def test_tables_fit_the_terminal(self):
        for columns in (60, 80, 132):
            for command in (["run", DEVICE, "linear"], ["run", DEVICE, "linear", "-v"], ["list"], ["describe", DEVICE]):
                shown = harness.on_terminal(columns, *command)
                self.assertGreater(shown.count("\n"), 5)
                for line in shown.splitlines():
                    self.assertLessEqual(len(line), columns, line)

    def test_a_pipe_is_80_columns_wide(self):
        for line in triad("run", DEVICE, "linear").stdout.splitlines():
            self.assertLessEqual(len(line), 80)


class Listing(harness.Case):
    def test_what_is_listed_can_be_described(self):
        devices = triad("list").stdout.split("\n\n")[0].splitlines()[1:]
        names = [line.split()[0] for line in devices if line[2] != " "]
        self.assertIn(DEVICE, names)
        for name in names:
            result = triad("describe", name)
            self.assertEqual((result.returncode, result.stderr), (0, ""), name)
            self.assertIn("FLOPS", result.stdout)

    def test_a_description_shows_every_parameter_as_it_can_be_set(self):
        self.write("mine.yaml", "summary: mine\nextends: tpu/tiny\nmxu: {rows: 8}\n")
        result = triad("describe", "mine.yaml", "--set", "device.clock=1 GHz", cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        shown = dict(line.split(" = ") for line in result.stdout.splitlines() if " = " in line)
        self.assertEqual((shown["device.mxu.rows"], shown["device.clock"]), ("8", "1 GHz"))
        self.assertNotIn("device.summary", shown)
        self.assertGreater(len(shown), 20)
        settings = [argument for path, value in shown.items() for argument in ("--set", f"{path}={value}")]
        again = triad("describe", "mine.yaml", *settings, cwd=self.folder)
        self.assertEqual((again.returncode, again.stdout), (0, result.stdout))  # the digest too

    def test_an_experiment_of_ones_own(self):
        self.write("mine.yaml", "extends: tpu/tiny\nmxu: {rows: 8}\n")
        self.write("e.yaml", "devices: [tpu/tiny, mine.yaml, {preset: tpu/tiny, name: fast, set: {clock: 1 GHz}}]\nworkload: linear\n")
        result = triad("compare", "e.yaml", "--set", "workload.steps=3", "--check", cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("fast is the fastest", result.stdout)


if __name__ == "__main__":
    unittest.main()
