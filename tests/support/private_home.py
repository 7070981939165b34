"""A command of `traktauth` with a home and a temporary folder of its own, and what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class PrivateHome:
    """`traktauth COMMAND` in a folder that is its home."""

    def __init__(self, command: str, folder: Path, within: float) -> None:
        self.command, self.folder, self.within = command, folder, within
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("TRAKTAUTH_", "XDG_"))}
        self.env = {**mine, "HOME": str(folder), "TMPDIR": str(self.temporary)}
        self.started: list[subprocess.Popen[Any]] = []

    def start(self, *words: object, **options: Any) -> subprocess.Popen[Any]:
        """Start it with pipes."""
        command = [sys.executable, "-m", "traktauth", self.command, *map(str, words)]
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(command, env=self.env, cwd=self.folder, **(streams | options))
        self.started.append(process)
        return process

    def run(self, *words: object, stdin: Any = None, **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run it to its end."""
        process = self.start(*words, **options)
        printed, message = process.communicate(stdin, timeout=self.within)
        message = message if isinstance(message, str) else message.decode()
        return subprocess.CompletedProcess(words, process.returncode, printed, message)

    def left(self) -> list[str]:
        """Names of what is in the temporary folder."""
        return sorted(path.name for path in self.temporary.rglob("*"))

    def stop(self) -> None:
        """End what was started."""
        for process in self.started:
            process.kill()
            process.wait()
            for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
                pipe.close()


def processes_with(word: str) -> list[int]:
    """Running processes that have a word in their arguments."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                if word.encode() in (folder / "cmdline").read_bytes() and state != "Z":
                    found.append(int(folder.name))
    return found


def wait_until(condition: Callable[[], object], within: float = 60.0) -> None:
    """Return once the condition holds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:.0f} s"
        time.sleep(0.02)
