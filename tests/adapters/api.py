"""An API that takes a test's orders, over the OAuth endpoints of a local Trakt; and a host that is not Trakt's."""

from __future__ import annotations

import itertools
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from traktauth.testing import LocalTrakt


@dataclass
class Seen:
    """A request that arrived: its connection is a number."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Api:
    """A server on loopback.

    Attributes:
        rejected: access tokens that it answers with a 401.
        seen: what arrived, without the requests to the OAuth endpoints.
    """

    local: LocalTrakt | None
    base: str = ""
    rejected: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)

    def refreshes(self) -> int:
        """How many refreshes Trakt has answered."""
        return 0 if self.local is None else self.local.ledger["rotations"]


@contextmanager
def serving(local: LocalTrakt | None = None):
    """Serve an API over a local Trakt; without one, a host that knows no token."""
    api = Api(local)
    numbers = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            self.number = next(numbers)
            super().setup()

        def handle_any(self):
            body = _body_of(self)
            if self.path.startswith("/oauth/"):
                self.reply(*_forwarded(api, self, body))
                return
            fields = {name.lower(): value for name, value in self.headers.items()}
            if self.path == "/broken":  # the connection ends without a response
                self.close_connection = True
                return
            api.seen.append(Seen(self.command, self.path, fields, body, self.number))
            self.reply(*_answer(api, self.path, fields, body))

        do_GET = do_POST = handle_any  # noqa: N815 - the names that http.server calls

        def reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_arguments: Any) -> None:
            """A client may leave."""

    with Server(("127.0.0.1", 0), Handler) as server:
        api.base = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()


def _answer(api: Api, path: str, fields: dict[str, str], body: bytes) -> tuple[Any, ...]:
    address = urlsplit(path)
    if address.path == "/limited":
        return 429, b"slow down", {"Retry-After": "7"}
    if address.path == "/away":
        return 302, b"", {"Location": parse_qs(address.query)["to"][0]}
    if address.path == "/unavailable":
        return 503, b"", {"Retry-After": "3"}
    token = fields.get("authorization", "").removeprefix("Bearer ")
    known = api.local is not None and token and token not in api.rejected
    if address.path == "/never" or (api.local is not None and not known) or address.path == "/foreign-401":
        return 401, b"x" * 2000, {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return 200, body


def _body_of(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    chunks = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        chunks.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(chunks)


def _forwarded(api: Api, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[Any, ...]:
    """Ask the local Trakt in the place of an OAuth endpoint."""
    assert api.local is not None
    fields = {"content-type": handler.headers.get("content-type", "application/json")}
    request = urllib.request.Request(api.local.url + handler.path, body, fields, method="POST")
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
            return response.status, response.read(), {"Content-Type": "application/json"}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {"Content-Type": "application/json"}
