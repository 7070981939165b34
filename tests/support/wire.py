"""Plain HTTP for tests, on the standard library alone: what is under test must not be what looks at it."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: status, headers with names in lower case, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def call(  # every part of a request is a test's to choose
    base: str, method: str, path: str, *, body: Any = None, form: Any = None, headers: dict[str, str] | None = None
) -> Answer:
    """Send one request and return what came, redirects included: *body* goes as JSON, *form* as a form."""
    head = {"connection": "close", **(headers or {})}
    data = None
    if body is not None:
        data, head["content-type"] = json.dumps(body).encode(), "application/json"
    elif form is not None:
        data, head["content-type"] = urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc, timeout=30)
    try:
        connection.request(method, path, body=data, headers=head)
        reply = connection.getresponse()
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
    finally:
        connection.close()


def query(address: str) -> dict[str, str]:
    """The parameters in an address's query."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query, keep_blank_values=True))


def bearer(token: str, client_id: str = "") -> dict[str, str]:
    """What an API call carries."""
    return {"authorization": f"Bearer {token}", "trakt-api-version": "2", "trakt-api-key": client_id}
