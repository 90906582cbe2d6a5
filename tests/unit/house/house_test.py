"""The order of the house: who may include whom, READMEs, sizes, format, packages."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CODE = sorted(p for folder in ("sim", "models", "tests") for p in (ROOT / folder).rglob("*") if p.suffix in (".cpp", ".hpp", ".cu", ".cuh"))
LONGEST = 400  # lines

# Folders whose headers a folder may include, besides its own (design section 2).
MAY_INCLUDE = {
    "sim/numerics": [],
    "sim/config": [],
    "sim/graph": ["sim/numerics"],
    "sim/activity": ["sim/config"],
    "sim/device": ["sim/numerics", "sim/graph", "sim/config", "sim/activity"],
    "sim/workload": ["sim/numerics", "sim/graph", "sim/config", "sim/device", "sim/reference"],
    "sim/reference": ["sim/numerics", "sim/graph", "sim/device"],
    "sim/report": ["sim/numerics", "sim/graph", "sim/device"],
    "sim/experiment": ["sim/"],
    "sim/cli": ["sim/"],
    "models/kit": ["sim/numerics", "sim/graph", "sim/config", "sim/device", "sim/activity"],
    "models/memory": ["models/kit", "sim/numerics", "sim/graph", "sim/config", "sim/device", "sim/activity"],
    "models/platform": ["sim/device"],
    "models/cosim": ["models/kit", "sim/numerics", "sim/graph", "sim/config", "sim/device", "sim/activity"],
}
MODEL = ["models/kit", "models/memory", "models/cosim", "sim/numerics", "sim/graph", "sim/config", "sim/device", "sim/activity"]
SYSTEMC = re.compile(r"^(systemc|tlm|sysc/.*)(\.h)?$")


def name(path):
    return path.relative_to(ROOT).as_posix()


def includes(path):
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(encoding="utf-8"), re.MULTILINE)


def all_includes(path, seen):
    """What a file includes, directly or through headers of the house."""
    for header in includes(path):
        if header not in seen:
            seen[header] = name(path)
            if (ROOT / header).is_file():
                all_includes(ROOT / header, seen)
    return seen


class Layering(unittest.TestCase):
    def test_the_simulator_does_not_know_the_models(self):
        for path in CODE:
            if name(path).startswith("sim/") and name(path) != "sim/cli/main.cpp":
                for header in includes(path):
                    self.assertFalse(header.startswith("models/"), f"{name(path)} includes {header}")

    def test_folders_include_only_what_they_may_know(self):
        for path in CODE:
            parts = name(path).split("/")
            if len(parts) < 3 or parts[0] == "tests" or name(path) == "sim/cli/main.cpp":
                continue
            folder = "/".join(parts[:2])
            allowed = [folder, *MAY_INCLUDE.get(folder, MODEL)]
            for header in includes(path):
                if header.startswith(("sim/", "models/")):
                    self.assertTrue(header.startswith(tuple(allowed)), f"{name(path)} includes {header}")

    def test_compilers_instruction_sets_and_dram_do_not_know_systemc(self):
        parts = r"models/\w+/(compiler/|isa|assembler)", r"models/memory/dram/", r"sim/"
        checked = set()
        for path in CODE:
            if part := next((part for part in parts if re.match(part, name(path))), None):
                if name(path) == "sim/cli/main.cpp":
                    continue
                checked.add(part)
                for header, source in all_includes(path, {}).items():
                    self.assertIsNone(SYSTEMC.match(header), f"{name(path)} includes {header} through {source}")
        self.assertEqual(checked, set(parts))


class Housekeeping(unittest.TestCase):
    def test_every_folder_of_the_second_level_has_a_readme(self):
        folders = [folder for top in ("sim", "models", "configs", "tests", "rtl") for folder in sorted((ROOT / top).iterdir())]
        bare = [name(f) for f in folders if f.is_dir() and any(f.rglob("*.*")) and not (f / "README.md").is_file()]
        self.assertEqual(bare, [])

    def test_no_file_is_too_long(self):
        files = [*CODE, *(ROOT / "rtl").rglob("*.sv"), *(ROOT / "tests").rglob("*.py")]
        lines = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
        self.assertEqual({path: n for path, n in lines.items() if n > LONGEST}, {})

    def test_nothing_is_left_to_be_done(self):
        for path in CODE:
            if name(path).startswith(("sim/", "models/")):
                found = re.search(r"\b(TODO|FIXME|XXX|HACK)\b", path.read_text(encoding="utf-8"))
                self.assertIsNone(found, name(path))

    def test_the_build_looks_for_every_package(self):
        listed = {line for line in (ROOT / "packages.txt").read_text().split("\n") if line and not line.startswith("#")}
        needed = set(re.findall(r"^triad_need\((\S+)", (ROOT / "cmake/dependencies.cmake").read_text(), re.MULTILINE))
        # The launcher tries these by itself: without them CMake cannot look for the rest.
        self.assertEqual(needed | {"g++", "cmake", "ninja-build"}, listed)

    def test_sources_are_formatted(self):
        result = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, CODE)], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr[:4000])


if __name__ == "__main__":
    unittest.main()
