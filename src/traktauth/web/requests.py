"""What a browser's header fields say about a request, whatever framework received it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SESSION_KEY = "trakt_account"
"""The session's only entry: the account that `finish` returned."""

NOT_SIGNED_IN = "No user is signed in with Trakt"
FOREIGN_FORM = "Another site sent this form. To sign out, use the application's own button."


def is_foreign(header: Callable[[str], str | None], *origins: str) -> bool:
    """Return whether another site's page sent this form, so that it must be refused.

    Args:
        header: returns a header field of the request, or None.
        origins: origins that are the application's own.
    """
    site = header("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = header("Origin")
    return origin is not None and origin not in origins


def wants_page(method: str, header: Callable[[str], str | None]) -> bool:
    """Return whether a browser navigates, so that it can be redirected; a program gets a status instead."""
    if method not in {"GET", "HEAD"}:
        return False
    mode = header("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    return "text/html" in (header("Accept") or "")
