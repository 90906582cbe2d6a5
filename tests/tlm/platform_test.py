"""An accelerator in a user's own platform does what it does alone: the same losses, the same cycles."""

import json
import os
import subprocess
import unittest

TRIAD = os.environ["TRIAD"]
PLATFORM = os.environ["PLATFORM"]


def alone(device, workload, *settings):
    words = [word for setting in settings for word in ("--set", setting)]
    result = subprocess.run([TRIAD, "run", device, workload, "--format", "json", *words], capture_output=True, text=True, check=True)
    return json.loads(result.stdout)["runs"][0]


def platform(device, workload, *settings):
    return subprocess.run([PLATFORM, device, workload, *settings], capture_output=True, text=True, check=False)


class Platform(unittest.TestCase):
    def test_every_architecture_does_what_it_does_alone(self):
        for device in ("tpu/tiny", "gpu/tiny", "asic/tiny"):
            with self.subTest(device):
                result = platform(device, "linear")
                self.assertEqual(result.returncode, 0, result.stderr)
                lines = [line.split() for line in result.stdout.splitlines() if line.startswith(("loss ", "cycles "))]
                expected = alone(device, "linear")
                self.assertEqual(len(expected["loss"]), 100)
                self.assertEqual([float(value) for name, value in lines if name == "loss"], [float(f"{loss:.9g}") for loss in expected["loss"]])
                self.assertEqual([int(value) for name, value in lines if name == "cycles"], [expected["cycles"]])

    def test_settings_are_those_of_the_command_line(self):
        result = platform("tpu/tiny", "linear", "workload.steps=3", "device.clock=100 MHz")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("loss "), 3)
        self.assertIn(f"cycles {alone('tpu/tiny', 'linear', 'workload.steps=3', 'device.clock=100 MHz')['cycles']}\n", result.stdout)
        result = platform("tpu/tiny", "linear", "device.mxu.rowz=3")
        self.assertEqual(result.returncode, 1)
        self.assertIn("did you mean rows?", result.stderr)


if __name__ == "__main__":
    unittest.main()
