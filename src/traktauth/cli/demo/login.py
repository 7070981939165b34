"""The sign-in of the demo: a program walks the pages, or the user's browser does."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from traktauth.steps import OpenPage, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.cli.demo.page_walker import PageWalker
    from traktauth.client.sync_client import Trakt
    from traktauth.models import Token


def sign_in_by_program(visitor: PageWalker, trakt: Trakt) -> Token:
    """Sign in as a browser user does: the address is opened, the pages walked, the answer received on loopback.

    Raises:
        TraktAuthError: a page, or the sign-in, failed.
    """
    addresses: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    outcome: queue.SimpleQueue[Token | Exception] = queue.SimpleQueue()

    def show(step: Step) -> None:
        if isinstance(step, OpenPage):
            addresses.put(step.url)

    def work() -> None:
        try:
            outcome.put(trakt.login("browser", prompt=show, open_browser=False))
        except Exception as error:  # noqa: BLE001 - raised below
            outcome.put(error)
        addresses.put(None)

    # The sign-in waits in a daemon thread, so that a page that fails ends the demo at once.
    threading.Thread(target=work, name="demo-sign-in", daemon=True).start()
    address = addresses.get()
    if address is not None:
        visitor.walk(address)
    ended = outcome.get()
    if isinstance(ended, Exception):
        raise ended
    return ended


def sign_in_with_browser(trakt: Trakt, print_message: Callable[[str], None]) -> Token:
    """Sign in with the user's own browser."""

    def show(step: Step) -> None:
        if isinstance(step, OpenPage):
            print_message("Open this page, and sign in there:")
            print_message(f"  {step.url}")

    return trakt.login("browser", prompt=show)
