"""The user interface of a sign-in: show each step, ask for a code, receive the redirect."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from traktauth.display import escape
from traktauth.errors import TraktAuthError
from traktauth.flow.effects import AwaitRedirect
from traktauth.log_fields import log_fields
from traktauth.protocol import OUT_OF_BAND
from traktauth.steps import EnterCode, OpenPage, PasteCode, Step

if TYPE_CHECKING:
    from traktauth.client.login.loopback_server import LoopbackServer

T = TypeVar("T")


class LoginUI:
    """One sign-in's dealings with a user.

    Args:
        prompt: shows a step; for `PasteCode` it returns what the user pasted.
        open_browser: opens an address in a browser, or None to leave that to the user.
        account: the user's own name for the account, for the page that ends the sign-in.
    """

    def __init__(
        self,
        prompt: Callable[[Step], str | None],
        open_browser: Callable[[str], bool] | None,
        *,
        account: str = "default",
    ) -> None:
        self._prompt = prompt
        self._account = account
        self._open_browser = open_browser
        self._receiver: LoopbackServer | None = None

    def tell(self, step: Step) -> None:
        """Show a step; then, where it is a page for this machine's browser, open it."""
        self._prompt(step)
        if isinstance(step, OpenPage) and self._open_browser is not None and self._receiver is not None:
            start = self._receiver.serve_start(step.url)
            # In a thread, as some browsers keep the opener waiting until they are closed.
            threading.Thread(target=self._open, args=(self._open_browser, start), daemon=True).start()

    def _open(self, open_browser: Callable[[str], bool], address: str) -> None:
        """Open an address, and say so in the log if that failed."""
        if not open_browser(address):
            logging.getLogger("traktauth").warning(
                "No browser could be opened; open the address above yourself", extra=log_fields("browser-failed")
            )

    def ask(self, step: Step) -> str:
        """Show a step and return what the user answers."""
        return self._prompt(step) or ""

    @contextmanager
    def listening(self, redirect_uri: str) -> Generator[str]:
        """Listen on a loopback address while a sign-in runs; the value is the address that is really listened on.

        The browser is shown the outcome of the sign-in when it has ended.
        """
        from traktauth.client.login import loopback_server, pages  # noqa: PLC0415 - only a browser sign-in needs them

        receiver = self._receiver = loopback_server.LoopbackServer(redirect_uri)
        try:
            yield receiver.redirect_uri
        except TraktAuthError as error:
            receiver.finish(pages.not_signed_in(error.message))
            raise
        except BaseException:
            receiver.finish(pages.not_signed_in("The program ended before the sign-in was complete"))
            raise
        else:
            receiver.finish(pages.signed_in_page(self._account))
        finally:
            self._receiver = None
            receiver.close()

    def arrival(self, effect: AwaitRedirect[T]) -> T | None:
        """Wait for the redirected browser."""
        if self._receiver is None:
            raise AssertionError("an arrival is waited for while listening")
        return self._receiver.wait(effect.read, effect.seconds)


def print_step(step: Step) -> str | None:
    """Show a step on stderr, flushed; the default prompt of a program that gives none."""
    match step:
        case OpenPage(url):
            _say("Open this page to sign in to Trakt:", f"  {url}")
        case EnterCode(device):
            _say(f"Enter the code {device.user_code} at {device.verification_url}")
            if device.verification_url_complete != device.verification_url:
                _say(f"  ({device.verification_url_complete})")
        case PasteCode(url, redirect_uri, problem):
            if problem:
                _say(f"{problem}. Paste the code, or the whole address that the browser shows at the end:")
            else:
                _say("Open this page to sign in to Trakt:", f"  {url}", *describe_paste(redirect_uri))
            return input()
        case _:
            pass
    return None


def describe_paste(redirect_uri: str) -> list[str]:
    """Return the lines that say what is pasted after a sign-in, and that the browser may end on an error page."""
    if redirect_uri in {"", OUT_OF_BAND}:
        return ["Then paste the code that it shows, or the whole address that the browser shows at the end:"]
    return [
        "The browser ends at an address that begins with",
        f"  {redirect_uri}",
        "It may say there that the page cannot be loaded; that does not matter.",
        "Copy the whole address from its address bar and paste it here:",
    ]


def _say(*lines: str) -> None:
    sys.stderr.write("".join(f"{escape(line)}\n" for line in lines))
    sys.stderr.flush()
