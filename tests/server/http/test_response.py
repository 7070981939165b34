"""A response that is written at once is the one that ASGI would send."""

from __future__ import annotations

import re
import socket

import pytest

from traktauth.server.http.messages import encode_head

DATE = (b"date", b"Sat, 28 Nov 2026 00:00:00 GMT")
BODY = b'{"grant_type":"refresh_token","client_id":"first-app","client_secret":"first-secret","refresh_token":"?"}'
REQUEST = b"POST /oauth/token HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"


def raw(client, request: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Send bytes; return the first response's status line and sorted header fields, and what follows, without dates."""
    address = client.server.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as connection:
        connection.sendall(request)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    received = re.sub(rb"date: [^\r]*\r\n", b"", received)
    head, _, body = received.partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    return status, sorted(fields), body


def post(fields: bytes = b"") -> bytes:
    return REQUEST + b"%bcontent-length: %d\r\n\r\n%b" % (fields, len(BODY), BODY)


def test_it_is_the_same_as_through_asgi(start):
    at_once, logged = start(), start(access_log="/dev/null")  # a log watches what is sent, so it goes through ASGI
    last = post(b"connection: close\r\n")
    answers = raw(at_once, post() + last), raw(logged, post() + last)
    assert answers[0] == answers[1]
    assert answers[0][0] == b"HTTP/1.1 400 Bad Request"
    assert answers[0][2].count(b"HTTP/1.1 400 Bad Request") == 1


@pytest.mark.parametrize("fields", [b"", b"expect: 100-continue\r\n"])
def test_requests_on_one_connection_are_answered_in_order(current, fields):
    first = b"GET /.well-known/oauth-authorization-server HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    status, _, rest = raw(current, first + post(fields) * 2 + post(b"connection: close\r\n"))
    assert status == b"HTTP/1.1 200 OK"
    assert rest.count(b"HTTP/1.1 400 Bad Request") == 3
    assert rest.count(b"connection: close") == 1


@pytest.mark.parametrize("name", ["connection", "Content-Length", "transfer-encoding"])
def test_fields_about_framing_go_through_asgi(name):
    assert encode_head(200, ((name, "1"),), (DATE,)) is None


@pytest.mark.parametrize("field", [("location", "/\r\nset-cookie: a=b"), ("a b", "c"), ("a", "\0")])
def test_a_field_that_would_begin_another_is_refused(field):
    with pytest.raises(RuntimeError, match="cannot be sent"):
        encode_head(302, (field,), (DATE,))
