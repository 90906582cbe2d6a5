"""triad memory: patterns, traces, what it prints and writes, and what it refuses."""

import collections
import csv
import io
import json
import os
import signal
import subprocess
import time
import unittest

import harness
from harness import on_terminal, triad

# One channel, so that its figures can be worked out: 25.6 GB/s, a group after the other, a row after the other.
MEMORY = """extends: memory/ddr4-3200
channels: 1
scheduler: {refresh: none}
mapping: {interleave: 64 B, order: [row, bank, bank_group, column], xor: none}
"""


class Memory(harness.Case):
    def setUp(self):
        super().setUp()
        self.memory = self.write("memory.yaml", MEMORY)

    def run_in_folder(self, *arguments, memory=None):
        result = triad("memory", memory or self.memory, *arguments, cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def json(self, *arguments, memory=None):
        return json.loads(self.run_in_folder(*arguments, "--format", "json", memory=memory))

    def file(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def test_one_in_flight(self):
        result = self.json("--outstanding", "1", "--requests", "100")
        # tRCD + tCL + burst = 22 + 22 + 4 cycles of 0.625 ns, then 22 + 4 each, in one row
        self.assertEqual(result["cycles"], 48 + 99 * 26)
        self.assertAlmostEqual(result["read_latency_seconds"]["max"], 30e-9)
        self.assertAlmostEqual(result["read_latency_seconds"]["median"], 16.25e-9)
        self.assertAlmostEqual(result["bytes_per_second"], 6400 / (result["cycles"] * 0.625e-9))
        self.assertEqual(result["commands"], {"activate": 1, "precharge": 0, "read": 100, "write": 0, "refresh": 0})
        self.assertEqual(result["row_hit_rate"], 0.99)
        self.assertEqual(sum(result["bus_cycles"].values()), result["cycles"])
        self.assertAlmostEqual(result["joules_per_bit"] * 8 * 6400, sum(result["energy_joules"].values()))

    def test_patterns(self):
        sequential = self.json("--requests", "20000")
        strided = self.json("--requests", "20000", "--pattern", "strided", "--stride", "8 KiB")
        drawn = self.json("--requests", "20000", "--pattern", "random", "--rw-ratio", "2:1")
        self.assertAlmostEqual(sequential["row_hit_rate"], 1 - 1 / 128, places=3)  # 128 columns a row
        self.assertEqual(strided["row_hit_rate"], 0)
        self.assertAlmostEqual(drawn["commands"]["write"], 20000 / 3, delta=350)  # five standard deviations
        self.assertGreater(sequential["utilization"], strided["utilization"])
        # four activates in 34 cycles: 8.5 a read at the least
        self.assertLess(strided["utilization"], 4 / 8.5)
        self.assertGreater(strided["utilization"], 0.95 * 4 / 8.5)
        self.assertEqual(self.json("--requests", "500", "--rw-ratio", "0:1")["commands"]["read"], 0)

    def test_the_same_every_time(self):
        arguments = ("--pattern", "random", "--rw-ratio", "1:1", "--requests", "20000")
        self.assertEqual(self.run_in_folder(*arguments), self.run_in_folder(*arguments, "--seed", "1"))
        self.assertNotEqual(self.run_in_folder(*arguments), self.run_in_folder(*arguments, "--seed", "2"))

    def test_every_preset_under_the_eye_of_the_checker(self):
        folder = os.path.join(harness.SOURCE, "configs/memory")
        names = sorted(name[: -len(".yaml")] for name in os.listdir(folder) if name.endswith(".yaml"))
        driven = 0
        for name in names:
            with open(os.path.join(folder, name + ".yaml"), encoding="utf-8") as file:
                if "kind: dram" not in file.read():
                    continue
            driven += 1
            result = self.json("--pattern", "random", "--rw-ratio", "2:1", "--requests", "5000", "--check", memory="memory/" + name)
            self.assertEqual(result["traffic"]["request_bytes"], 64)
            self.assertGreater(result["utilization"], 0.05, name)
            self.assertLess(result["utilization"], 1, name)
        self.assertGreaterEqual(driven, 8)

    def test_table(self):
        shown = self.run_in_folder("--requests", "100000", "--pattern", "random", "--rw-ratio", "2:1", "--interval", "12")
        self.assertTrue(shown.startswith("memory: random requests of 64 B, reads to writes 2:1, 12 cycles apart\n1 channel of 64 bit, 1 rank,"), shown)
        self.assertRegex(shown, r"\nbandwidth +[0-9.]+ GB/s  [0-9.]+ % of the peak of 25\.6 GB/s\n")
        self.assertRegex(shown, r"\nread latency +[0-9.]+ ns  median; least [0-9.]+ ns, 95 % within")
        self.assertRegex(shown, r"\nwrite latency ")
        self.assertIn("until the write queue has it", " ".join(shown.split()))
        self.assertRegex(shown, r"\nenergy +[0-9.]+ pJ/bit  activate [0-9.]+ %, read")
        self.assertRegex(shown, r"\nreading +[0-9.]+ %  #+\n")

    def test_narrow_terminals(self):
        for columns in (40, 60, 100):
            shown = on_terminal(columns, "memory", "hbm2", "--requests", "2000", "--rw-ratio", "1:1")
            self.assertIn("bandwidth", shown)
            for line in shown.splitlines():
                self.assertLessEqual(len(line), columns, line)

    def test_csv(self):
        for arguments in ((), ("--rw-ratio", "0:1"), ("--outstanding", "3")):
            rows = list(csv.reader(io.StringIO(self.run_in_folder("--requests", "300", "--format", "csv", *arguments))))
            self.assertEqual(len(rows), 2)
            self.assertEqual(len(rows[0]), len(rows[1]))
            names = rows[0] if arguments == () else names
            self.assertEqual(rows[0], names)
            row = dict(zip(*rows))
            self.assertEqual(int(row["commands_read"]) + int(row["commands_write"]), 300)

    def test_a_trace_of_a_pattern_gives_the_same_figures(self):
        pattern = self.json("--pattern", "random", "--rw-ratio", "1:1", "--requests", "3000", "--write-trace", "requests.txt")
        self.assertEqual(len(self.file("requests.txt").splitlines()), 3000)
        trace = self.json("--trace", "requests.txt")
        piped = subprocess.run(
            [harness.TRIAD, "memory", self.memory, "--trace", "-", "--format", "json"],
            cwd=self.folder, input=self.file("requests.txt"), capture_output=True, text=True, timeout=60, check=True,
        )
        for result in (trace, json.loads(piped.stdout)):
            del result["traffic"]
            self.assertEqual(result, {key: value for key, value in pattern.items() if key != "traffic"})

    def test_traces_of_others(self):
        traces = {
            "ramulator.txt": "0x0 R\n0x40 R\n0x2000 W\n",
            "ramulator2.txt": "LD 0\nLD 64\nST 8192\n",
            "upper.txt": "# three\n\n0x0 READ\r\n64 READ\r\n0X2000 WRITE",
        }
        results = [self.run_in_folder("--trace", self.write(name, text), "--format", "csv").replace(name, "") for name, text in traces.items()]
        self.assertEqual(len(set(results)), 1)
        timed = {"dramsim3.txt": "0x0 READ 0\n0x40 P_MEM_RD 500\n0x2000 WRITE 1000\n", "dramsys.stl": "0:\tread\t0x0\n500: read 0x40\n1000: write 0x2000\n"}
        for name, text in timed.items():
            result = self.json("--trace", self.write(name, text))
            self.assertEqual(result["cycles"], 1000 + 22 + 16 + 4)  # the write into a closed row: tRCD, tCWL, burst
            self.assertAlmostEqual(result["read_latency_seconds"]["min"], 26 * 0.625e-9)

    def test_commands(self):
        result = self.json("--pattern", "random", "--requests", "2000", "--commands", "commands.csv", "--rw-ratio", "1:1")
        rows = list(csv.DictReader(io.StringIO(self.file("commands.csv"))))
        counted = collections.Counter(row["command"] for row in rows)
        wanted = result["commands"]
        self.assertEqual(counted, {"ACT": wanted["activate"], "PRE": wanted["precharge"], "RD": wanted["read"], "WR": wanted["write"]})
        self.assertEqual(rows, sorted(rows, key=lambda row: int(row["cycle"])))
        opened = {}  # every column's row is open: what any checker would say first
        for row in rows:
            bank = (row["channel"], row["rank"], row["bank_group"], row["bank"])
            if row["command"] in ("RD", "WR"):
                self.assertEqual(opened[bank], row["row"])
            opened[bank] = row["row"]

    def test_outputs_go_through_links_and_pipes(self):
        self.run_in_folder("--requests", "10", "--commands", "plain.csv")
        os.symlink("linked.csv", os.path.join(self.folder, "link.csv"))
        self.run_in_folder("--requests", "10", "--commands", "link.csv")
        self.assertTrue(os.path.islink(os.path.join(self.folder, "link.csv")))
        self.assertEqual(self.file("linked.csv"), self.file("plain.csv"))
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
            self.run_in_folder("--requests", "10", "--commands", "pipe")
            self.assertEqual(reader.communicate(timeout=60)[0], self.file("plain.csv"))
        self.assertFalse(os.path.isfile(pipe))  # still a pipe

    def test_row_hits_are_a_rate(self):
        # Refreshes close rows that have been opened: more activates than bursts.
        result = self.json("--pattern", "random", "--requests", "20000", memory="ddr4-3200")
        self.assertGreater(result["commands"]["activate"], result["commands"]["read"])
        self.assertEqual(result["row_hit_rate"], 0)

    def test_a_memory_of_ones_own_in_a_device(self):
        self.write("my-memory.yaml", "summary: of mine\nextends: memory/hbm2\nchannels: 3\n")
        self.write("my-tpu.yaml", "extends: tpu/tpu-v3\nmemory: {preset: my-memory.yaml, channels: 5}\n")
        shown = triad("describe", "my-tpu.yaml", cwd=self.folder)
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        self.assertIn("5 x 2 pseudo channels", shown.stdout)
        self.assertIn("3 channels x 2 pseudo", self.run_in_folder("--requests", "10", memory="my-memory.yaml"))

    def test_memory_does_not_grow_with_the_requests(self):
        def peak(requests):
            command = [harness.TRIAD, "memory", "ddr4-3200", "--pattern", "random", "--requests", str(requests)]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self.folder) as process:
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0)
            return used.ru_maxrss

        self.assertLess(peak(1_000_000), peak(100_000) + 4000)  # KiB; one more of 4 B each would be as much

    def test_bad_input(self):
        self.refused(triad("memory", "tpu/tpu-v3"), "configs/tpu/tpu-v3.yaml:2:1: is no memory: expected a preset of memory, or a file that extends one")
        self.refused(triad("memory", "ddr4-3299"), "'ddr4-3299': no such preset (a file's name ends in .yaml); did you mean memory/ddr4-3200?")
        self.refused(triad("run", "memory/hbm2", "mlp"), "'memory/hbm2' is a memory (memory/hbm2); expected a preset of gpu, tpu, asic")
        self.refused(triad("memory", "ideal"), "kind: ideal has no queues, banks or rows: there is nothing to drive without a machine")
        cases = [
            (["--set", "device.clock=1 GHz"], "--set device.clock=1 GHz: expected memory.KEY=VALUE, such as memory.scheduler.page=closed"),
            (["--set", "memory.timing.tRCE=8"], "--set memory.timing.tRCE=8: timing.tRCE: unknown key; did you mean tRC?"),
            (["--bytes", "32GiB"], "a request of 34359738368 B is larger than the memory, which has 8589934592 B"),
            (["--trace", "none.txt"], "--trace none.txt: No such file or directory"),
            (["--trace", "."], "--trace .: is a folder"),
            (["--commands", "no/folder.csv"], "--commands no/folder.csv: cannot be written: No such file or directory"),
            (["--commands", "a", "--write-trace", "a"], "--write-trace and --commands name one file, a"),
            (["--commands", "./a", "--write-trace", "a"], "--write-trace and --commands name one file, a"),
            (["--commands", "."], "--commands .: cannot be written: Is a directory"),
            (["--pattern", "strided", "--stride", "8GiB"], "a stride of 8589934592 B leads out of the memory, which has 8589934592 B: all would be one address"),
        ]
        for arguments, message in cases:
            self.refused(triad("memory", self.memory, *arguments, cwd=self.folder), message)
        options = [
            (["--rw-ratio", "2"], "expected reads to writes, such as 2:1, 1:0 or 0:1, found '2'"),
            (["--rw-ratio", "0:0"], "expected numbers up to 1,000,000, one of them not 0, found '0:0'"),
            (["--stride", "64"], "is for --pattern strided"),
            (["--bytes", "4XB"], "--bytes: expected a size such as 64, 8 KiB or 1 MB, found '4XB'"),
            (["--bytes", "1.5"], "--bytes: expected a size such as 64, 8 KiB or 1 MB, found '1.5'"),
            (["--requests", "0"], "expected a whole number of at least 1, found '0'"),
            (["--requests", "1e6"], "expected a whole number of at least 1, found '1e6'"),
            (["--outstanding", "-1"], "expected a whole number of at least 1, found '-1'"),
            (["--pattern", "zigzag"], "zigzag not in {sequential,random,strided}"),
            (["--pattern", "random", "--trace", "t"], "--pattern excludes --trace"),
            (["--wrap"], "--wrap requires --trace"),
        ]
        for arguments, message in options:
            result = triad("memory", self.memory, *arguments, cwd=self.folder)
            self.assertEqual((result.returncode, result.stdout), (2, ""), arguments)
            self.assertIn(message, result.stderr)

    def test_a_mistake_in_a_trace_leaves_nothing_behind(self):
        self.write("trace.txt", "0x0 R\n0x40 Q\n")
        result = triad("memory", self.memory, "--trace", "trace.txt", "--commands", "c.csv", "--write-trace", "t.txt", cwd=self.folder)
        self.refused(result, "trace.txt:2:6: expected R or W, found 'Q'")
        self.assertEqual(sorted(os.listdir(self.folder)), ["memory.yaml", "trace.txt"])
        self.write("far.txt", "0x200000000 R\n")
        self.refused(
            triad("memory", self.memory, "--trace", "far.txt", cwd=self.folder),
            "far.txt:1:1: 64 B at 0x200000000 lie beyond the memory, which has 0x200000000 B; --wrap folds addresses into it",
        )
        self.run_in_folder("--trace", "far.txt", "--wrap")

    def test_an_interrupt_leaves_nothing_behind(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            command = [harness.TRIAD, "memory", self.memory, "--requests", "1000000000", "--write-trace", "t.txt", "--commands", "c.csv"]
            # A shell without job control starts what runs behind it with SIGINT ignored.
            with subprocess.Popen(command, cwd=self.folder, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
                while len(os.listdir(self.folder)) < 3 and process.poll() is None:
                    time.sleep(0.01)
                self.assertEqual(len(os.listdir(self.folder)), 3)
                process.send_signal(number)
                self.assertEqual(process.wait(timeout=60), -number)
            self.assertEqual(os.listdir(self.folder), ["memory.yaml"])

    def test_describe_and_list(self):
        shown = triad("describe", "memory/hbm2", "--set", "memory.timing.tFAW=20").stdout
        self.assertIn("\nmemory.timing.tFAW = 20\n", shown)
        self.assertIn("\nmemory.channels = 32\n", shown)
        # Another preset comes with its own number of channels; what the device writes itself stays.
        shown = triad("describe", "tpu/tpu-v3", "--set", "device.memory.preset=hbm3").stdout
        self.assertIn("\ndevice.memory.channels = 80\n", shown)
        self.assertIn("\ndevice.memory.latency = 370 ns\n", shown)
        self.assertEqual(triad("describe", "memory.yaml", cwd=self.folder).stdout.splitlines()[0], "memory")
        self.assertIn("\n  memory/ddr4-3200 ", triad("list").stdout)


if __name__ == "__main__":
    unittest.main()
