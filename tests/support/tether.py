"""Servers that do not outlive a test run that is killed."""

from __future__ import annotations

import shutil


def tethered(*command: object) -> list[str]:
    """Return the command so that it dies with the thread that starts it, where the machine can do that."""
    setpriv = shutil.which("setpriv")  # util-linux; it makes no process of its own
    return [*([setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []), *map(str, command)]
