"""A TLM-2.0 memory of the user's in place of ours: the same losses and weights, in its time."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

TRIAD = os.environ["TRIAD"]
BLOCKING = (os.environ["LT_MEMORY"], "--set", "device.memory.preset=tlm")
FOUR_PHASES = (os.environ["AT_MEMORY"], "--set", "device.memory.preset=tlm", "--set", "device.memory.tlm.protocol=non-blocking")


def run(program, device, workload, *words):
    with tempfile.TemporaryDirectory() as out:
        result = subprocess.run([program[0], "run", device, workload, "--out", out, *program[1:], *words], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            return result, None, None
        weights = Path(out) / "weights.npz"  # none without values
        return result, json.loads((Path(out) / "result.json").read_text())["runs"][0], weights.is_file() and weights.read_bytes()


class Memory(unittest.TestCase):
    def test_values_are_the_same_and_time_is_the_memorys(self):
        for device in ("tpu/tiny", "gpu/tiny", "asic/tiny"):
            _, ours, our_weights = run((TRIAD,), device, "linear")
            cycles = {ours["cycles"]}
            for program in (BLOCKING, FOUR_PHASES):
                with self.subTest(device=device, program=program[0]):
                    result, theirs, their_weights = run(program, device, "linear", "--check")
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertEqual(len(theirs["loss"]), 100)
                    self.assertEqual(theirs["loss"], ours["loss"])
                    self.assertEqual(their_weights, our_weights)
                    self.assertEqual(theirs["memory"]["read_bytes"], ours["memory"]["read_bytes"])
                    cycles.add(theirs["cycles"])
            self.assertEqual(len(cycles), 3, device)  # three memories, three times

    def test_a_scatter_and_transactions_of_any_size(self):
        """Every op kind that moves rows by index, on the device whose engine adds to them in memory."""
        workload = "lstm-sentiment-mini"
        small = ("--set", "workload.steps=1")
        _, ours, our_weights = run((TRIAD,), "asic/tiny", workload, *small)
        for program, burst, outstanding in ((BLOCKING, "4 KiB", 1), (FOUR_PHASES, "32 B", 3)):
            words = ("--set", f"device.memory.tlm.burst={burst}", "--set", f"device.memory.tlm.outstanding={outstanding}")
            result, theirs, their_weights = run(program, "asic/tiny", workload, "--check", *small, *words)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(theirs["loss"], ours["loss"])
            self.assertEqual(their_weights, our_weights)

    def test_more_transactions_at_a_time_are_faster(self):
        cycles = [run(FOUR_PHASES, "tpu/tiny", "linear", "--set", "workload.steps=3", "--set", f"device.memory.tlm.outstanding={n}")[1]["cycles"] for n in (1, 4, 16)]
        self.assertEqual(cycles, sorted(cycles, reverse=True))
        self.assertGreater(cycles[0], 1.2 * cycles[2])

    def test_the_same_run_again_is_the_same(self):
        for program in (BLOCKING, FOUR_PHASES):
            first, again = (run(program, "gpu/tiny", "linear", "--set", "workload.steps=2")[1] for _ in range(2))
            first.pop("host_seconds"), again.pop("host_seconds")
            self.assertEqual(first, again)

    def test_an_address_that_the_memory_lacks(self):
        """The device takes it for 1 GiB; its command stream lies behind 882 MB of tensors, beyond the memory's 64 MiB."""
        large = ("--set", "device.memory.capacity=1 GiB", "--set", "workload.ops.0.m=100000", "--set", "workload.values=off")
        result, _, _ = run(BLOCKING, "asic/tiny", "gemm", *large)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"memory: transport_dbg of the TLM memory moved 0 of 65536 bytes at 0x\w+; .*'data: off'")
        result, _, _ = run(BLOCKING, "asic/tiny", "gemm", *large, "--set", "device.memory.tlm.data=off")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"memory_initiator: TLM_ADDRESS_ERROR_RESPONSE in answer to a read of \d+ bytes at 0x\w+")

    def test_without_values(self):
        _, with_values, _ = run(FOUR_PHASES, "tpu/tiny", "linear", "--set", "workload.steps=3")
        _, without, _ = run(FOUR_PHASES, "tpu/tiny", "linear", "--set", "workload.steps=3", "--set", "workload.values=off")
        self.assertEqual(with_values["cycles"], without["cycles"])

    def test_a_program_that_brings_no_memory(self):
        result, _, _ = run((TRIAD, *BLOCKING[1:]), "tpu/tiny", "linear")
        self.assertEqual(result.returncode, 2)
        self.assertIn("memory: kind: tlm is a TLM-2.0 memory of a program's own, and this program brings none", result.stderr)

    def test_bad_settings(self):
        for setting, message in (("burst=48 B", "must be a power of two"), ("outstanding=0", "must be a whole number from 1 to 1024"), ("protocol=blocked", "is none of blocking, non-blocking")):
            result, _, _ = run(BLOCKING, "tpu/tiny", "linear", "--set", f"device.memory.tlm.{setting}")
            self.assertEqual(result.returncode, 2)
            self.assertIn(message, result.stderr)


if __name__ == "__main__":
    unittest.main()
