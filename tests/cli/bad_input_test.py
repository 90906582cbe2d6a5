"""Every file in bad/ is refused with one message at its place, status 2, and nothing written.

The first line of a file is the command, the second the message; "..." at its end stands for whatever follows, and {here} for the
folder. A test per file."""

import glob
import os
import unittest

import harness

HERE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "bad")
FILES = sorted(glob.glob(os.path.join(HERE, "*.yaml")))


class BadInput(harness.Case):
    def test_there_are_enough(self):
        self.assertGreaterEqual(len(FILES), 30)


def make_test(path):
    def test(self):
        with open(path, "rb") as file:
            command, message = (file.readline().decode().strip().removeprefix("# ") for _ in range(2))
        before = sorted(os.listdir(HERE))
        out = os.path.join(self.folder, "out")
        result = harness.triad(*command.removeprefix("triad ").split(), "--out", out, cwd=HERE)
        message = message.replace("{here}", HERE)
        self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        if message.endswith("..."):
            self.assertEqual(result.stderr[: len(message) - 3], message[:-3])
        else:
            self.assertEqual(result.stderr, message + "\n")
        self.assertFalse(os.path.exists(out))
        self.assertEqual(sorted(os.listdir(HERE)), before)

    return test


for _path in FILES:
    _name = os.path.basename(_path).removesuffix(".yaml").replace("-", "_")
    setattr(BadInput, "test_" + _name, make_test(_path))

if __name__ == "__main__":
    unittest.main()
