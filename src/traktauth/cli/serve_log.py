"""The request log of `traktauth serve`: one line per request, for a user who watches a terminal."""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from traktauth.cli.exit_codes import phrase
from traktauth.cli.output import print_message, style_status
from traktauth.display import shorten
from traktauth.server.http.exchange import Exchange

_POLLED = frozenset(("/_control", "/_control/live", "/_control/events", "/healthz", "/readyz", "/metrics"))
"""Addresses that a page or a monitor asks every few seconds; shown only when the response's status changes."""
_MAX_PATH = 60
_MAX_SEGMENT = 24
"""Characters of a part of an unknown path; a longer one could be a secret."""
_GRANTS = {
    "authorization_code": "code exchanged",
    "refresh_token": "refreshed",
    "urn:ietf:params:oauth:grant-type:device_code": "device",
}
_REFUSED = ("authorization_code", "refresh_token")
"""Grants that are named as they are when they are refused."""


class RequestLog:
    """Writes one line to standard error for each request: `12:30:05 POST /oauth/token 200 3 ms  refreshed: …`."""

    def __init__(self) -> None:
        self._polled: dict[str, int] = {}

    def write(self, exchange: Exchange) -> None:
        """Write the line of a request."""
        if exchange.route in _POLLED and exchange.method in ("GET", "HEAD"):
            if self._polled.get(exchange.route) == exchange.status:
                return
            self._polled[exchange.route] = exchange.status
        at = time.strftime("%H:%M:%S", time.localtime())
        what = describe(exchange)
        print_message(
            at,
            exchange.method,
            shown_path(exchange),
            style_status(exchange.status, "" if exchange.status else "cut"),
            f"{exchange.seconds * 1000:.0f} ms",
            *([f" {what}"] if what else []),
        )


def shown_path(exchange: Exchange) -> str:
    """Return the path of a request without what could be a secret; never its query."""
    if exchange.route != "other":
        return exchange.route  # a code or an id in it is left out
    hidden = re.sub(rf"[^/]{{{_MAX_SEGMENT + 1},}}", "…", exchange.path)
    return shorten(hidden, _MAX_PATH)


def describe(exchange: Exchange) -> str:
    """Return what happened, in a few words; empty if the status says it all."""
    what = exchange.sentence or _words(exchange)
    if not what and exchange.location:
        return _redirect(exchange.location)
    return what or _reason(exchange.status)


def _words(exchange: Exchange) -> str:
    if exchange.replay:
        return f"replay of {exchange.replay}: {'its family was revoked' if exchange.killed_family else 'refused'}"
    status = str(exchange.status)
    result = exchange.result() if exchange.source else ""
    result = result.removeprefix(status).removeprefix(",").strip().partition(", refresh ")[0]  # to fit in 80 columns
    grant = exchange.request.parameters.get("grant_type", "")
    if not grant:
        return result
    known = grant if exchange.failure and grant in _REFUSED else _GRANTS.get(grant, shorten(grant, 40))
    return f"{known}: {result}" if result else known


def _redirect(location: str) -> str:
    """Return where a response leads, without a code or other secrets."""
    parts = urlsplit(location)
    place = f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.scheme else parts.path
    query = parse_qs(parts.query)
    error = query.get("error", [""])[0]
    carried = f" (error={shorten(error, 40)})" if error else " (with a code)" if "code" in query else ""
    return f"→ {shorten(place, _MAX_PATH)}{carried}"


def _reason(status: int) -> str:
    """Return the reason phrase of an error; a success needs none."""
    if not status:
        return "connection closed without a response"
    return phrase(status) if status >= HTTPStatus.BAD_REQUEST else ""
