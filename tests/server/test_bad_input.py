"""Whatever is sent, the answer is a 4xx that can be read, and the next one is served."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from traktauth.server.pages.page_request import cookies_of

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PATHS = [
    "/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device/code", "/oauth/device/token",
    "/oauth/authorize", "/api/auth/oauth2/token", "/api/auth/oauth2/revoke", "/api/auth/oauth2/authorize",
    "/api/auth/device/code", "/api/auth/device/token", "/users/settings", "/sync/history", "/sign-in", "/sign-up",
    "/consent", "/activate", "/activate/AAAAAAAA", "/_control/authorize", "/_control/tokens", "/_control/clock",
    "/_control/expire", "/_control/faults", "/_control/device", "/nowhere",
]  # fmt: skip
BODIES = {
    "broken JSON": (JSON, b'{"grant_type": "refresh_'),
    "a list": (JSON, b"[1,2]"),
    "a text": (JSON, b'"x"'),
    "null": (JSON, b"null"),
    "deep lists": (JSON, b"[" * 50_000),
    "deep objects": (JSON, b'{"a":' * 10_000),
    "many members": (JSON, b"{" + b",".join(b'"k%d":1' % at for at in range(5_000)) + b"}"),
    "no UTF-8": (JSON, b'{"grant_type":"\xff"}'),
    "a lone surrogate": (JSON, b'{"client_id":"\\ud800","token":"\\ud800","code":"\\ud800"}'),
    "NUL": (JSON, b'{"client_id":"\\u0000","token":"a\\u0000","refresh_token":"\\u0000"}'),
    "objects for texts": (JSON, b'{"grant_type":"refresh_token","client_id":{},"refresh_token":[]}'),
    "a long number": (JSON, b'{"token":' + b"9" * 5_000 + b"}"),
    "an endless number": (JSON, b'{"advance":1e999}'),
    "nothing": (JSON, b""),
    "broken percent": (FORM, b"grant_type=%zz&code=%"),
    "a form of no UTF-8": (FORM, b"grant_type=authorization_code&code=%ff%fe"),
    "a NUL in a form": (FORM, b"grant_type=authorization_code&code=%00"),
    "many parameters": (FORM, b"a=1&" * 10_000),
    "a long token": (FORM, b"grant_type=refresh_token&client_id=first-app&refresh_token=" + b"9" * 50_000),
    "a row beyond all": (FORM, b"grant_type=refresh_token&client_id=first-app&refresh_token=" + b"a" * 32 + b"9" * 30),
    "other digits": (FORM, b"grant_type=refresh_token&client_id=a&refresh_token=" + b"a" * 32 + "٣".encode()),
    "no media type": ("", b"grant_type=refresh_token"),
    "a strange media type": ("text/plain; charset=\xff", b"x"),
    "multipart": ("multipart/form-data; boundary=x", b"--x\r\n"),
}


def send(client, method, path, headers=None, body=b""):
    """Send bytes as they are; give the status."""
    lines = [f"{method} ".encode() + path + b" HTTP/1.1", b"host: 127.0.0.1", b"connection: close"]
    lines += [name.encode() + b": " + value for name, value in (headers or {}).items()]
    lines += [b"content-length: %d" % len(body), b"", body]
    with socket.create_connection((urlsplit(client.url).hostname, urlsplit(client.url).port), timeout=60) as connection:
        with contextlib.suppress(OSError):  # the server need not read it all
            connection.sendall(b"\r\n".join(lines))
        answer = connection.makefile("rb").readline()
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer.split()[1])


@pytest.mark.parametrize("path", PATHS)
def test_an_invalid_body_is_refused(either, path):
    for name, (kind, body) in BODIES.items():
        headers = {"content-type": kind.encode("latin-1")} if kind else {}
        assert 200 <= send(either, "POST", path.encode(), headers, body) < 500, (name, path)
    assert either.refresh("U" * 32).status == 400


@pytest.mark.parametrize(
    "query",
    [b"a=%zz", b"client_id=%ff", b"client_id=%00&response_type=code", b"a=1&" * 3_000, b"client_id=a&client_id=b"],
)
def test_an_invalid_query_is_no_server_error(either, query):
    for path in [*PATHS, "/", "/oauth/authorize/native", "/api/auth/error", "/style.css", "/activate/%00%ff"]:
        status = send(either, "GET", path.encode() + b"?" + query)
        assert 200 <= status < 500, path


@pytest.mark.parametrize(
    "field", [b"Basic", b"Basic ", b"Basic \xff\xfe", b"Basic Og==", b"Basic !!!", b"Bearer", b"Bearer \xff", b"\x01"]
)
def test_an_invalid_authorization_field_is_refused(either, field):
    for path in (b"/oauth/token", b"/api/auth/oauth2/token", b"/users/settings", b"/oauth/introspect"):
        form = {"authorization": field, "content-type": FORM.encode(), "trakt-api-key": b"first-app"}
        for method in ("GET", "POST"):
            assert send(either, method, path, form, b"grant_type=client_credentials&token=x") < 500


@pytest.mark.parametrize("cookie", [b"\xff", b"=;;=", b'a="', b"local_trakt_session_1=x", b"a=b; " * 500])
def test_an_invalid_cookie_is_ignored(current, cookie):
    assert send(current, "GET", b"/", {"cookie": cookie}) == 200


@pytest.mark.parametrize("blank", ["\xa0", "\x85", "\x1c"])
def test_a_cookie_with_another_blank_before_its_name_is_another_cookie(blank):
    """A sibling host can set it, for the whole domain; browsers protect only the exact prefix `__Host-`."""
    request = SimpleNamespace(headers={"cookie": f"{blank}__Host-a=planted; \t__Host-b=mine "})
    assert cookies_of(request) == {f"{blank}__Host-a": "planted", "__Host-b": "mine"}


@pytest.mark.parametrize("path", ["/oauth/token", "/sign-in", "/_control/clock", "/sync/history"])
def test_a_body_of_ten_megabytes_is_refused(either, path):
    connection = http.client.HTTPConnection(urlsplit(either.url).netloc, timeout=60)
    headers = {"content-type": JSON}
    connection.request("POST", path, b"x" * 10_000_000, headers)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_that_hides_its_size_is_refused_too(current):
    connection = http.client.HTTPConnection(urlsplit(current.url).netloc, timeout=60)
    chunks = (b"x" * 60_000 for _ in range(50))
    connection.request("POST", "/oauth/token", chunks, {"content-type": JSON}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_flood_of_fields_is_refused(current):
    assert send(current, "GET", b"/healthz", {f"x-{at}": b"y" for at in range(90)}) == 200
    assert send(current, "GET", b"/healthz", {f"x-{at}": b"y" for at in range(10_000)}) == 431


def test_a_client_that_leaves_in_the_middle_is_not_logged_as_an_error(start, tmp_path, caplog):
    log = tmp_path / "log"
    client = start(access_log=log)
    for path in (b"/oauth/token", b"/users/me", b"/sign-in"):
        head = b"POST " + path + b" HTTP/1.1\r\nhost: localhost\r\ncontent-length: 300\r\n\r\n{"
        with socket.create_connection((urlsplit(client.url).hostname, urlsplit(client.url).port)) as connection:
            connection.sendall(head)
            connection.shutdown(socket.SHUT_WR)
            connection.makefile("rb").read()
    assert client.refresh("U" * 32).status == 400
    until = time.monotonic() + 60
    while log.read_text().count("\n") < 4 and time.monotonic() < until:
        time.sleep(0.01)
    assert {json.loads(line)["status"] for line in log.read_text().splitlines()} <= {0, 400, 405}
    assert caplog.records == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_a_document_is_read_with_get_alone(current, method):
    for path in ("/openapi.json", "/api/auth/jwks", "/style.css", "/healthz", "/.well-known/openid-configuration"):
        reply = current.send(method, path)
        assert (path, reply.status, "GET" in reply.headers["allow"]) == (path, 405, True)


@pytest.mark.parametrize("part", [b"", b"{"])
def test_an_incomplete_call_of_the_control_api_changes_nothing(current, part):
    current.login()
    fields = b"host: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n"
    head = b"POST /_control/reset HTTP/1.1\r\n%b\r\n" % fields
    with socket.create_connection((urlsplit(current.url).hostname, urlsplit(current.url).port)) as connection:
        connection.sendall(head + part)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read() == b""
    assert current.ledger()["alive"] == {"access": 1, "refresh": 1}
