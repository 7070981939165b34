"""The sign-in methods: which one suits this machine and its browser, which flow each one runs, and how it waits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple, get_args

from traktauth.client.account_config import AccountConfig
from traktauth.client.login.ui import LoginUI, print_step
from traktauth.errors import AppInvalid
from traktauth.flow.authorization_code import login_browser, login_paste
from traktauth.flow.effects import Flow
from traktauth.flow.login_device import login_device
from traktauth.flow.moved_login import unless_moved
from traktauth.flow.user import with_user
from traktauth.models import App, Token
from traktauth.models.token import DeviceCode
from traktauth.steps import LoginMethod, Step


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


_PAUSE = 0.01  # seconds of real time in the place of each second by a clock that is moved


class SignIn(NamedTuple):
    """A sign-in that is ready to run.

    Attributes:
        ui: shows steps and takes answers.
        flow: signs in.
        advance: moves the clock; None: time passes by itself.
    """

    ui: LoginUI
    flow: Flow[Token]
    advance: Callable[[float], object] | None = None

    def sleep(self, seconds: float) -> None:
        """Wait, or move the clock and wait a moment, in which another thread may answer."""
        if self.advance is not None:
            self.advance(seconds)
            seconds = min(seconds, _PAUSE)
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Wait between two polls in an event loop, or move the clock."""
        import asyncio  # noqa: PLC0415 - costly, and loaded by now where this is called

        if self.advance is not None:
            self.advance(seconds)
            seconds = min(seconds, _PAUSE)
        await asyncio.sleep(seconds)


def choose_login_method(app: App) -> LoginMethod:
    """Choose how to sign in: by browser where this machine has one and the app's address leads back here.

    An SSH session or a machine without a display gets the device code.
    """
    return "browser" if app.loopback and has_browser() else "device"


def prepare_sign_in(
    config: AccountConfig,
    method: LoginMethod | None,
    *,
    prompt: Callable[[Step], str | None] | None,
    signup: bool | None,
    open_browser: bool,
    device: DeviceCode | None = None,
) -> SignIn:
    """Return the flow that signs in, and what it needs.

    Raises:
        AppInvalid: the app's redirect address does not lead back to this machine.
        ValueError: the method is unknown, or takes no device code.
    """
    method = method or ("device" if device is not None else choose_login_method(config.app))
    if method not in get_args(LoginMethod):
        raise ValueError(f"method must be one of {', '.join(get_args(LoginMethod))}")
    if device is not None and method != "device":
        raise ValueError(f"device is the code of a sign-in by device, not by {method}")
    ui = LoginUI(
        prompt or print_step, open_in_browser if open_browser and method == "browser" else None, account=config.account
    )
    if method == "device":
        advance = getattr(config.context.clock, "advance", None)
        context = config.context if advance is None else replace(config.context, monotonic=config.context.clock)
        return SignIn(ui, unless_moved(with_user(context, login_device(context, device))), advance)
    if method == "paste":
        return SignIn(ui, unless_moved(with_user(config.context, login_paste(config.context, signup=signup))))
    if not config.app.loopback:
        raise AppInvalid(
            "The app's redirect address does not lead back to this machine, so no browser can bring the answer",
            hint="Register http://127.0.0.1:9876/callback for the app and use it as its redirect address, "
            "or sign in with the method device or paste",
        )
    return SignIn(ui, unless_moved(with_user(config.context, login_browser(config.context, signup=signup))))
