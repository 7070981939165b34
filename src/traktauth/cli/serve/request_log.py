"""The request log of `traktauth serve`: one line per request, for a user who watches a terminal."""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from traktauth.cli.output import print_message, style
from traktauth.display import shorten

if TYPE_CHECKING:
    from traktauth.server.http.access_log import LoggedRequest
    from traktauth.server.http.request_log import LogEntry

_POLLED = frozenset(("/_control", "/_control/live", "/_control/events", "/healthz", "/readyz", "/metrics"))
"""Addresses that a page or a monitor asks every few seconds; shown only when the response's status changes."""
_LONGEST_PATH = 60
_LONGEST_SEGMENT = 24
"""Characters of a part of an unknown path; a longer one could be a secret."""
_COLOURS = {2: "green", 3: "green", 4: "yellow", 5: "red"}
_GRANTS = {
    "authorization_code": "code exchanged",
    "refresh_token": "refreshed",
    "urn:ietf:params:oauth:grant-type:device_code": "device",
}


class RequestLog:
    """Writes one line to standard error for each request: `12:30:05 POST /oauth/token 200 3 ms  refreshed: …`."""

    def __init__(self) -> None:
        self._polled: dict[str, int] = {}

    def write(self, request: LoggedRequest) -> None:
        """Write the line of a request."""
        if request.route in _POLLED and request.method in ("GET", "HEAD"):
            if self._polled.get(request.route) == request.status:
                return
            self._polled[request.route] = request.status
        at = time.strftime("%H:%M:%S", time.localtime(request.at))
        status = str(request.status) if request.status else "cut"
        colour = (
            "green" if request.status in range(200, 400) else "yellow" if request.status in range(400, 500) else "red"
        )
        what = describe(request)
        print_message(
            at,
            request.method,
            shown_path(request),
            style(status, colour),
            f"{request.seconds * 1000:.0f} ms",
            *([f" {what}"] if what else []),
        )


def shown_path(request: LoggedRequest) -> str:
    """Return the path of a request without what could be a secret; never its query."""
    if request.route != "other":
        return request.route  # a code or an id in it is left out
    hidden = re.sub(rf"[^/]{{{_LONGEST_SEGMENT + 1},}}", "…", request.path)
    return shorten(hidden, _LONGEST_PATH)


def describe(request: LoggedRequest) -> str:
    """Return what happened, in a few words; empty if the status says it all."""
    words = [_words(entry, request.status) for entry in request.entries]
    if not any(words) and request.location:
        words = [_redirect(request.location)]
    return "; ".join(word for word in words if word) or _reason(request.status)


def _words(entry: LogEntry, status: int) -> str:
    from traktauth.server.http.request_log import fingerprint, format_entry  # noqa: PLC0415 - no other command needs it

    if "families_killed" in entry.events or "replays" in entry.events:
        token = entry.request.parameters.get("refresh_token") or entry.request.parameters.get("token", "")
        ended = "its family was revoked" if "families_killed" in entry.events else "refused"
        return f"replay of {fingerprint(token)}: {ended}"
    line = format_entry(entry)
    result = line.result.removeprefix(str(status)).removeprefix(",").strip()
    result = result.partition(", refresh ")[0]  # so that a line has room in 80 columns
    grant = entry.request.parameters.get("grant_type", "")
    if not grant:
        return result
    known = _GRANTS.get(grant, shorten(grant, 40))
    if line.is_error:
        known = grant if grant in ("authorization_code", "refresh_token") else known
    return f"{known}: {result}" if result else known


def _redirect(location: str) -> str:
    """Return where a response leads, without a code or other secrets."""
    parts = urlsplit(location)
    place = f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.scheme else parts.path
    query = parse_qs(parts.query)
    error = query.get("error", [""])[0]
    carried = f" (error={shorten(error, 40)})" if error else " (with a code)" if "code" in query else ""
    return f"→ {shorten(place, _LONGEST_PATH)}{carried}"


def _reason(status: int) -> str:
    """Return the reason phrase of an error; a success needs none."""
    if status < 400:  # noqa: PLR2004 - below it, no error
        return "" if status else "connection closed without a response"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
