"""Cross-site request forgery: a form that another site's page sent is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FOREIGN_SIGN_IN = "Another site sent this form. To sign in, use the application's own button."
FOREIGN_FORM = "Another site sent this form. To sign out, use the application's own button."


def is_cross_site(header: Callable[[str], str | None], *origins: str) -> bool:
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


def is_from_another_site(header: Callable[[str], str | None]) -> bool:
    """Return whether another site's page led the browser to this address; False if the browser does not say so.

    A sibling host (`same-site`) may: an application and its sign-in are often on two of them.
    """
    return header("Sec-Fetch-Site") == "cross-site"
