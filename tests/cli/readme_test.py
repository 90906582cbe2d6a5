"""What README.md shows a user to write and run works as it stands there."""

import os
import re
import unittest

import harness
from harness import triad


class Readme(harness.Case):
    def setUp(self):
        super().setUp()
        with open(os.path.join(harness.SOURCE, "README.md"), encoding="utf-8") as file:
            self.readme = file.read()
        blocks = re.findall(r"`(my-\w+\.yaml)`[^\n]*:\n(?:[^\n]+:\n)?\n((?:    [^\n]*\n)+)", self.readme)
        for name, block in blocks:
            self.write(name, re.sub("^    ", "", block, flags=re.MULTILINE))
        self.files = sorted(name for name, _ in blocks)

    def test_the_examples_run(self):
        self.assertEqual(self.files, ["my-experiment.yaml", "my-net.yaml", "my-tpu.yaml"])
        for command in (["run", "my-tpu.yaml", "my-net.yaml"], ["compare", "my-experiment.yaml"]):
            self.assertIn("triad " + " ".join(command), self.readme)
            result = triad(*command, "--set", "workload.steps=2", cwd=self.folder)
            self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_the_memory_reaches_what_it_shows(self):
        command = re.search(r"\./triad (memory ddr4-3200 [^\n]*)\n", self.readme)[1]
        shown, printed = (
            [float(figure) for figure in re.search(r"bandwidth +([0-9.]+) GB/s .*?median; least.*?energy +([0-9.]+) pJ/bit", text, re.DOTALL).groups()]
            for text in (self.readme.split("./triad " + command)[1], triad(*command.split()).stdout)
        )
        for a, b in zip(shown, printed):
            self.assertAlmostEqual(a, b, delta=0.02 * b)

    def test_the_mistake_is_reported_as_shown(self):
        message = re.search(r"`(my-tpu.yaml:2:7: [^`]+)`", self.readme)[1]
        self.write("my-tpu.yaml", "extends: tpu/tpu-v3\nmxu: {rowz: 64}\n")
        self.refused(triad("describe", "my-tpu.yaml", cwd=self.folder), message)

    def test_the_files_that_it_names_exist(self):
        for path in re.findall(r"`([\w/.-]+(?:README\.md|\.cpp|LICENSE))`", self.readme):
            self.assertTrue(os.path.exists(os.path.join(harness.SOURCE, path)), path)

    def test_the_presets_that_it_names_exist(self):
        for preset in set(re.findall(r"\b((?:tpu|gpu|asic|memory|workloads|experiments)/[a-z][\w-]*)\b(?!/|\.|`?:)", self.readme)):
            if not os.path.isdir(os.path.join(harness.SOURCE, "models", preset)):
                self.assertTrue(os.path.exists(os.path.join(harness.SOURCE, "configs", preset + ".yaml")), preset)


if __name__ == "__main__":
    unittest.main()
