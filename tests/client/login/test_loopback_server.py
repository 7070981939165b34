"""The receiver of a redirected browser: who may end the wait, what visitors can do to it, what it leaves behind."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from urllib.parse import urlsplit

import pytest

from support.process import free_port
from support.wire import call
from traktauth.client.login import loopback_server, pages
from traktauth.client.login.loopback_server import LoopbackServer, can_listen, peer_user
from traktauth.errors import LoginRefused
from traktauth.wire.authorization import AuthorizationResponse, parse_authorization_response

READ = partial(parse_authorization_response, state="mine")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


class Waiting:
    """A receiver whose wait runs in a thread."""

    def __init__(self, host="127.0.0.1", path="/callback", seconds=120.0):
        self.host, self.path = host, path
        self.port = free_port()
        self.receiver = LoopbackServer(f"http://{host}:{self.port}{path}")
        self.answer = "none yet"
        self.thread = threading.Thread(target=self._wait, args=(seconds,))
        self.thread.start()

    def _wait(self, seconds):
        self.answer = self.receiver.wait(READ, seconds)
        if self.answer is not None:
            self.receiver.finish(pages.signed_in_page("default"))

    def visit(self, target, method="GET", host=None):
        reply = call(f"http://{host or self.host}:{self.port}", method, target)
        return reply.status, reply.text

    def send(self, *parts, pause=0.0):
        """Send bytes as they are and return the page that comes back."""
        page = b""
        with socket.create_connection((self.host, self.port), timeout=60) as visitor:
            for part in parts:
                with contextlib.suppress(ConnectionError):
                    visitor.sendall(part)
                time.sleep(pause)
            with contextlib.suppress(ConnectionError):
                while not page.endswith(b"</html>") and (chunk := visitor.recv(65536)):
                    page += chunk
        return page

    def ended(self):
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.answer

    def still_waits(self):
        return self.thread.is_alive() and self.answer == "none yet"


@pytest.fixture
def waiting():
    made = []

    def make(*args, **named):
        made.append(Waiting(*args, **named))
        return made[-1]

    yield make
    for each in made:
        each.receiver.close()
        each.thread.join(60)


# ---------------------------------------------------------------- who ends the wait
def test_the_visit_that_brings_our_state_ends_the_wait(waiting):
    receiver = waiting()
    status, page = receiver.visit("/callback?code=abc&state=mine&iss=https%3A%2F%2Ftrakt.tv")
    assert (status, receiver.ended()) == (200, AuthorizationResponse("abc", "https://trakt.tv"))
    assert "close this window" in page
    assert "abc" not in page


@pytest.mark.parametrize("has_outcome", [True, False])
def test_the_browser_waits_for_the_outcome_of_the_sign_in_or_the_end_of_the_program(has_outcome):
    receiver = LoopbackServer(f"http://127.0.0.1:{free_port()}/callback")
    shown = []

    def visit():
        shown.append(call(receiver.redirect_uri, "GET", "/callback?code=abc&state=mine").text)

    browser = threading.Thread(target=visit)
    browser.start()
    assert receiver.wait(READ, 60) == AuthorizationResponse("abc")
    assert shown == []
    if has_outcome:
        receiver.finish(pages.not_signed_in("Trakt refused <b>the app</b>\x1b[2J"))
        browser.join(60)
    receiver.close()
    browser.join(60)
    if has_outcome:
        assert "Not signed in" in shown[0]
        assert "Trakt refused &lt;b&gt;the app&lt;/b&gt;\\x1b[2J. You can close" in shown[0]
    else:
        assert "says whether you are signed in" in shown[0]


def test_an_error_ends_the_wait_as_a_refusal(waiting):
    receiver = waiting()
    assert receiver.visit("/callback?error=access_denied&state=mine")[0] == 200
    assert isinstance(receiver.ended(), LoginRefused)


@pytest.mark.parametrize("query", ["code=abc", "error=access_denied&state=another", ""])
def test_a_visit_without_the_state_does_not_end_the_wait(waiting, query):
    receiver = waiting()
    status, page = receiver.visit(f"/callback?{query}")
    assert status == 400
    assert "another sign-in" in page
    assert receiver.still_waits()
    receiver.visit("/callback?code=abc&state=mine")
    assert receiver.ended() == AuthorizationResponse("abc")


@pytest.mark.parametrize("target", ["/", "/callback/", "/Callback?code=a&state=mine", "/favicon.ico", "//[/callback"])
def test_another_path_is_not_found(waiting, target):
    receiver = waiting()
    assert receiver.visit(target)[0] == 404
    assert receiver.still_waits()


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS"])
def test_another_method_gets_400(waiting, method):
    receiver = waiting()
    assert receiver.visit("/callback?code=abc&state=mine", method)[0] == 400
    assert receiver.still_waits()


@pytest.mark.parametrize(
    "head",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"GET http://x/callback HTTP/1.1\r\n\r\n", bytes(range(128, 256)) + b"\r\n\r\n"],
)
def test_a_malformed_request_gets_400(waiting, head):
    receiver = waiting()
    assert receiver.send(head).startswith(b"HTTP/1.1 400 ")
    assert receiver.still_waits()


def test_a_second_visit_is_reported_and_changes_nothing(waiting):
    receiver = waiting()
    assert receiver.visit("/callback?code=first&state=mine")[0] == 200
    status, page = receiver.visit("/callback?code=second&state=mine")
    assert (status, receiver.ended()) == (409, AuthorizationResponse("first"))
    assert "Answered already" in page


@pytest.mark.slow
def test_a_visit_before_the_wait_is_its_answer():
    """A prompt that waits for the browser, or visits the page itself, returns after the answer has come."""
    with contextlib.closing(LoopbackServer(f"http://127.0.0.1:{free_port()}/callback")) as receiver:
        for query in ("code=other&state=another", "code=abc&state=mine"):
            response = call(receiver.redirect_uri, "GET", f"/callback?{query}")
            assert (response.status, "Return to the program" in response.text) == (200, True)
        assert receiver.wait(READ, 60) == AuthorizationResponse("abc")
        assert receiver.wait(READ, 0.05) is None  # once
        assert call(receiver.redirect_uri, "GET", "/callback?code=second&state=mine").status == 409


@pytest.mark.slow
def test_a_flood_of_early_visits_is_bounded():
    with contextlib.closing(LoopbackServer(f"http://127.0.0.1:{free_port()}/callback")) as receiver:
        port = int(receiver.redirect_uri.split(":")[2].partition("/")[0])
        browsers = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(40)]
        for number, browser in enumerate(browsers):
            with contextlib.suppress(OSError):
                browser.sendall(f"GET /callback?code={number}&state=other HTTP/1.1\r\n\r\n".encode())
        for browser in browsers:
            with contextlib.suppress(OSError):
                while browser.recv(4096):
                    pass
            browser.close()
        assert len(receiver._early) <= 32
        assert receiver.wait(READ, 0.05) is None


def test_a_wait_without_a_visit_ends_at_its_timeout():
    with contextlib.closing(LoopbackServer(f"http://127.0.0.1:{free_port()}/callback")) as receiver:
        assert receiver.wait(READ, 0.05) is None


def test_closing_ends_a_wait(waiting):
    receiver = waiting(seconds=60)
    receiver.receiver.close()
    assert receiver.ended() is None


# ---------------------------------------------------------------- visitors that mean harm
def test_ten_megabytes_of_request_line_are_not_read(waiting):
    receiver = waiting()
    line = b"GET /callback?code=" + b"a" * 10_000_000 + b"&state=mine HTTP/1.1\r\n\r\n"
    answer = receiver.send(line)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert receiver.still_waits()
    assert receiver.visit("/callback?code=abc&state=mine")[0] == 200


@pytest.mark.parametrize(("limit", "parts"), [("_REQUEST_LIMIT", [b"G"] * 10), ("_FIRST_BYTE_LIMIT", [b""])])
def test_a_visitor_that_takes_too_long_is_sent_away(waiting, monkeypatch, limit, parts):
    monkeypatch.setattr(loopback_server, "_REQUEST_LIMIT", 120.0)
    monkeypatch.setattr(loopback_server, limit, 0.2)
    receiver = waiting()
    receiver.send(*parts, pause=0.05)  # until it is sent away
    assert receiver.still_waits()


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", b"G"], ids=["silent", "slow"])
def test_a_crowd_that_holds_every_place_does_not_keep_the_browser_out(waiting, monkeypatch, sent):
    for limit in ("_REQUEST_LIMIT", "_FIRST_BYTE_LIMIT"):
        monkeypatch.setattr(f"traktauth.client.login.loopback_server.{limit}", 60.0)
    receiver = waiting()
    with contextlib.ExitStack() as crowd:
        for _ in range(150):
            visitor = crowd.enter_context(socket.create_connection(("127.0.0.1", receiver.port), 5))
            with contextlib.suppress(ConnectionError):
                visitor.sendall(sent)
        assert receiver.visit("/callback?code=abc&state=mine")[0] == 200
    assert receiver.ended() == AuthorizationResponse("abc")


def test_the_page_is_not_cached_and_loads_nothing(waiting):
    receiver = waiting()
    head = receiver.send(b"GET /callback?code=abc&state=mine HTTP/1.1\r\n\r\n").partition(b"\r\n\r\n")[0].lower()
    for line in (b"cache-control: no-store", b"referrer-policy: no-referrer", b"default-src 'none'"):
        assert line in head


# ---------------------------------------------------------------- the start page
def get(address):
    """Return the status of an address and where it redirects to."""
    reply = call(address, "GET", urlsplit(address).path)
    return reply.status, reply.headers.get("location")


def test_the_start_page_leads_to_trakt_once(waiting):
    receiver = waiting()
    start = receiver.receiver.serve_start("https://trakt.tv/oauth/authorize?state=mine")
    assert "mine" not in start
    assert get(start) == (302, "https://trakt.tv/oauth/authorize?state=mine")
    assert get(start) == (410, None)
    assert receiver.still_waits()


def test_no_two_start_pages_have_one_address_and_none_is_served_before_it_is_asked_for(waiting):
    first, second = waiting(), waiting()
    address = first.receiver.serve_start("https://a/")
    assert urlsplit(address).path != urlsplit(second.receiver.serve_start("https://b/")).path
    assert get(f"http://127.0.0.1:{first.port}/start/guess") == (404, None)


FETCH = """
import os, socket, sys, urllib.parse
parts = urllib.parse.urlsplit(sys.argv[1])
os.setgid(65534), os.setuid(65534)
with socket.socket(socket.AF_INET6 if ":" in parts.hostname else socket.AF_INET) as connection:
    connection.connect((parts.hostname, parts.port))
    connection.sendall(b"GET " + parts.path.encode() + b" HTTP/1.1\\r\\n\\r\\n")
    print(connection.recv(65536).decode())
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to be another user")
@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("[::1]", marks=needs_ipv6), "localhost"])
def test_another_user_that_reads_the_browsers_arguments_is_not_led_to_the_sign_in(waiting, host):
    receiver = waiting(host)
    start = receiver.receiver.serve_start("https://trakt.tv/oauth/authorize?state=mine")
    theirs = subprocess.run(
        [sys.executable, "-c", FETCH, start], capture_output=True, text=True, check=True, timeout=60
    )
    assert theirs.stdout.startswith("HTTP/1.1 403 ")
    assert "Location" not in theirs.stdout
    assert get(start) == (302, "https://trakt.tv/oauth/authorize?state=mine"), "the user's own browser still is"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6), "::ffff:127.0.0.1"])
def test_the_user_at_the_other_end_is_known_on_linux(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        with socket.create_connection(("127.0.0.1" if "127" in address else address, listener.getsockname()[1])):
            visitor, _ = listener.accept()
            with visitor:
                assert peer_user(visitor) == os.getuid()


# ---------------------------------------------------------------- where it listens
def addresses_that_answer(port):
    found = []
    for address in ("127.0.0.1", "127.0.0.2", "::1", own_address()):
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=60):
            found.append(address)
    return found


def own_address():
    """The address of this machine in its network; none is asked for anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.3"
        return probe.getsockname()[0]


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("[::1]", marks=needs_ipv6)])
def test_it_listens_on_the_named_address_and_no_other(waiting, host):
    assert addresses_that_answer(waiting(host).port) == [host.strip("[]")]


@needs_ipv6
def test_localhost_is_both_loopback_addresses(waiting):
    receiver = waiting("localhost")
    assert addresses_that_answer(receiver.port) == ["127.0.0.1", "::1"]
    assert receiver.visit("/callback?code=abc&state=mine", host="[::1]")[0] == 200
    assert receiver.ended() == AuthorizationResponse("abc")


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_localhost_will_do_without_ipv6(monkeypatch, number):
    bind = loopback_server._bind

    def without_ipv6(address, port):
        if ":" in address:
            raise OSError(number, "no IPv6")
        return bind(address, port)

    monkeypatch.setattr(loopback_server, "_bind", without_ipv6)
    port = free_port()
    assert can_listen("localhost", port)
    with contextlib.closing(LoopbackServer(f"http://localhost:{port}/callback")) as receiver:
        assert receiver.redirect_uri == f"http://localhost:{port}/callback"


@needs_ipv6
def test_localhost_whose_ipv6_port_is_another_programs_is_refused():
    """A browser tries ::1 first, so the other program would get the code."""
    port = free_port()
    with socket.create_server(("::1", port), family=socket.AF_INET6):
        assert not can_listen("localhost", port)
        with pytest.raises(LoginRefused, match=f"port {port} of localhost \\(::1\\)") as caught:
            LoopbackServer(f"http://localhost:{port}/callback")
        assert caught.value.error == "port"
        assert "http://127.0.0.1" in caught.value.hint
        bind_plainly(port)  # nothing is left behind on the other address


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("[::1]", marks=needs_ipv6)])
def test_an_address_whose_port_is_taken_gets_another_port(host):
    family = socket.AF_INET6 if "[" in host else socket.AF_INET
    port = free_port()
    with (
        socket.create_server((host.strip("[]"), port), family=family),
        contextlib.closing(LoopbackServer(f"http://{host}:{port}/some/path")) as receiver,
    ):
        assert receiver.redirect_uri.startswith(f"http://{host}:")
        assert receiver.redirect_uri.endswith("/some/path")
        assert f":{port}/" not in receiver.redirect_uri


def test_localhost_whose_port_is_taken_is_refused_with_a_way_out():
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(LoginRefused, match=f"port {port} of localhost") as caught,
    ):
        LoopbackServer(f"http://localhost:{port}/callback")
    assert caught.value.error == "port"
    assert "device code" in caught.value.hint


@pytest.mark.parametrize(
    ("host", "refused", "number"),
    [("127.0.0.1", "127.0.0.1", errno.EADDRNOTAVAIL), ("localhost", "::1", errno.EACCES)],
)
def test_an_address_that_cannot_be_listened_on_is_refused(monkeypatch, host, refused, number):
    bind = loopback_server._bind

    def forbidden(address, port):
        if address == refused:
            raise OSError(number, "Cannot be bound")
        return bind(address, port)

    monkeypatch.setattr(loopback_server, "_bind", forbidden)
    port = free_port()
    assert not can_listen(host, port)
    with pytest.raises(LoginRefused, match="Cannot be bound"):
        LoopbackServer(f"http://{host}:{port}/callback")


def test_the_registered_address_is_kept_as_it_is_written(waiting):
    receiver = waiting(path="")
    assert receiver.receiver.redirect_uri == f"http://127.0.0.1:{receiver.port}"
    assert receiver.visit("/?code=abc&state=mine")[0] == 200


# ---------------------------------------------------------------- what is left behind
def bind_plainly(port, address="127.0.0.1"):
    """Bind without SO_REUSEADDR: fails while anything at all holds the port."""
    with socket.socket() as probe:
        probe.bind((address, port))


def test_the_port_is_free_after_a_wait_without_visits(waiting):
    receiver = waiting()
    receiver.receiver.close()
    bind_plainly(receiver.port)


def test_the_port_is_free_although_visitors_are_still_there(waiting):
    receiver = waiting()
    with contextlib.ExitStack() as stay:
        for part in (b"", b"GET /call", b"GET / HTTP/1.1\r\n\r\n"):
            stay.enter_context(socket.create_connection(("127.0.0.1", receiver.port))).sendall(part)
        browser = stay.enter_context(socket.create_connection(("127.0.0.1", receiver.port), 5))
        browser.sendall(b"GET /callback?code=abc&state=mine HTTP/1.1\r\n\r\n")
        receiver.ended()
        receiver.receiver.close()
        bind_plainly(receiver.port)
        assert b"HTTP/1.1 200 OK" in browser.recv(100)  # though it has its page


def test_neither_threads_nor_sockets_are_left(waiting):
    before = threading.active_count()
    for _ in range(5):
        receiver = waiting()
        receiver.visit("/callback?code=abc&state=mine")
        receiver.ended()
        receiver.receiver.close()
        receiver.receiver.close()  # twice does no harm
    assert threading.active_count() <= before
    gc.collect()  # a socket that was not closed would be warned of, and a warning is an error


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_a_connection_that_the_kernel_does_not_list_has_no_known_user(monkeypatch, tmp_path):
    table = tmp_path / "tcp"
    table.write_text("header\n  short row\n   0: 0100007F:1F90 0100007F:1F91 01 0:0 0:0 0 12345 0 1\n")
    monkeypatch.setattr(loopback_server, "_TABLES", (str(tmp_path / "absent"), str(table)))
    one, other = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    visitor = socket.create_connection(listener.getsockname())
    connection, _ = listener.accept()
    assert peer_user(connection) is None
    for each in (one, other, listener, visitor, connection):
        each.close()


def test_other_systems_do_not_tell_the_user_of_a_connection(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert peer_user(None) is None
