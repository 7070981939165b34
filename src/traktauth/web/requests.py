"""What a browser's header fields say about a request, whatever framework received it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.values import field, value

if TYPE_CHECKING:
    from collections.abc import Callable

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
