"""The receiver of a redirected browser: who may end the wait, what visitors can do to it, what it leaves behind."""

from __future__ import annotations

import contextlib
import gc
import http.client
import socket
import threading
import time
from functools import partial

import pytest

from traktauth.client.loopback import Receiver
from traktauth.errors import LoginRefused
from traktauth.wire.authorize import Answer, read_answer

READ = partial(read_answer, state="mine")


def free_port(address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def has_ipv6():
    try:
        free_port("::1")
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


class Waiting:
    """A receiver whose wait runs in a thread."""

    def __init__(self, host="127.0.0.1", path="/callback", seconds=20.0):
        self.host, self.path = host, path
        self.port = free_port(host.strip("[]") if ":" in host else "127.0.0.1")
        self.receiver = Receiver(f"http://{host}:{self.port}{path}")
        self.answer = "none yet"
        self.thread = threading.Thread(target=self._wait, args=(seconds,))
        self.thread.start()

    def _wait(self, seconds):
        self.answer = self.receiver.wait(READ, seconds)

    def visit(self, target, method="GET", host=None):
        connection = http.client.HTTPConnection(host or self.host.strip("[]"), self.port, timeout=10)
        try:
            connection.request(method, target)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def send(self, *parts, pause=0.0):
        """Send bytes as they are and return the page that comes back."""
        page = b""
        with socket.create_connection((self.host, self.port), timeout=10) as visitor:
            for part in parts:
                with contextlib.suppress(ConnectionError):
                    visitor.sendall(part)
                time.sleep(pause)
            with contextlib.suppress(ConnectionError):
                while not page.endswith(b"</html>") and (chunk := visitor.recv(65536)):
                    page += chunk
        return page

    def ended(self):
        self.thread.join(10)
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
        each.thread.join(10)


# ---------------------------------------------------------------- who ends the wait
def test_the_visit_that_brings_our_state_ends_the_wait(waiting):
    receiver = waiting()
    status, page = receiver.visit("/callback?code=abc&state=mine&iss=https%3A%2F%2Ftrakt.tv")
    assert (status, receiver.ended()) == (200, Answer("abc", "https://trakt.tv"))
    assert "close this window" in page
    assert "abc" not in page


def test_an_error_ends_the_wait_as_a_refusal(waiting):
    receiver = waiting()
    assert receiver.visit("/callback?error=access_denied&state=mine")[0] == 200
    assert isinstance(receiver.ended(), LoginRefused)


@pytest.mark.parametrize(
    "query",
    [
        "code=abc",
        "code=abc&state=",
        "code=abc&state=another",
        "code=abc&state=MINE",
        "error=access_denied",
        "error=access_denied&state=another",
        "code=abc&code=def&state=mine",
        "code=abc&state=mine&state=mine",
        "code=abc&state=another&state=mine",
        "error=a&error=b&state=mine",
        "code=abc&iss=a&iss=b&state=mine",
        "state=mine",
        "code=&state=mine",
        "code=a%0Ab&state=mine",
        "",
    ],
)
def test_nobody_on_this_machine_can_end_the_wait_without_our_state(waiting, query):
    receiver = waiting()
    status, page = receiver.visit(f"/callback?{query}")
    assert status == 400
    assert "another sign-in" in page
    assert receiver.still_waits()
    receiver.visit("/callback?code=abc&state=mine")
    assert receiver.ended() == Answer("abc")


@pytest.mark.parametrize("target", ["/", "/callback/", "/Callback?code=a&state=mine", "/favicon.ico", "//[/callback"])
def test_another_path_is_not_found(waiting, target):
    receiver = waiting()
    assert receiver.visit(target)[0] == 404
    assert receiver.still_waits()


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS"])
def test_another_method_is_not_understood(waiting, method):
    receiver = waiting()
    assert receiver.visit("/callback?code=abc&state=mine", method)[0] == 400
    assert receiver.still_waits()


@pytest.mark.parametrize(
    "head",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"GET http://x/callback HTTP/1.1\r\n\r\n", bytes(range(128, 256)) + b"\r\n\r\n"],
)
def test_what_is_no_request_is_not_understood(waiting, head):
    receiver = waiting()
    assert receiver.send(head).startswith(b"HTTP/1.1 400 ")
    assert receiver.still_waits()


def test_a_second_visit_is_told_so_and_changes_nothing(waiting):
    receiver = waiting()
    assert receiver.visit("/callback?code=first&state=mine")[0] == 200
    status, page = receiver.visit("/callback?code=second&state=mine")
    assert (status, receiver.ended()) == (409, Answer("first"))
    assert "Answered already" in page


def test_a_visit_before_anybody_waits_is_turned_away():
    with contextlib.closing(Receiver(f"http://127.0.0.1:{free_port()}/callback")) as receiver:
        port = int(receiver.redirect_uri.split(":")[2].partition("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/callback?code=abc&state=mine")
        assert connection.getresponse().status == 400
        connection.close()


def test_a_visit_that_comes_a_little_early_is_kept():
    """A browser that is signed in already may be back before the program waits for it."""
    with contextlib.closing(Receiver(f"http://127.0.0.1:{free_port()}/callback")) as receiver:
        port = int(receiver.redirect_uri.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), 5) as browser:
            browser.sendall(b"GET /callback?code=abc&state=mine HTTP/1.1\r\n\r\n")
            time.sleep(0.1)
            assert receiver.wait(READ, 5.0) == Answer("abc")


def test_nobody_comes():
    with contextlib.closing(Receiver(f"http://127.0.0.1:{free_port()}/callback")) as receiver:
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


def test_slow_visitors_do_not_keep_the_browser_waiting(waiting):
    receiver = waiting()
    with contextlib.ExitStack() as slow:
        for _ in range(10):
            visitor = slow.enter_context(socket.create_connection(("127.0.0.1", receiver.port)))
            visitor.sendall(b"GET /callback?code=")
        began = time.monotonic()
        assert receiver.visit("/callback?code=abc&state=mine")[0] == 200
        assert time.monotonic() - began < 2


def test_a_visitor_that_takes_too_long_is_sent_away(waiting, monkeypatch):
    monkeypatch.setattr("traktauth.client.loopback._REQUEST_LIMIT", 0.2)
    receiver = waiting()
    began = time.monotonic()
    receiver.send(*[b"G"] * 40, pause=0.05)
    assert time.monotonic() - began < 5
    assert receiver.still_waits()


def test_more_visitors_than_there_is_room_for_are_sent_away_and_room_comes_back(waiting, monkeypatch):
    monkeypatch.setattr("traktauth.client.loopback._REQUEST_LIMIT", 0.3)
    monkeypatch.setattr("traktauth.client.loopback._MOST_VISITORS", 4)
    receiver = waiting()
    with contextlib.ExitStack() as crowd:
        visitors = [crowd.enter_context(socket.create_connection(("127.0.0.1", receiver.port), 5)) for _ in range(4)]
        time.sleep(0.1)
        with (
            pytest.raises(ConnectionError),
            socket.create_connection(("127.0.0.1", receiver.port), 5) as late,
        ):
            late.recv(100)
        for visitor in visitors:
            visitor.settimeout(5)
            with contextlib.suppress(ConnectionError):
                visitor.recv(100)
    time.sleep(0.1)
    assert receiver.visit("/callback?code=abc&state=mine")[0] == 200


def test_the_page_lets_nothing_in_or_out(waiting):
    receiver = waiting()
    head = receiver.send(b"GET /callback?code=abc&state=mine HTTP/1.1\r\n\r\n").partition(b"\r\n\r\n")[0].lower()
    for line in (b"cache-control: no-store", b"referrer-policy: no-referrer", b"default-src 'none'"):
        assert line in head


# ---------------------------------------------------------------- where it listens
def addresses_that_answer(port):
    found = []
    for address in ("127.0.0.1", "127.0.0.2", "::1", own_address()):
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
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


def test_it_listens_on_the_named_address_and_no_other(waiting):
    assert addresses_that_answer(waiting("127.0.0.1").port) == ["127.0.0.1"]


@needs_ipv6
def test_it_listens_on_ipv6_alone_where_that_is_named(waiting):
    assert addresses_that_answer(waiting("[::1]").port) == ["::1"]


@needs_ipv6
def test_localhost_is_both_loopback_addresses(waiting):
    receiver = waiting("localhost")
    assert addresses_that_answer(receiver.port) == ["127.0.0.1", "::1"]
    assert receiver.visit("/callback?code=abc&state=mine", host="::1")[0] == 200
    assert receiver.ended() == Answer("abc")


def test_localhost_will_do_without_ipv6():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with contextlib.ExitStack() as stack:
        if has_ipv6():
            stack.enter_context(socket.create_server(("::1", port), family=socket.AF_INET6))
        receiver = stack.enter_context(contextlib.closing(Receiver(f"http://localhost:{port}/callback")))
        assert receiver.redirect_uri == f"http://localhost:{port}/callback"


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("[::1]", marks=needs_ipv6)])
def test_an_address_whose_port_is_taken_gets_another_port(host):
    family = socket.AF_INET6 if "[" in host else socket.AF_INET
    with socket.create_server((host.strip("[]"), 0), family=family) as taken:
        port = taken.getsockname()[1]
        with contextlib.closing(Receiver(f"http://{host}:{port}/some/path")) as receiver:
            assert receiver.redirect_uri.startswith(f"http://{host}:")
            assert receiver.redirect_uri.endswith("/some/path")
            assert f":{port}/" not in receiver.redirect_uri


def test_localhost_whose_port_is_taken_is_refused_with_a_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LoginRefused, match=f"Port {port} of localhost") as caught:
            Receiver(f"http://localhost:{port}/callback")
    assert caught.value.error == "port"
    assert "--device" in caught.value.hint


def test_an_address_that_cannot_be_listened_on_is_refused(monkeypatch):
    def broken(*_):
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr("traktauth.client.loopback._bind", broken)
    with pytest.raises(LoginRefused, match="Cannot assign requested address"):
        Receiver("http://127.0.0.1:9/callback")


def test_the_registered_address_is_kept_as_it_is_written(waiting):
    receiver = waiting(path="")
    assert receiver.receiver.redirect_uri == f"http://127.0.0.1:{receiver.port}"
    assert receiver.visit("/?code=abc&state=mine")[0] == 200


# ---------------------------------------------------------------- what is left behind
def bind_plainly(port, address="127.0.0.1"):
    """Bind without SO_REUSEADDR: fails while anything at all holds the port."""
    with socket.socket() as probe:
        probe.bind((address, port))


def test_the_port_is_free_after_an_answer(waiting):
    receiver = waiting()
    receiver.visit("/callback?code=abc&state=mine")
    receiver.ended()
    receiver.receiver.close()
    bind_plainly(receiver.port)


def test_the_port_is_free_when_nobody_came(waiting):
    receiver = waiting()
    receiver.receiver.close()
    bind_plainly(receiver.port)


def test_the_port_is_free_though_visitors_are_still_there(waiting):
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


def test_the_port_is_free_after_an_exception(waiting):
    port = free_port()
    with pytest.raises(KeyError), contextlib.closing(Receiver(f"http://127.0.0.1:{port}/callback")):
        raise KeyError
    bind_plainly(port)


def test_neither_threads_nor_sockets_are_left(waiting):
    before = threading.active_count()
    for _ in range(5):
        receiver = waiting()
        receiver.visit("/callback?code=abc&state=mine")
        receiver.ended()
        receiver.receiver.close()
        receiver.receiver.close()  # twice does no harm
    assert threading.active_count() == before
    gc.collect()  # a socket that was not closed would be warned of, and a warning is an error
