"""Runs the program as a user does: the binary $TRIAD, the release build of this tree when that is not set."""

import fcntl
import os
import pty
import struct
import subprocess
import tempfile
import termios
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TRIAD = os.environ.get("TRIAD", os.path.join(SOURCE, "build/release/bin/triad"))
DEVICE = "tpu/tiny"  # the quickest machine


def triad(*arguments, cwd=None, env=None):
    """Runs the program, 80 columns wide unless `env` has COLUMNS; the result has returncode, stdout and stderr."""
    if env is None:
        env = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
    return subprocess.run([TRIAD, *arguments], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)


def on_terminal(columns, *arguments):
    """Runs the program with its standard output on a terminal of that width; returns what appeared there."""
    try:
        master, slave = pty.openpty()
    except OSError as error:  # a machine without pseudo-terminals
        raise unittest.SkipTest(str(error)) from error
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([TRIAD, *arguments], stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.DEVNULL) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the terminal is closed
                break
            if not piece:
                break
            shown += piece
    os.close(master)
    return shown.decode().replace("\r\n", "\n")


class Case(unittest.TestCase):
    """Gives every test an empty folder, `self.folder`."""

    maxDiff = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)
        return name

    def refused(self, result, message):
        """The input was at fault: status 2, this one line on standard error, nothing on standard output."""
        self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
        self.assertEqual(result.stderr, message + "\n")
