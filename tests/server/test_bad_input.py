"""Whatever is sent, the answer is a 4xx that can be read, and the next one is served."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from traktauth.server.limits import request_size
from traktauth.server.process import http_server

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PATHS = [
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/device/code",
    "/oauth/device/token",
    "/oauth/authorize",
    "/api/auth/oauth2/token",
    "/api/auth/oauth2/revoke",
    "/api/auth/oauth2/authorize",
    "/api/auth/device/code",
    "/api/auth/device/token",
    "/users/settings",
    "/sync/history",
    "/sign-in",
    "/sign-up",
    "/consent",
    "/activate",
    "/activate/AAAAAAAA",
    "/_control/authorize",
    "/_control/tokens",
    "/_control/clock",
    "/_control/expire",
    "/_control/faults",
    "/_control/device",
    "/nowhere",
]
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
def test_bodies_that_make_no_sense(either, path):
    for name, (kind, body) in BODIES.items():
        headers = {"content-type": kind.encode("latin-1")} if kind else {}
        for method in ("POST", "PUT", "GET"):
            status = send(either, method, path.encode(), headers, body)
            assert 200 <= status < 500, (name, method, path)
    assert either.refresh("U" * 32).status == 400


@pytest.mark.parametrize(
    "query",
    [b"a=%zz", b"client_id=%ff", b"client_id=%00&response_type=code", b"a=1&" * 3_000, b"client_id=a&client_id=b"],
)
def test_queries_that_make_no_sense(either, query):
    for path in [*PATHS, "/", "/oauth/authorize/native", "/api/auth/error", "/style.css", "/activate/%00%ff"]:
        status = send(either, "GET", path.encode() + b"?" + query)
        assert 200 <= status < 500, path


@pytest.mark.parametrize(
    "field", [b"Basic", b"Basic ", b"Basic \xff\xfe", b"Basic Og==", b"Basic !!!", b"Bearer", b"Bearer \xff", b"\x01"]
)
def test_authorization_fields_that_make_no_sense(either, field):
    for path in (b"/oauth/token", b"/api/auth/oauth2/token", b"/users/settings", b"/oauth/introspect"):
        form = {"authorization": field, "content-type": FORM.encode(), "trakt-api-key": b"first-app"}
        for method in ("GET", "POST"):
            assert send(either, method, path, form, b"grant_type=client_credentials&token=x") < 500


@pytest.mark.parametrize("cookie", [b"\xff", b"=;;=", b'a="', b"local_trakt_session_1=x", b"a=b; " * 500])
def test_cookies_that_make_no_sense(current, cookie):
    assert send(current, "GET", b"/", {"cookie": cookie}) == 200


@pytest.mark.parametrize("path", ["/oauth/token", "/sign-in", "/_control/clock", "/sync/history"])
def test_a_body_of_ten_megabytes_is_refused_unread(either, path):
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


def test_a_head_that_does_not_end_is_refused(either):
    fields = {f"x-{at}": b"y" * 1_000 for at in range(1_000)}
    assert send(either, "GET", b"/", fields) == 400


def test_a_flood_of_fields_is_refused(current):
    assert send(current, "GET", b"/healthz", {f"x-{at}": b"y" for at in range(90)}) == 200
    assert send(current, "GET", b"/healthz", {f"x-{at}": b"y" for at in range(10_000)}) == 431


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(http_server, "SLOWEST_SECONDS", 0.5)
    monkeypatch.setattr(http_server, "TICKS_BETWEEN_LOOKS", 1)


HALVES = {
    "nothing": (b"", b""),
    "a part of the head": (b"POST /oauth/token HTTP/1.1\r\nho", b"HTTP/1.1 408 "),
    "a part of the body": (
        b"POST /oauth/token HTTP/1.1\r\nhost: [::1]\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
        b"HTTP/1.1 408 ",
    ),
    "a part of a body that is too large": (
        b"POST /oauth/token HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000000\r\n\r\n{",
        b"HTTP/1.1 413 ",
    ),
    "a part of a page's form": (
        b"POST /sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nusername=",
        b"HTTP/1.1 408 ",
    ),
}


@pytest.mark.parametrize("name", HALVES)
def test_a_request_that_never_ends_is_refused(start, impatient, name, caplog, tmp_path):
    log = tmp_path / "log"
    client = start(access_log=log)
    sent, begins = HALVES[name]
    with socket.create_connection((urlsplit(client.url).hostname, urlsplit(client.url).port), timeout=60) as connection:
        connection.sendall(sent)
        answer = connection.makefile("rb").read()
    assert answer.startswith(begins)
    assert bool(answer) is bool(begins)
    assert caplog.records == []
    assert " 500," not in log.read_text()
    assert client.refresh("U" * 32).status == 400


def test_a_client_that_waits_for_a_response_is_not_cut_off(start, impatient):
    client = start(control=True)
    client.server.fail_next("/oauth/token", delay=1.5)
    assert client.refresh("U" * 32).status == 400


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
def test_what_is_only_looked_at_takes_no_other_method(current, method):
    for path in ("/openapi.json", "/api/auth/jwks", "/style.css", "/healthz", "/.well-known/openid-configuration"):
        reply = current.send(method, path)
        assert (path, reply.status, reply.headers["allow"]) == (path, 405, "GET")


def test_half_a_request_delays_no_other(current):
    with socket.create_connection((urlsplit(current.url).hostname, urlsplit(current.url).port)) as connection:
        connection.sendall(b"POST /oauth/token HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
        assert current.refresh("U" * 32).status == 400


@pytest.mark.parametrize("part", [b"", b"{"])
def test_half_a_call_of_the_control_api_does_nothing(current, part):
    current.login()
    fields = b"host: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n"
    head = b"POST /_control/reset HTTP/1.1\r\n%b\r\n" % fields
    with socket.create_connection((urlsplit(current.url).hostname, urlsplit(current.url).port)) as connection:
        connection.sendall(head + part)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read() == b""
    assert current.ledger()["alive"] == {"access": 1, "refresh": 1}


def test_a_flood_of_fields_behind_a_body_is_refused(current):
    head = b"POST /oauth/token HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    with socket.create_connection((urlsplit(current.url).hostname, urlsplit(current.url).port)) as connection:
        connection.sendall(head)
        with contextlib.suppress(OSError):  # it may hang up before all of it has been sent
            for at in range(40):
                connection.sendall(b"x-%d: %b\r\n" % (at, b"y" * 50_000))
        with contextlib.suppress(ConnectionResetError):
            assert connection.makefile("rb").readline() == b"HTTP/1.1 400 Bad Request\r\n"
    assert current.ledger()["counts"] == {"POST /oauth/token": {"unread": 1}}


def test_a_large_call_in_one_piece_is_no_flood(current):
    body = json.dumps([{"path": "/x", "body": "y" * 1_000_000}])
    assert current.send("PUT", "/_control/faults", headers={"content-type": JSON}, body=body).status == 200


def test_requests_in_a_pipeline_are_answered_in_turn(current):
    one = b"GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost\r\n\r\n"
    last = one.replace(b"host: localhost", b"host: localhost\r\nconnection: close")
    with socket.create_connection((urlsplit(current.url).hostname, urlsplit(current.url).port)) as connection:
        connection.sendall(one * 20 + last)
        assert connection.makefile("rb").read().count(b"HTTP/1.1 200") == 21


def test_a_long_pipeline_that_reads_nothing_fills_no_memory(current):
    """What is not answered yet is not parsed either: the connection is read no further."""
    one = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n" * 1000
    with socket.create_connection((urlsplit(current.url).hostname, urlsplit(current.url).port)) as connection:
        connection.settimeout(1)
        with contextlib.suppress(TimeoutError):
            for _ in range(1000):
                connection.sendall(one)
        (protocol,) = (
            protocol for protocol in current.server._server.server_state.connections if protocol.cycle is not None
        )
        assert len(protocol.pipeline) <= request_size.MOST_PIPELINED + 100  # what is in a piece comes on top
        assert len(protocol._unparsed) <= 1_000_000
        assert current.get("/healthz").status == 200


def test_a_body_behind_a_long_pipeline_is_read(current):
    one = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    body = b"x=" + b"y" * 50_000
    fields = b"content-type: application/x-www-form-urlencoded\r\nconnection: close\r\ncontent-length: %d" % len(body)
    last = b"POST /oauth/token HTTP/1.1\r\nhost: localhost\r\n%b\r\n\r\n%b" % (fields, body)
    with socket.create_connection(
        (urlsplit(current.url).hostname, urlsplit(current.url).port), timeout=10
    ) as connection:
        connection.sendall(one * 300 + last)
        answers = connection.makefile("rb").read()
    assert (answers.count(b"HTTP/1.1 200"), answers.count(b"HTTP/1.1 400")) == (300, 1)


def test_half_requests_keep_no_other_client_out(start, monkeypatch):
    monkeypatch.setattr(http_server, "connection_limit", lambda: 20)
    monkeypatch.setattr(http_server, "OVERDUE_SECONDS", -1.0)  # at once: the loop's clock counts milliseconds
    client = start()
    with contextlib.ExitStack() as opened:
        place = (urlsplit(client.url).hostname, urlsplit(client.url).port)
        polite = opened.enter_context(contextlib.closing(http.client.HTTPConnection(*place, timeout=60)))
        for at in range(60):
            half = opened.enter_context(socket.create_connection(place, timeout=60))
            half.sendall(b"GET /healthz HTTP/1.1\r\nho")
            if at % 10 == 0:
                polite.request("GET", "/healthz")
                reply = polite.getresponse()
                assert (reply.status, bool(reply.read())) == (200, True)
        time.sleep(0.01)  # or the new connection could be as old as the last half request
        assert client.get("/healthz").status == 200


class Connection:
    """What decides about a connection."""

    def __init__(self, address, since, *, overdue=False, is_waiting=True):
        self.client, self.eviction_key, self.is_waiting, self.transport = (
            (address, 1),
            (not overdue, since),
            is_waiting,
            self,
        )
        self.aborted = False

    def abort(self):
        self.aborted = True


@pytest.mark.parametrize(
    ("connections", "closed"),
    [
        ([Connection("10.0.0.1", at) for at in range(8)], None),
        ([Connection("10.0.0.1", at) for at in range(9)], 0),
        ([Connection("10.0.0.1", at, overdue=at == 5) for at in range(9)], 5),
        ([Connection("10.0.0.1", at, is_waiting=at > 3) for at in range(9)], 4),
        ([Connection("10.0.0.1", at, is_waiting=False) for at in range(9)], None),
        ([Connection("10.0.0.2", 0), *(Connection("10.0.0.1", at + 1) for at in range(7))], 1),
        ([Connection("10.0.0.2", 0), *(Connection("10.0.0.1", at + 1) for at in range(6))], None),
        ([Connection("10.0.0.2", 0), *(Connection("10.0.0.1", at + 1) for at in range(8))], 1),
    ],
)
def test_which_connection_makes_room(connections, closed):
    http_server.close_excess_connection(set(connections), 8)
    assert [at for at, one in enumerate(connections) if one.aborted] == ([] if closed is None else [closed])


names = st.sampled_from([
    "grant_type", "client_id", "client_secret", "code", "code_verifier", "redirect_uri", "refresh_token", "scope",
    "token", "token_type_hint", "resource", "device_code", "state",
])  # fmt: skip
words = st.sampled_from([
    "authorization_code", "refresh_token", "client_credentials", "first-app", "first-secret", "public-app",
    "http://127.0.0.1:9876/callback", "access_token", "public", "a" * 32 + "1",
])  # fmt: skip
values = st.one_of(words, st.text(max_size=20), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(words))
members = st.dictionaries(names, values, max_size=8)
unhurried = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow
@unhurried
@example(message={"state": "first-secret"}, path="/oauth/token")
@given(message=members, path=st.sampled_from([path for path in PATHS if "oauth" in path or "device" in path]))
def test_no_combination_of_parameters_breaks_the_server(either, message, path):
    body = json.dumps(message)  # NaN and Infinity are in it, which are no JSON: so much the better
    reply = either.send("POST", path, headers={"content-type": JSON}, body=body)
    assert reply.status < 500
    reported = reply.json if reply.text.startswith("{") else {"": reply.text}
    reported.pop("state", None)  # which Doorkeeper gives back as it was sent, whatever it is
    assert "first-secret" not in json.dumps(reported)


@unhurried
@given(data=st.binary(max_size=300), kind=st.sampled_from([JSON, FORM, "text/plain"]))
def test_no_bytes_break_the_server(either, data, kind):
    for path in ("/oauth/token", "/oauth/revoke", "/sign-in"):
        assert either.send("POST", path, headers={"content-type": kind}, body=data).status < 500
