"""Request, Response and header fields, free of any HTTP library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from traktauth._version import __version__
from traktauth.protocol import API_VERSION

USER_AGENT = f"traktauth/{__version__}"


def user_agent(product: str | None = None) -> str:
    """Return the `User-Agent` (RFC 9110 section 10.1.5): the program's product, if it has named one, and ours."""
    return USER_AGENT if product is None else f"{product} {USER_AGENT}"


def api_headers(client_id: str) -> dict[str, str]:
    """Return the fields that name the app and the API's version (Trakt: *Required Headers*)."""
    return {"trakt-api-key": client_id, "trakt-api-version": API_VERSION}


_MAX_NUMBER = 1000  # digits


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; its `repr` shows neither header fields nor body, which hold secrets."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def from_product(self, product: str | None) -> Request:
        """Return the request with a user agent that names the program before this library."""
        if product is None:
            return self
        return replace(self, headers={**self.headers, "User-Agent": user_agent(product)})


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response, whole; its `repr` shows no body.

    Attributes:
        status: the HTTP status.
        headers: names in lower case.
        body: as it came, cut off at the sender's limit.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    _document: dict[str, Any] | None = field(default=None, init=False, repr=False, compare=False)

    def document(self) -> dict[str, Any]:
        """Return the body if it is one JSON object, whatever its media type; else an empty dict."""
        if self._document is None:
            object.__setattr__(self, "_document", self._read())  # once, as several look at it
        return self._document or {}

    def _read(self) -> dict[str, Any]:
        try:
            document: Any = json.loads(self.body, parse_int=_whole_number)
        except (ValueError, RecursionError):  # no JSON, no UTF-8, or nested beyond reason
            return {}
        return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _whole_number(digits: str) -> int | float:
    """Return a whole number; one with more digits than Python reads, which no member of ours has, as infinity."""
    return int(digits) if len(digits) <= _MAX_NUMBER else float(digits)


def post_json(url: str, **members: str | None) -> Request:
    """Make a POST of one JSON object; members that are None are left out."""
    body = json.dumps({name: value for name, value in members.items() if value is not None})
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": USER_AGENT}
    return Request("POST", url, headers, body.encode())
