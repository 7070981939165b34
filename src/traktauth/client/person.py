"""The person who signs in: shown each step, asked for a code, met at the loopback address, lent a browser."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

from traktauth.flow.steps import EnterCode, OpenPage, PasteCode, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from traktauth.client.loopback import Receiver
    from traktauth.flow.effects import Arrival
    from traktauth.models import App

T = TypeVar("T")

Prompt = "Callable[[Step], str | None]"
Way = Literal["browser", "device", "paste"]


class Person:
    """One sign-in's dealings with a person.

    Args:
        prompt: shows a step; for `PasteCode` it returns what the person pasted.
        open_browser: opens an address in a browser, or None to leave that to the person.
    """

    def __init__(self, prompt: Callable[[Step], str | None], open_browser: Callable[[str], object] | None) -> None:
        self._prompt = prompt
        self._open_browser = open_browser
        self._receiver: Receiver | None = None

    def tell(self, step: Step) -> None:
        """Show a step; then, where it is a page for this machine's browser, open it."""
        self._prompt(step)
        if isinstance(step, OpenPage) and self._open_browser is not None:
            # In a thread, as some browsers keep the opener waiting until they are closed.
            threading.Thread(target=self._open_browser, args=(step.url,), daemon=True).start()

    def ask(self, step: Step) -> str:
        """Show a step and return what the person answers."""
        return self._prompt(step) or ""

    @contextmanager
    def listening(self, redirect_uri: str) -> Generator[str]:
        """Listen on a loopback address; the value is the address that is really listened on."""
        from traktauth.client.loopback import Receiver  # noqa: PLC0415 - only a browser sign-in needs it

        receiver = self._receiver = Receiver(redirect_uri)
        try:
            yield receiver.redirect_uri
        finally:
            self._receiver = None
            receiver.close()

    def arrival(self, effect: Arrival[T]) -> T | None:
        """Wait for the redirected browser."""
        if self._receiver is None:
            raise AssertionError("an arrival is waited for while listening")
        return self._receiver.wait(effect.read, effect.seconds)


def print_step(step: Step) -> str | None:
    """Show a step on stderr, flushed; the default prompt of a program that gives none."""
    match step:
        case OpenPage(url):
            _say(f"Open this page to sign in to Trakt:\n  {url}")
        case EnterCode(device):
            _say(f"Enter the code {device.user_code} at {device.verification_url}\n  ({device.filled_in_url})")
        case PasteCode(url):
            _say(f"Open this page to sign in to Trakt:\n  {url}\nThen paste the code, or the address it ended at:")
            return input()
        case _:
            pass
    return None


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def choose_way(app: App) -> Way:
    """Choose how to sign in: by browser where this machine has one and the app's address leads back here.

    An SSH session or a machine without a display gets the device code.
    """
    return "browser" if app.loopback and has_browser() else "device"


def has_browser() -> bool:
    """Tell whether a person sits in front of a browser on this machine."""
    if os.environ.get("BROWSER"):
        return True
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_in_browser(url: str) -> bool:
    """Open an address in the user's browser (`BROWSER` is honoured); False where there is none."""
    import webbrowser  # noqa: PLC0415 - only a browser sign-in needs it

    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
