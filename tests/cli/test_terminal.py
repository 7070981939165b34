"""What is shown on a real terminal: the QR code, the countdown, colours, and none of them where nobody wants them."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time

import pytest

pty = pytest.importorskip("pty")


class Terminal:
    """A command whose stderr is a terminal of 100 columns and 50 rows."""

    def __init__(self, command, *words, **env):
        import fcntl  # noqa: PLC0415 - not on Windows
        import struct  # noqa: PLC0415 - only here
        import termios  # noqa: PLC0415 - not on Windows

        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "traktauth", *words],
            env={**command.env, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=slave,
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
        self.process.wait(20)
        return self.shown

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        os.close(self.master)


def test_a_device_code_has_a_qr_code_and_a_countdown_that_runs(at_local, local):
    with Terminal(at_local, "login", "--device") as terminal:
        terminal.read_until(r"9:5[0-9] left")
        terminal.read_until(r"(?s)9:5(\d) left.*9:5(?!\1)\d left")
        assert "█" in terminal.shown
        code = re.search(r"and enter the code\s+(?:\x1b\[\d+m)?(\w+)", terminal.shown)[1]
        local.device(code)
        shown = terminal.read_to_the_end()
        assert "Signed in as account default" in shown
        assert terminal.process.returncode == 0


def test_ctrl_c_brings_the_cursor_back(at_local):
    with Terminal(at_local.unmeasured(), "login", "--device") as terminal:
        terminal.read_until("left")
        terminal.process.send_signal(signal.SIGINT)
        shown = terminal.read_to_the_end()
        assert terminal.process.returncode == 2
        assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
        assert at_local.record().token is None


def test_an_error_is_coloured_on_a_terminal_and_plain_under_no_color(command):
    with Terminal(command, "token") as terminal:
        assert "\x1b[31mError:" in terminal.read_to_the_end()
    with Terminal(command, "token", NO_COLOR="1") as terminal:
        assert "\x1b" not in terminal.read_to_the_end()


def test_a_terminal_without_block_characters_gets_no_qr_code(at_local):
    with Terminal(at_local, "login", "--device", PYTHONIOENCODING="ascii") as terminal:
        shown = terminal.read_until("enter the code")
        assert "?????" not in shown
