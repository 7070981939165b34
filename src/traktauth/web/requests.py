"""What a browser's header fields say about a request, whatever framework received it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.values import field, value

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_SIGNED_IN = "No user is signed in with Trakt"


def wants_page(method: str, header: Callable[[str], str | None]) -> bool:
    """Return whether a browser navigates, so that it can be redirected; a program gets a status instead."""
    return method in {"GET", "HEAD"} and is_navigation(header)


def is_navigation(header: Callable[[str], str | None]) -> bool:
    """Return whether a browser will show the response: it follows a link or sends a form."""
    mode = header("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    return "text/html" in (header("Accept") or "")


@value
class WebRequest:
    """What the sign-in needs to know of a request.

    Attributes:
        method: the HTTP method.
        path: the path, with the query.
        header: returns a header field, or None.
    """

    method: str
    path: str
    header: Callable[[str], str | None] = field(repr=False)
