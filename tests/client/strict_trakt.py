"""A small Trakt with the present engine's rule: a refresh token that is sent twice ends every token of its user.

It serves many clients at once, in this process or others, counts what it is asked, and can be told to be slow, to cut
the connection, or to answer something else.
"""

from __future__ import annotations

import itertools
import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DEAD = {"error": "invalid_grant", "error_description": "session not found"}


class Quiet(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        """A client that went away is not news."""


class StrictTrakt:
    def __init__(self):
        self.life = 3600
        self.oauth_headers = []
        self.user = None  # what /users/settings tells of the user
        self.moved_to = "http://192.0.2.1/elsewhere"
        self.api_refuses = False
        self.refreshes = []  # the refresh tokens that were sent, in order
        self.api_calls = []  # the access tokens that came
        self.headers = []  # of API calls
        self.killed = 0
        self.answers = []  # given out instead of the next ones at /oauth/token: (status, headers, body)
        self.before = []  # called before the next ones are done
        self.after = []  # called after the next ones are done; True cuts the connection
        self.api_before = []
        self.arrived = threading.Event()  # a refresh has
        self.connections = 0
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.access = set()
        self.fresh, self.spent = set(), set()
        self.revoked = []
        self.server = Quiet(("127.0.0.1", 0), self._handler())
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(60)

    def pair(self):
        """Issue a pair, as a sign-in does."""
        number = next(self.numbers)
        access, refresh = f"access-{number}-canary", f"refresh-{number}-canary"
        self.access.add(access)
        self.fresh.add(refresh)
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "bearer",
            "expires_in": self.life,
            "scope": "public",
            "created_at": 1_700_000_000,
        }

    def token(self, asked):
        """Answer at /oauth/token."""
        if asked["grant_type"] == "authorization_code":
            return (200, {}, self.pair()) if asked["code"] == "good-code" else (401, {}, DEAD)
        sent = asked["refresh_token"]
        with self.lock:
            self.refreshes.append(sent)
            self.arrived.set()
            answer = self.answers.pop(0) if self.answers else None
            before = self.before.pop(0) if self.before else None
        if answer is not None:
            return answer
        if before is not None:
            before()
        with self.lock:
            if sent in self.spent:
                self.killed += 1
                self.access.clear()
                self.fresh.clear()
                return 400, {}, DEAD
            if sent not in self.fresh:
                return 400, {}, DEAD
            self.fresh.discard(sent)
            self.spent.add(sent)
            return 200, {}, self.pair()

    def api(self, access):
        with self.lock:
            self.api_calls.append(access)
            before = self.api_before.pop(0) if self.api_before else None
        if before is not None:
            before()
        return 401 if self.api_refuses or access not in self.access else 200

    def _handler(self):  # noqa: C901 - a class of small methods
        trakt = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def setup(self):
                trakt.connections += 1
                super().setup()

            def log_message(self, *_):
                pass

            def do_POST(self):
                if self.path.startswith("/oauth/"):
                    trakt.oauth_headers.append({name.lower(): value for name, value in self.headers.items()})
                asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
                if self.path == "/oauth/token":
                    answer = trakt.token(asked)
                    after = trakt.after.pop(0) if trakt.after else None
                    if after is not None and after():
                        return self.cut()
                elif self.path == "/oauth/revoke":
                    trakt.revoked.append(asked["token"])
                    answer = (200, {}, {})
                elif self.path == "/oauth/device/code":
                    codes = {"device_code": "device-canary", "user_code": "ABCD1234", "expires_in": 600, "interval": 1}
                    answer = (200, {}, {**codes, "verification_url": f"{trakt.base}/activate"})
                elif self.path == "/oauth/device/token":
                    answer = (200, {}, trakt.pair())
                else:
                    return self.api()
                return self.answer(*answer)

            def do_GET(self):
                if self.path.startswith("/.well-known/"):
                    return self.answer(404, {}, {})
                return self.api()

            do_PUT = do_DELETE = do_GET  # noqa: N815 - the same

            def api(self):
                trakt.headers.append({name.lower(): value for name, value in self.headers.items()} | {":": self.path})
                status = trakt.api((self.headers.get("authorization") or "").removeprefix("Bearer "))
                if self.path == "/moved":
                    return self.answer(302, {"location": trakt.moved_to}, {})
                user = {} if trakt.user is None else {"user": trakt.user}
                return self.answer(status, {}, {"path": self.path, **user})

            def answer(self, status, headers, body):
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def cut(self):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True

        return Handler
