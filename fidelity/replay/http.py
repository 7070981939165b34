"""Requests and answers, on the standard library alone: what looks at a server must share nothing with it."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
SHORT = 80


@dataclass(frozen=True)
class Request:
    """A request as it goes out: every placeholder filled in."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the path and, where the body is a form, of the body."""
        told = urllib.parse.urlsplit(self.path).query
        return parameters_of(told) | parameters_of(self.body or "" if FORM in self.header("content-type") else "")

    def header(self, name: str) -> str:
        """Give a header field, empty where it is absent."""
        return next((value for known, value in self.headers.items() if known.lower() == name), "")


@dataclass(frozen=True)
class Response:
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        """What the body says, None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def members(self) -> dict[str, Any]:
        """The body's members, none if it is not a JSON object."""
        return self.json if isinstance(self.json, dict) else {}

    @property
    def short(self) -> str:
        """The answer in a line, as recorded after-effects have it."""
        if "error" in self.members:
            return f"{self.status} {self.members['error']}/{self.members.get('error_description')}"
        return f"{self.status} ok" if self.status == http.HTTPStatus.OK else f"{self.status} {self.body[:SHORT]}"


def send(base: str, request: Request) -> Response:
    """Send a request over a connection of its own."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc, timeout=30)
    try:
        body = None if request.body is None else request.body.encode("utf-8", "surrogateescape")
        connection.putrequest(request.method, request.path, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        headers = {name.lower(): value for name, value in reply.getheaders()}
        return Response(reply.status, headers, reply.read().decode("utf-8", "replace"))
    finally:
        connection.close()


def in_form(path: str, /, **members: str | None) -> Request:
    """Make a POST of a form; members that are None are left out."""
    said = {name: value for name, value in members.items() if value is not None}
    return Request("POST", path, {"content-type": FORM}, urllib.parse.urlencode(said))


def in_json(path: str, /, **members: object) -> Request:
    """Make a POST of a JSON object; members that are None are left out."""
    said = {name: value for name, value in members.items() if value is not None}
    return Request("POST", path, {"content-type": JSON}, json.dumps(said))


def parameters_of(text: str) -> dict[str, str]:
    """Give the parameters of a query or form."""
    return dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
