"""What a redirected browser is shown: whole HTTP responses, without scripts or anything from elsewhere."""

from __future__ import annotations

from typing import Literal

from traktauth.html_page import HEADERS, html_page


def signed_in_page(account: str) -> bytes:
    """Return the page after a sign-in that succeeded.

    Args:
        account: the user's own name for the account.
    """
    name = "" if account == "default" else f" as account {account}"
    text = f"The program has its login{name}. You can close this window and return to it."
    return _page("200 OK", "You are signed in", text, outcome="good")


def not_signed_in(reason: str) -> bytes:
    """Return the page after a sign-in that failed.

    Args:
        reason: why, as the program says it too.
    """
    return _page(
        "200 OK",
        "Not signed in",
        f"{reason}. You can close this window and start again in the program; on the command line: traktauth login",
        outcome="bad",
    )


def redirect(url: str) -> bytes:
    """Return the redirect of the start page to Trakt's sign-in page."""
    return _page("302 Found", "Sign in to Trakt", "This page leads to Trakt.", more=f"Location: {url}\r\n")


def _page(status: str, title: str, text: str, *, more: str = "", outcome: Literal["good", "bad", ""] = "") -> bytes:
    body = html_page(title, [text], outcome=outcome).encode()
    fields = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    head = f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    return head.encode() + body


UNKNOWN_OUTCOME = _page("200 OK", "Trakt has answered", "Return to the program: it says whether you are signed in.")
ALREADY_ANSWERED = _page("409 Conflict", "Answered already", "This sign-in has its answer. You can close this window.")
NOT_THIS_SIGN_IN = _page(
    "400 Bad Request", "Not this sign-in", "This address belongs to another sign-in; the program is still waiting."
)
NOT_FOUND = _page("404 Not Found", "Nothing here", "A program waits for a Trakt sign-in at another address.")
UNREADABLE = _page("400 Bad Request", "Not understood", "A program waits for a Trakt sign-in here.")
USED_START_PAGE = _page("410 Gone", "Opened already", "This address works once. Open the one that the program shows.")
ANOTHER_USER = _page("403 Forbidden", "Not your sign-in", "Another user of this computer is signing in.")
