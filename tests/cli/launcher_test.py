"""./triad itself: what it finds missing, installs and says. The launcher is copied into a tree of its own, where scripts stand in
place of cmake, ninja, the compiler, apt-get, sudo and id; they note how they were called."""

import os
import shutil
import subprocess
import unittest

import harness

REAL = "awk bash cat dirname env flock grep head ls mkdir nproc readlink rm sleep tail tee test touch".split()
BINARY = 'printf "%s\\n" "RESULT $*"'


class Launcher(harness.Case):
    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.folder, "tree")
        self.bin = os.path.join(self.folder, "bin")
        os.makedirs(self.bin)
        os.makedirs(self.root)
        for name in ("triad", "packages.txt"):
            shutil.copy(os.path.join(harness.SOURCE, name), self.root)
        for tool in REAL:
            os.symlink(shutil.which(tool), os.path.join(self.bin, tool))
        self.fake("cmake", 'mkdir -p "$ROOT/build/release"; touch "$ROOT/build/release/build.ninja"')
        self.fake("ninja", f"""mkdir -p "$ROOT/build/release/bin"
echo '[1/2] Building one'; echo 'x.cpp:1: warning: odd'; echo '[2/2] Linking two'
echo '#!/bin/bash' > "$ROOT/build/release/bin/triad"; echo '{BINARY}' >> "$ROOT/build/release/bin/triad"
command -p chmod +x "$ROOT/build/release/bin/triad" """)
        self.fake("c++", "true")
        self.fake("apt-get", "true")
        self.fake("ctest", 'echo "100% tests passed"')
        self.fake("id", "echo 0")

    def fake(self, name, script):
        """A command that notes its arguments and runs `script`."""
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/bash\necho "{name} $*" >> "$CALLS"\n{script}\n')
        os.chmod(path, 0o755)

    def launch(self, *arguments):
        calls = os.path.join(self.folder, "calls")
        env = {"PATH": self.bin, "ROOT": self.root, "CALLS": calls}
        open(calls, "w", encoding="utf-8").close()
        result = subprocess.run(
            [os.path.join(self.root, "triad"), *arguments], cwd="/", env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        with open(calls, encoding="utf-8") as file:
            self.calls = file.read().splitlines()
        return result

    def packages(self):
        with open(os.path.join(harness.SOURCE, "packages.txt"), encoding="utf-8") as file:
            return file.read().split()

    def missing(self, *packages):
        """cmake that does not find these until apt-get install has run."""
        self.fake("cmake", f"""mkdir -p "$ROOT/build/release"
if [ -e "$ROOT/installed" ]; then rm -f "$ROOT/build/release/missing-packages.txt"; touch "$ROOT/build/release/build.ninja"
else printf '%s\\n' {' '.join(packages)} > "$ROOT/build/release/missing-packages.txt"; echo 'CMake Error: not found' >&2; exit 1; fi""")
        self.fake("apt-get", 'if [ "$1" = install ]; then touch "$ROOT/installed"; fi')

    def test_builds_and_passes_arguments_on(self):
        result = self.launch("run", "tpu/tpu-v3", "my net.yaml")
        self.assertEqual((result.returncode, result.stdout), (0, "RESULT run tpu/tpu-v3 my net.yaml\n"))
        self.assertIn("triad: configuring (release)\n", result.stderr)
        self.assertIn("x.cpp:1: warning: odd\n", result.stderr)
        self.assertIn("triad: built 2 of 2\n", result.stderr)
        self.assertNotIn("apt-get", "".join(self.calls))

    def test_configures_once(self):
        self.launch("list")
        self.assertTrue(any(call.startswith("cmake") for call in self.calls))
        self.launch("list")
        self.assertFalse(any(call.startswith("cmake") for call in self.calls))

    def test_installs_what_cmake_does_not_find_and_says_so_first(self):
        self.missing("libfmt-dev", "verilator")
        result = self.launch("compare")
        self.assertEqual((result.returncode, result.stdout), (0, "RESULT compare\n"), result.stderr)
        self.assertIn("triad: missing: libfmt-dev verilator\n", result.stderr)
        installs = [call for call in self.calls if call.startswith("apt-get")]
        self.assertEqual(installs[0], "apt-get update")
        self.assertEqual(installs[1], "apt-get install -y --no-install-recommends --no-upgrade libfmt-dev verilator")

    def test_without_cmake_everything_is_asked_for(self):
        shutil.move(os.path.join(self.bin, "cmake"), os.path.join(self.bin, "cmake-later"))
        self.fake("apt-get", 'if [ "$1" = install ]; then command -p mv "${0%/*}/cmake-later" "${0%/*}/cmake"; fi')
        result = self.launch("list")
        self.assertEqual((result.returncode, result.stdout), (0, "RESULT list\n"), result.stderr)
        self.assertIn("apt-get install -y --no-install-recommends --no-upgrade " + " ".join(self.packages()), self.calls)

    def test_a_compiler_that_does_not_compile_is_missing(self):
        self.fake("c++", '[ -e "$ROOT/installed" ]')
        self.fake("apt-get", 'touch "$ROOT/installed"')
        self.launch("list")
        self.assertTrue(any(call.startswith("apt-get install") for call in self.calls))

    def test_without_root_and_sudo_it_prints_the_line_to_run(self):
        self.missing("libfmt-dev")
        self.fake("id", "echo 1000")
        result = self.launch("compare")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("apt-get update && apt-get install -y --no-install-recommends libfmt-dev\n", result.stderr)
        self.assertFalse(any(call.startswith("apt-get") for call in self.calls))

    def test_sudo_is_used_where_it_asks_nothing(self):
        self.missing("libfmt-dev")
        self.fake("id", "echo 1000")
        self.fake("sudo", 'if [ "$1" = -n ]; then exit 0; fi; "$@"')
        result = self.launch("compare")
        self.assertEqual((result.returncode, result.stdout), (0, "RESULT compare\n"), result.stderr)
        self.assertTrue(any(call.startswith("sudo env DEBIAN_FRONTEND=noninteractive apt-get install") for call in self.calls))

    def test_packages_that_do_not_install(self):
        self.missing("libfmt-dev")
        self.fake("apt-get", "echo 'E: Unable to locate package' >&2; exit 100")
        result = self.launch("compare")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("E: Unable to locate package", result.stderr)

    def test_a_build_that_fails(self):
        self.fake("ninja", "echo 'x.cpp:3:1: error: expected'; exit 1")
        result = self.launch("compare")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("x.cpp:3:1: error: expected\n", result.stderr)
        self.assertIn("triad: the build failed", result.stderr)

    def test_what_is_needed_since_the_last_build_is_installed(self):
        self.launch("list")
        self.missing("libzip-dev")
        self.fake("ninja", f"""if [ ! -e "$ROOT/installed" ]; then cmake; exit 1; fi
mkdir -p "$ROOT/build/release/bin"; echo '{BINARY}' > "$ROOT/build/release/bin/triad" """)
        result = self.launch("list")
        self.assertEqual((result.returncode, result.stdout), (0, "RESULT list\n"), result.stderr)
        self.assertIn("triad: missing: libzip-dev\n", result.stderr)

    def test_runs_the_tests(self):
        result = self.launch("test", "-R", "house")
        self.assertEqual((result.returncode, result.stdout), (0, "100% tests passed\n"))
        self.assertIn(f"ninja -C {self.root}/build/release -j", "".join(self.calls))
        self.assertTrue(self.calls[-1].startswith(f"ctest --test-dir {self.root}/build/release --output-on-failure"))
        self.assertTrue(self.calls[-1].endswith("-R house"))

    def test_two_builds_at_once_wait_for_each_other(self):
        self.fake("ninja", f"""echo begin >> "$CALLS"; sleep 0.5; echo end >> "$CALLS"
mkdir -p "$ROOT/build/release/bin"; echo '{BINARY}' > "$ROOT/build/release/bin/triad"; command -p chmod +x "$ROOT/build/release/bin/triad" """)
        calls = os.path.join(self.folder, "calls")
        env = {"PATH": self.bin, "ROOT": self.root, "CALLS": calls}
        both = [subprocess.Popen([self.root + "/triad", "list"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        errors = "".join(process.communicate()[1] for process in both)
        with open(calls, encoding="utf-8") as file:
            turns = [line for line in file.read().splitlines() if line in ("begin", "end")]
        self.assertEqual(turns, ["begin", "end", "begin", "end"])
        self.assertIn("another build runs here", errors)


if __name__ == "__main__":
    unittest.main()
