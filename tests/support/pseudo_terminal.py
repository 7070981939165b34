"""A command whose output is a pseudo-terminal that a test reads."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time


class Terminal:
    """A command whose stderr, or also stdout or stdin, is a terminal of some size."""

    def __init__(self, command, *words, both=False, typed=False, rows=50, columns=100, cwd=None, **env):
        import fcntl  # noqa: PLC0415 - not on Windows
        import pty  # noqa: PLC0415 - not on Windows
        import struct  # noqa: PLC0415 - only here
        import termios  # noqa: PLC0415 - not on Windows

        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "traktauth", *words],
            env={**command.env, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **env},
            cwd=cwd,
            stdin=slave if typed else subprocess.DEVNULL,
            stdout=slave if both else subprocess.PIPE,
            stderr=slave,
            start_new_session=True,  # so that no other terminal is asked
        )
        os.close(slave)
        self.seen = self.shown = ""  # before the last answer, and after it

    def read_more(self, until):
        """Read what comes next; False at the end."""
        ready, _, _ = select.select([self.master], [], [], max(0.0, until - time.monotonic()))
        assert ready, f"no more was shown: {self.shown!r}"
        try:
            chunk = os.read(self.master, 65536)
        except OSError:
            return False  # its end, on Linux
        self.shown += chunk.decode("utf-8", "replace")
        return bool(chunk)

    def answer(self, question, text):
        """Wait for a question that was not answered yet, and answer it."""
        self.read_until(question)
        self.seen, self.shown = self.seen + self.shown, ""
        os.write(self.master, f"{text}\n".encode())

    def read_until(self, pattern, within=20.0):
        until = time.monotonic() + within
        while not re.search(pattern, self.shown):
            assert self.read_more(until), f"{pattern} was not shown: {self.shown!r}"
        return self.shown

    def read_to_the_end(self, within=20.0):
        until = time.monotonic() + within
        while self.read_more(until):
            pass
        self.process.wait(60)
        return self.shown

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        os.close(self.master)
