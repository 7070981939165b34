"""Programs that start in milliseconds: `warm_program.py` from a test."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


class Ended(NamedTuple):
    """How a run ended: its exit status, negative after a signal, and what it printed."""

    status: int
    shown: str


class WarmProgram:
    """A program whose modules are imported already.

    Args:
        python: the interpreter.
        program: a module, or the path of a script.
        modules: what is imported before the first run.
    """

    def __init__(self, python: str | Path, program: str | Path, *modules: str) -> None:
        command = [str(python), str(Path(__file__).with_name("warm_program.py")), str(program), *modules]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, words: list[str], env: Mapping[str, str], *, kill_before: int = 0) -> None:
        """Start a run; it kills itself before its n-th change of a file, a lock or a database."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"words": words, "env": dict(env), "change": kill_before}) + "\n")
        self._process.stdin.flush()

    def wait(self) -> Ended:
        """Return how the run ended."""
        assert self._process.stdout is not None
        return Ended(**json.loads(self._process.stdout.readline()))

    def run(self, words: list[str], env: Mapping[str, str], *, kill_before: int = 0) -> Ended:
        """Run it to its end."""
        self.start(words, env, kill_before=kill_before)
        return self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
