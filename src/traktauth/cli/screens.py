"""What a person, or a program, is shown while signing in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from traktauth.cli.durations import in_words
from traktauth.cli.stream import emit_json, paint, say
from traktauth.flow.steps import EnterCode, OpenPage, PasteCode, Step, StillWaiting

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.live import Live

    from traktauth.models.device import DeviceCode


class Screen:
    """Lines on stderr, each as soon as it is known: for a pipe, a log, or a simple terminal.

    Args:
        opens: whether a browser is opened beside.
    """

    def __init__(self, *, opens: bool) -> None:
        self._opens = opens
        self._asked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the terminal as it was."""

    def __call__(self, step: Step) -> str | None:
        """Show a step; for `PasteCode`, return what was pasted."""
        match step:
            case OpenPage(url):
                say(f"Open this page to sign in to Trakt:\n  {paint(url, 'cyan')}")
                say("Your browser is being opened; waiting for its answer …" if self._opens else "Waiting …")
            case PasteCode(url):
                return self._paste(url)
            case EnterCode(device):
                self.show_code(device)
            case StillWaiting(seconds_left):
                self.count_down(seconds_left)
        return None

    def _paste(self, url: str) -> str:
        if self._asked:
            say("Nothing was pasted. Paste the code, or the whole address:")
        else:
            say(f"Open this page in any browser to sign in to Trakt:\n  {paint(url, 'cyan')}")
            say("Then paste the code it shows, or the whole address it ended at:")
        self._asked = True
        return read_line()

    def show_code(self, device: DeviceCode) -> None:
        """Show a device code and where it is entered."""
        say(f"On any device, open  {paint(device.verification_url, 'cyan')}")
        say(f"and enter the code   {paint(device.user_code, 'green')}")
        say(f"or open at once      {device.filled_in_url}")
        say(f"The code is good for {in_words(device.expires_in)}. Waiting …")

    def count_down(self, seconds_left: float) -> None:
        """Show that the wait goes on; nothing where lines cannot be overwritten."""


class LiveScreen(Screen):
    """A terminal: a QR code beside the device code, and a countdown that stays on its line."""

    def __init__(self, *, opens: bool) -> None:
        super().__init__(opens=opens)
        self._live: Live | None = None

    def show_code(self, device: DeviceCode) -> None:
        """Show a device code, with a QR code of its address."""
        from traktauth.cli.qr import qr_lines  # noqa: PLC0415 - only here

        for line in qr_lines(device.filled_in_url):
            say(line)
        super().show_code(device)

    def count_down(self, seconds_left: float) -> None:
        """Show the time that is left, in the place of the last."""
        from rich.text import Text  # noqa: PLC0415 - imported only to draw

        if self._live is None:
            from rich.console import Console  # noqa: PLC0415 - the same
            from rich.live import Live  # noqa: PLC0415 - the same

            self._live = Live(
                console=Console(stderr=True),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        minutes, seconds = divmod(max(0, round(seconds_left)), 60)
        self._live.update(Text(f"  {minutes}:{seconds:02} left"), refresh=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the countdown away and bring the cursor back."""
        if self._live is not None:
            self._live.stop()


class JsonScreen(Screen):
    """One line of JSON a step, on stdout."""

    def __call__(self, step: Step) -> str | None:
        """Print a step; for `PasteCode`, return what was pasted."""
        match step:
            case OpenPage(url):
                emit_json({"step": "open", "url": url})
            case PasteCode(url):
                if not self._asked:
                    emit_json({"step": "open", "url": url, "paste": True})
                self._asked = True
                return read_line()
            case EnterCode(device):
                emit_json(
                    {
                        "step": "device",
                        "user_code": device.user_code,
                        "verification_url": device.verification_url,
                        "filled_in_url": device.filled_in_url,
                        "expires_in": device.expires_in,
                    }
                )
            case StillWaiting():
                pass
        return None


def choose_screen(*, as_json: bool, opens: bool) -> Screen:
    """Return the screen for whoever reads this process's output."""
    if as_json:
        return JsonScreen(opens=opens)
    live = sys.stderr is not None and sys.stderr.isatty()  # pyright: ignore[reportUnnecessaryComparison] - closed
    return LiveScreen(opens=opens) if live else Screen(opens=opens)


def read_line() -> str:
    """Read a line from stdin.

    Raises:
        EOFError: stdin is closed.
    """
    line = sys.stdin.readline() if sys.stdin is not None else ""  # pyright: ignore[reportUnnecessaryComparison] - closed
    if not line:
        raise EOFError("Standard input ended before a code was pasted")
    return line
