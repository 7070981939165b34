"""What a redirected browser is shown: whole HTTP responses, without scripts or anything from elsewhere."""

from __future__ import annotations

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:18px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0 1.5rem}"
    "main{max-width:32rem}h1{font-size:1.6rem;margin:0 0 .5rem}p{margin:0;opacity:.8}"
)


def received() -> bytes:
    """Return the page for the visit that brought the code."""
    return _page("200 OK", "Trakt has answered", "The program takes it from here. You can close this window.")


def refused() -> bytes:
    """Return the page for the visit that brought a refusal."""
    return _page("200 OK", "Not signed in", "Trakt ended the sign-in; the program says why. You can close this window.")


def answered_already() -> bytes:
    """Return the page for a second visit."""
    return _page("409 Conflict", "Answered already", "This sign-in has its answer. You can close this window.")


def not_this_sign_in() -> bytes:
    """Return the page for a visit without our state."""
    return _page(
        "400 Bad Request", "Not this sign-in", "This address belongs to another sign-in; the program is still waiting."
    )


def not_found() -> bytes:
    """Return the page for another path."""
    return _page("404 Not Found", "Nothing here", "A program waits for a Trakt sign-in at another address.")


def unreadable() -> bytes:
    """Return the page for what is no GET, or far too large."""
    return _page("400 Bad Request", "Not understood", "A program waits for a Trakt sign-in here.")


def _page(status: str, title: str, text: str) -> bytes:
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<main><h1>{title}</h1><p>{text}</p></main></html>"
    ).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
