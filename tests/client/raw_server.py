"""A server that answers in bytes, right or wrong."""

from __future__ import annotations

import contextlib
import socket
import threading

SECRET = b'{"refresh_token": "canary"}'


def ok(body=b"{}"):
    return b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def hear_any(visitor):
    """Read one request with the secret in its body, however it is written; False at the end of the connection."""
    heard = b""
    while b"canary" not in heard:
        chunk = visitor.recv(65536)
        if not chunk:
            return False
        heard += chunk
    return True


class RawServer:
    """Answers each connection by a function of the socket and the bytes that came first."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answer = answer
        self.heard = []
        self.connections = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _serve(self, visitor):
        with visitor, contextlib.suppress(OSError):
            self.answer(self, visitor)

    def hear(self, visitor):
        """Read one whole request."""
        heard = b""
        while SECRET not in heard:
            chunk = visitor.recv(65536)
            if not chunk:
                return heard
            heard += chunk
        self.heard.append(heard)
        return heard

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
