"""A command whose output is a pseudo-terminal that a test reads."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time


class Terminal:
    """A command whose stdout and stderr are a terminal."""

    def __init__(self, command, *words):
        import pty  # noqa: PLC0415 - not on Windows
        import termios  # noqa: PLC0415 - not on Windows

        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (50, 100))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "traktauth", *words],
            env={**command.env, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            start_new_session=True,  # so that no other terminal is asked
        )
        os.close(slave)
        self.shown = ""

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
