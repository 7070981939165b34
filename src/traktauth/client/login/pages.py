"""What a redirected browser is shown: whole HTTP responses, without scripts or anything from elsewhere."""

from __future__ import annotations

from html import escape as escape_html

from traktauth.display import escape

STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:18px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0 1.5rem;"
    "background:light-dark(#f4f4f6,#17171b)}"
    "main{max-width:30rem;width:100%;box-sizing:border-box;padding:2.5rem 2rem;border-radius:1rem;text-align:center;"
    "background:light-dark(#fff,#232329);box-shadow:0 1px 3px rgb(0 0 0/.15)}"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 .75rem}p{margin:0;overflow-wrap:anywhere}"
    ".good{color:light-dark(#14713d,#5fd38d)}.bad{color:light-dark(#b3261e,#ff8a80)}"
    "footer{margin-top:1.5rem;font-size:.85rem;color:light-dark(#5c5c66,#a8a8b3)}"
)


def signed_in_page(account: str) -> bytes:
    """Return the page after a sign-in that succeeded.

    Args:
        account: the user's own name for the account.
    """
    name = "" if account == "default" else f" as account {account}"
    text = f"The program has its login{name}. You can close this window and return to it."
    return _page("200 OK", "You are signed in", text, mark="good")


def not_signed_in(reason: str) -> bytes:
    """Return the page after a sign-in that failed.

    Args:
        reason: why, as the program says it too.
    """
    return _page(
        "200 OK",
        "Not signed in",
        f"{reason}. You can close this window and start again in the program; on the command line: traktauth login",
        mark="bad",
    )


def redirect(url: str) -> bytes:
    """Return the redirect of the start page to Trakt's sign-in page."""
    return _page("302 Found", "Sign in to Trakt", "This page leads to Trakt.", more=f"Location: {url}\r\n")


_MARKS = {"good": "<b class=good>✓</b> ", "bad": "<b class=bad>✗</b> ", "": ""}


def _page(status: str, title: str, text: str, *, more: str = "", mark: str = "") -> bytes:
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<main><h1>{_MARKS[mark]}{title}</h1><p>{_to_html(text)}</p><footer>traktauth</footer></main></html>"
    ).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n"
        f"{more}Connection: close\r\n\r\n"
    )
    return head.encode() + body


def _to_html(text: str) -> str:
    return escape_html(escape(text), quote=True)


UNKNOWN_OUTCOME = _page("200 OK", "Trakt has answered", "Return to the program: it says whether you are signed in.")
ALREADY_ANSWERED = _page("409 Conflict", "Answered already", "This sign-in has its answer. You can close this window.")
NOT_THIS_SIGN_IN = _page(
    "400 Bad Request", "Not this sign-in", "This address belongs to another sign-in; the program is still waiting."
)
NOT_FOUND = _page("404 Not Found", "Nothing here", "A program waits for a Trakt sign-in at another address.")
UNREADABLE = _page("400 Bad Request", "Not understood", "A program waits for a Trakt sign-in here.")
USED_START_PAGE = _page("410 Gone", "Opened already", "This address works once. Open the one that the program shows.")
ANOTHER_USER = _page("403 Forbidden", "Not your sign-in", "Another user of this computer is signing in.")
