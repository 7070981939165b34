from __future__ import annotations

import http.client
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode, urlsplit

import pytest

from support.recording_proxy import RecordingProxy, Seen


class Echo(BaseHTTPRequestHandler):
    """Answers with what it got, and counts what reached it."""

    protocol_version = "HTTP/1.1"
    reached: list[str]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.reached.append(self.path)
        self.send_response(200)
        if self.path == "/chunked":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
        elif self.path == "/unframed":
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(b"until the end")
        else:
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("content-length", "12345")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def upstream():
    handler = type("Handler", (Echo,), {"reached": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def proxy(upstream):
    with RecordingProxy(upstream[1]) as proxy:
        yield proxy


@pytest.fixture
def connection(proxy):
    connection = http.client.HTTPConnection(urlsplit(proxy.base).netloc, timeout=60)
    yield connection
    connection.close()


def post(connection, path, body):
    connection.request("POST", path, body=body)
    return connection.getresponse().read().decode()


REFRESH = json.dumps({"grant_type": "refresh_token"})
CODE = urlencode({"grant_type": "authorization_code"})


def test_requests_on_one_connection_pass_and_are_counted_by_method_path_and_grant(proxy, connection):
    assert post(connection, "/oauth/token", REFRESH) == REFRESH
    assert post(connection, "/oauth/token?x=1", CODE) == CODE
    assert post(connection, "/other", "") == ""
    assert dict(proxy.seen) == {
        Seen("POST", "/oauth/token", "refresh_token"): 1,
        Seen("POST", "/oauth/token", "authorization_code"): 1,
        Seen("POST", "/other", None): 1,
    }
    assert proxy.count("/oauth/token") == 2
    assert proxy.count("/oauth/token", grant="refresh_token") == 1


def test_a_dropped_request_never_reaches_the_server(proxy, connection, upstream):
    proxy.drop("/oauth/token")
    with pytest.raises(ConnectionError):
        post(connection, "/oauth/token", REFRESH)
    assert upstream[0].reached == []
    assert proxy.count("/oauth/token") == 1


def test_a_swallowed_answer_is_lost_after_the_server_did_its_work(proxy, connection, upstream):
    proxy.swallow("/oauth/token")
    with pytest.raises(ConnectionError):
        post(connection, "/oauth/token", REFRESH)
    assert upstream[0].reached == ["/oauth/token"]


def test_a_rule_is_used_up_after_its_number_of_times(proxy, connection):
    proxy.swallow("/oauth/token", times=2)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            post(connection, "/oauth/token", REFRESH)
        connection.close()
    assert post(connection, "/oauth/token", REFRESH) == REFRESH


def test_a_rule_for_one_grant_leaves_the_other_grants_and_paths_alone(proxy, connection):
    proxy.drop("/oauth/token", grant="refresh_token")
    assert post(connection, "/oauth/token", CODE) == CODE
    assert post(connection, "/else", REFRESH) == REFRESH
    with pytest.raises(ConnectionError):
        post(connection, "/oauth/token", REFRESH)


def test_a_delayed_answer_comes_whole_and_late(proxy, connection):
    proxy.delay("/oauth/token", 0.3)
    began = time.monotonic()
    assert post(connection, "/oauth/token", CODE) == CODE
    assert time.monotonic() - began >= 0.3


def test_every_framing_of_an_answer_passes(connection):
    assert post(connection, "/chunked", "x") == "abcde"
    connection.request("HEAD", "/")
    assert connection.getresponse().getheader("content-length") == "12345"
    connection.close()
    assert post(connection, "/unframed", "x") == "until the end"


def test_a_chunked_request_is_read_in_full_but_its_grant_is_not(proxy, connection):
    # the echo server reads by length only: the request is dropped, so that only the proxy has to understand it
    proxy.drop("/oauth/token")
    connection.request("POST", "/oauth/token", body=iter([REFRESH[:5].encode(), REFRESH[5:].encode()]))
    with pytest.raises(ConnectionError):
        connection.getresponse()
    assert dict(proxy.seen) == {Seen("POST", "/oauth/token", None): 1}


def test_closing_the_cable_closes_what_is_open(upstream):
    with RecordingProxy(upstream[1]) as proxy:
        connection = http.client.HTTPConnection(urlsplit(proxy.base).netloc, timeout=60)
        assert post(connection, "/x", "1") == "1"
        threads = proxy._threads
    assert not [thread for thread in threads if thread.is_alive()]
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        post(connection, "/x", "1")
    connection.close()
