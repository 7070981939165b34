"""This machine's browser: whether it has one that a user sits in front of, and how a page is opened in it."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser
from contextlib import suppress


def has_browser() -> bool:
    """Return whether a user sits in front of a browser on this machine."""
    if os.environ.get("BROWSER"):
        return True
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


_OPEN = "import sys, webbrowser; sys.exit(0 if webbrowser.open(sys.argv[1]) else 1)"


def open_in_browser(url: str) -> bool:
    """Open an address in the user's browser (`BROWSER` is honoured); return False if that failed.

    A process of its own opens it, with an environment without this program's settings: a browser may run for weeks,
    and hands its environment to every program that it starts.
    """
    environ = {name: value for name, value in os.environ.items() if not name.upper().startswith("TRAKTAUTH_")}
    if not sys.executable or getattr(sys, "frozen", False):  # a program packed into one file has no interpreter
        with suppress(webbrowser.Error, OSError):
            return webbrowser.open(url)
        return False
    try:
        opened = subprocess.run([sys.executable, "-I", "-c", _OPEN, url], env=environ, check=False)  # noqa: S603 - our own
    except OSError:
        return False
    return opened.returncode == 0
