"""What a user or a program sees during a sign-in."""

from __future__ import annotations

import getpass
import io
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from traktauth.cli.output import Styled, can_encode, print_in_place, print_json, print_message, style
from traktauth.cli.times import format_duration
from traktauth.client.login.ui import describe_paste
from traktauth.hints import LOGIN_COMMAND, Hint
from traktauth.models.token import DeviceCode
from traktauth.steps import EnterCode, OpenPage, PasteCode, Step, StillWaiting


@dataclass(slots=True)
class Screen:
    """Lines on stderr, each as soon as it is known.

    Attributes:
        opens: whether a browser is opened too.
        with_flags: adds the options that name this login to a command.
        on_code: is told of a device code before it is shown.
        is_live: show a QR code beside the device code, and a countdown that stays on its line, as on a terminal.
    """

    opens: bool
    with_flags: Callable[[str], str] = str
    on_code: Callable[[DeviceCode], None] | None = None
    is_live: bool = False
    _page_is_open: bool = field(default=False, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the countdown away."""
        if self.is_live:
            print_in_place("")

    def __call__(self, step: Step) -> str | None:
        """Show a step; for `PasteCode`, return what was pasted."""
        match step:
            case OpenPage(url, redirect_uri):
                self._open_page(url, redirect_uri)
                self._page_is_open = True
            case PasteCode():
                return self._paste(step)
            case EnterCode(device):
                if self.on_code is not None:
                    self.on_code(device)
                self._show_code(device)
            case StillWaiting(seconds_left):
                if self._page_is_open:
                    self._page_is_open = False
                    self._say_how_long(seconds_left)
                if self.is_live:
                    minutes, seconds = divmod(max(0, round(seconds_left)), 60)
                    print_in_place(f"  {minutes}:{seconds:02} left")
        return None

    def _open_page(self, url: str, redirect_uri: str) -> None:
        if self.opens:
            print_message("Opening your browser. If no page appears, open this one to sign in to Trakt:")
            print_message(style(url, "cyan"), indent=2)
            return
        print_message(f"Open this page in a browser on this machine ({socket.gethostname()}) to sign in to Trakt:")
        print_message(style(url, "cyan"), indent=2)
        print_message("For a browser on another machine, run this there first, and leave it running:")
        print_message(tunnel(redirect_uri), indent=2)

    def _say_how_long(self, seconds_left: float) -> None:
        deadline = time.strftime("%H:%M", time.localtime(time.time() + seconds_left))
        print_message(f"Waiting until {deadline}. Ctrl-C stops; to sign in on another device:")
        print_message(self.with_flags(Hint(LOGIN_COMMAND.with_arguments("--device"))), indent=2)

    def _paste(self, step: PasteCode) -> str:
        if step.problem:
            print_message(f"{step.problem}.")
            print_message("Paste the code, or the whole address that the browser shows at the end:")
        else:
            print_message("Open this page in any browser to sign in to Trakt:")
            print_message(style(step.url, "cyan"), indent=2)
            for line in describe_paste(step.redirect_uri):
                print_message(line)
        return read_line()

    def _show_code(self, device: DeviceCode) -> None:
        for line in qr_lines(device.verification_url_complete) if self.is_live else ():
            print_message(line)
        print_message("On any device, open ", style(device.verification_url, "cyan"))
        print_message("and enter the code  ", style(device.user_code, "green"))
        if device.verification_url_complete != device.verification_url:
            print_message(f"or open at once      {device.verification_url_complete}")
        print_message(f"The code is valid for {format_duration(device.expires_in)}. Waiting …")


class JsonScreen(Screen):
    """One line of JSON a step, on stdout."""

    def __call__(self, step: Step) -> str | None:
        """Print a step; for `PasteCode`, return what was pasted."""
        match step:
            case OpenPage(url):
                print_json({"step": "open", "url": url})
            case PasteCode(url, _, problem):
                print_json({"step": "open", "url": url, "paste": True} | ({"problem": problem} if problem else {}))
                return read_line()
            case EnterCode(device):
                if self.on_code is not None:
                    self.on_code(device)
                print_json(
                    {
                        "step": "device",
                        "user_code": device.user_code,
                        "verification_url": device.verification_url,
                        "filled_in_url": device.verification_url_complete,
                        "expires_in": device.expires_in,
                    }
                )
            case StillWaiting():
                pass
        return None


def tunnel(redirect_uri: str) -> str:
    """Return the SSH command that brings a browser on another machine to a redirect address on this one."""
    parts = urlsplit(redirect_uri)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else "127.0.0.1"
    port = parts.port or 80
    session = os.environ.get("SSH_CONNECTION", "").split()
    ssh_port = ["22", *session[3:4]][-1]  # after two addresses and the client's port
    at_port = "" if ssh_port == "22" else f"-p {ssh_port} "
    return f"ssh -L {port}:{host}:{port} {at_port}{_user()}{socket.gethostname()}"


def _user() -> str:
    try:
        return f"{getpass.getuser()}@"
    except (OSError, KeyError, ImportError):  # a user id without a name, as in containers
        return ""


def read_line() -> str:
    """Read a line from stdin."""
    line = sys.stdin.readline() if sys.stdin is not None else ""  # pyright: ignore[reportUnnecessaryComparison] - closed
    if not line:
        raise EOFError("Standard input ended before a code was pasted")
    return line


_WHITE_ON_BLACK = "40;97"
_LINES_BELOW = 6  # the address, the code, the link, how long it is valid, the countdown and the cursor


def qr_lines(address: str) -> list[Styled]:
    """Return the lines of a QR code; none where this terminal (stderr) cannot show it whole, with the text below."""
    import segno  # noqa: PLC0415 - only a device sign-in on a terminal draws one

    picture = io.StringIO()
    try:
        segno.make(address, micro=False, error="l").terminal(picture, border=2, compact=True)
    except segno.DataOverflowError:
        return []
    lines = picture.getvalue().splitlines()
    columns, rows = _size()
    if not can_encode("█▀▄", sys.stderr) or len(lines[0]) > columns or len(lines) + _LINES_BELOW > rows:
        return []
    # A code must be dark on light whatever the terminal's own colours are; most phones read it the other way round too.
    return [Styled(line, _WHITE_ON_BLACK) for line in lines]


def _size() -> tuple[int, int]:
    """Return the columns and rows of the terminal behind stderr, as stdout may be a pipe."""
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        size = shutil.get_terminal_size()
    return size.columns or 80, size.lines or 24
