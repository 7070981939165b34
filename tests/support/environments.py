"""Environments of other people's clients, made once under `.envs/` in the checkout.

They never share ours: PyTrakt installs a module named `trakt`, which is not its alone.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from .engines import CHECKOUT, Missing

if TYPE_CHECKING:
    from pathlib import Path

HOME = CHECKOUT / ".envs"
# Name and requirements. traktauth is beside them for programs that take their login from it; others do not see it.
PYTRAKT = ("pytrakt", "pytrakt==4.4.6", "-e", f"{CHECKOUT}[requests]")
TRAKT_PY = ("traktpy", "trakt.py==4.4.0", "-e", str(CHECKOUT))


def environment(name: str, *requirements: str) -> Path:
    """Return the python of an environment that holds *requirements*; Missing where it cannot be installed."""
    folder, asked = HOME / name, " ".join(requirements)
    python, made_for = folder / "bin" / "python", folder / "made-for"
    HOME.mkdir(exist_ok=True)
    with (HOME / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made_for.exists() and made_for.read_text() == asked and _runs(python)):
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, stdout=subprocess.DEVNULL)
            install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
            done = subprocess.run(install, capture_output=True, text=True, timeout=500, check=False)
            if done.returncode:
                raise Missing(f"{name} cannot be installed from the package index: {done.stderr.strip()[-300:]}")
            made_for.write_text(asked)
    return python


def _runs(python: Path) -> bool:
    """Whether the interpreter that the environment was made with is still there; any of ours does."""
    try:
        return subprocess.run([python, "-c", "pass"], check=False).returncode == 0
    except OSError:
        return False
