"""The sender: what became of a request, within how long, and how much is read."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from contextlib import closing

import httpx2
import pytest

from client.raw_server import SECRET, hear_any, ok
from support.own_thread import replace_in_this_thread
from support.process import free_port
from traktauth.client import http, http_exchange
from traktauth.client.http_clients import HttpClients
from traktauth.client.http_errors import describe_error
from traktauth.client.http_exchange import MAX_REPLY
from traktauth.flow.effects import NoResponse
from traktauth.wire.messages import Request


@pytest.fixture(params=["blocking", "async"])
def exchange(request):
    """Send one POST with a secret; `client` are the client's own arguments."""

    def blocking(url, **options):
        with httpx2.Client(**options) if options else http.new_client() as client:
            return http_exchange.send(client, Request("POST", url, {}, SECRET), is_watched=not options)

    def awaited(url, **options):
        async def go():
            async with httpx2.AsyncClient(**options) if options else http.new_async_client() as client:
                return await http_exchange.send_async(client, Request("POST", url, {}, SECRET))

        return asyncio.run(go())

    return blocking if request.param == "blocking" else awaited


def limit(monkeypatch, seconds):
    monkeypatch.setattr(http_exchange, "REQUEST_TIMEOUT", seconds)


# ---------------------------------------------------------------- it came
def test_a_reply_comes_whole_with_names_in_lower_case(serve, exchange):
    server = serve(lambda self, visitor: (self.hear(visitor), visitor.sendall(ok(b'{"a": 1}'))))
    reply = exchange(f"http://127.0.0.1:{server.port}/oauth/token")
    assert (reply.status, reply.document(), reply.headers["x-one"]) == (200, {"a": 1}, "1")
    assert server.heard[0].startswith(b"POST /oauth/token HTTP/1.1\r\n")


def test_a_redirect_is_not_followed(serve, exchange):
    server = serve(
        lambda self, visitor: (
            self.hear(visitor),
            visitor.sendall(b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
        )
    )
    assert exchange(f"http://127.0.0.1:{server.port}/").status == 307
    assert len(server.heard) == 1


def test_ten_megabytes_are_cut_off(serve, exchange):
    def flood(self, visitor):
        self.hear(visitor)
        visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
        for _ in range(1000):
            visitor.sendall(bytes(10000))

    server = serve(flood)
    reply = exchange(f"http://127.0.0.1:{server.port}/")
    assert len(reply.body) == MAX_REPLY
    assert reply.document() == {}


# ---------------------------------------------------------------- it was not sent
def test_a_refused_connection_sends_nothing(exchange):
    reply = exchange(f"http://127.0.0.1:{free_port()}/")
    assert isinstance(reply, NoResponse)
    assert (reply.sent, reply.reason) == (False, "no connection (connection refused)")


def test_an_unknown_host_name_sends_nothing(exchange, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    replace_in_this_thread(monkeypatch, socket, "getaddrinfo", unknown)
    reply = exchange("http://trakt.invalid/")
    assert (reply.sent, reply.reason) == (False, "no connection (name not found)")


def test_a_server_without_tls_gets_nothing(serve, exchange):
    server = serve(lambda _, visitor: visitor.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    reply = exchange(f"https://127.0.0.1:{server.port}/")
    assert (reply.sent, reply.reason) == (False, "no connection (TLS failed)")
    assert server.heard == []


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("self-signed certificate", ": self-signed certificate"),
        ("Hostname mismatch, certificate is not valid for 'secret.example'.", ": Hostname mismatch"),
        ("", ""),
    ],
)
def test_what_is_wrong_with_a_certificate_is_named(message, named):
    error, cause = httpx2.ConnectError("secret"), ssl.SSLCertVerificationError(1, "secret")
    cause.verify_message = message
    error.__cause__ = cause
    assert describe_error(error) == f"no connection (certificate verification failed{named})"


def test_a_failure_to_connect_whose_cause_is_not_known_names_the_possible_ones():
    assert describe_error(httpx2.ConnectError("x")) == "no connection (name not found, refused, or TLS failed)"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", b""])
def test_a_proxy_that_opens_no_tunnel_has_got_nothing(serve, exchange, answer):
    """The request for a tunnel has left this machine, the refresh token has not."""
    heard = []
    proxy = serve(lambda _, visitor: (heard.append(visitor.recv(65536)), visitor.sendall(answer)))
    assert exchange("https://192.0.2.1/oauth/token", proxy=f"http://127.0.0.1:{proxy.port}").sent is False
    assert heard[0].startswith(b"CONNECT ")


def test_a_host_name_that_is_resolved_too_late_is_not_connected_to(serve, exchange, monkeypatch):
    """Who was told that nothing was sent will send it again: the first must not leave after all."""
    real = socket.getaddrinfo
    found = threading.Event()

    def slow(*arguments, **named):
        time.sleep(0.4)
        found.set()
        return real(*arguments, **named)

    server = serve(lambda self, visitor: (self.hear(visitor), visitor.sendall(ok())))
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    limit(monkeypatch, 0.1)
    assert exchange(f"http://localhost:{server.port}/").sent is False
    assert found.wait(60)
    time.sleep(0.3)
    assert server.heard == []


# ---------------------------------------------------------------- no caller knows whether it arrived
def test_a_connection_closed_before_the_response_counts_as_sent(serve, exchange):
    server = serve(lambda self, visitor: self.hear(visitor))
    reply = exchange(f"http://127.0.0.1:{server.port}/")
    assert (reply.sent, reply.reason) == (True, "the connection was closed without a response")


def test_a_connection_closed_before_the_request_was_read_counts_as_sent(serve, exchange):
    server = serve(lambda _, visitor: None)
    assert exchange(f"http://127.0.0.1:{server.port}/").sent is True


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nthis is no header\r\n\r\n{}", "the response is not valid HTTP"),
        (b"<html>\r\n\r\n", "the response is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "the connection was closed in the middle of the response"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, "the response is not valid HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
            "the response's body does not match its Content-Encoding",
        ),
    ],
    ids=["no header", "a page alone", "a part", "endless headers", "wrong encoding"],
)
def test_what_is_wrong_with_a_response_is_named(serve, exchange, content, reason):
    server = serve(lambda self, visitor: (self.hear(visitor), visitor.sendall(content)))
    reply = exchange(f"http://127.0.0.1:{server.port}/")
    assert (reply.sent, reply.reason) == (True, reason)


def test_a_response_that_is_too_late_counts_as_sent(serve, exchange, monkeypatch):
    limit(monkeypatch, 0.15)
    over = threading.Event()
    server = serve(lambda self, visitor: (self.hear(visitor), over.wait(60)))
    assert exchange(f"http://127.0.0.1:{server.port}/").sent is True
    over.set()


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_an_answer_that_drips_is_not_waited_for(serve, exchange, monkeypatch, start):
    """Each byte is in time; the whole is not."""
    limit(monkeypatch, 0.3)
    over = threading.Event()

    def drip(self, visitor):
        self.hear(visitor)
        visitor.sendall(start)
        while not over.wait(0.05):
            visitor.sendall(b"X-A: b\r\n")

    server = serve(drip)
    assert exchange(f"http://127.0.0.1:{server.port}/").sent is True
    over.set()


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpx2.ConnectError("x"), False),
        (httpx2.ConnectTimeout("x"), False),
        (httpx2.PoolTimeout("x"), False),
        (httpx2.UnsupportedProtocol("x"), False),
        (httpx2.ReadTimeout("x"), True),
        (httpx2.ReadError("x"), True),
        (httpx2.WriteError("x"), True),
        (httpx2.RemoteProtocolError("x"), True),
        (OSError("x"), True),
        (RuntimeError("x"), True),
    ],
)
def test_a_library_without_a_trace_is_judged_by_its_errors(exchange, error, sent):
    def fail(_):
        raise error

    assert exchange("http://192.0.2.1/", transport=httpx2.MockTransport(fail)).sent is sent


def test_a_library_without_a_trace_may_have_sent_what_takes_too_long(monkeypatch):
    limit(monkeypatch, 0.1)
    over = threading.Event()

    def slow(_):
        over.wait(120)
        return httpx2.Response(200)

    async def aslow(_):
        await asyncio.sleep(120)
        return httpx2.Response(200)

    async def go():
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(aslow)) as client:
            return await http_exchange.send_async(client, Request("POST", "http://192.0.2.1/", {}, SECRET))

    with httpx2.Client(transport=httpx2.MockTransport(slow)) as client:
        assert http_exchange.send(client, Request("POST", "http://192.0.2.1/", {}, SECRET)).sent is True
        over.set()
    assert asyncio.run(go()).sent is True


def test_what_broke_is_named_without_secrets_or_addresses(exchange):
    def fail(request):
        raise httpx2.ReadError(f"{request.url} {request.content!r}")

    reason = exchange("http://192.0.2.1/?code=canary", transport=httpx2.MockTransport(fail)).reason
    assert reason == "the connection broke off"


# ---------------------------------------------------------------- connections
def keep_alive(self, visitor):
    while hear_any(visitor):
        visitor.sendall(ok())


@pytest.mark.parametrize(("is_refresh", "connections"), [(False, 1), (True, 3)])
def test_a_refresh_has_a_connection_of_its_own_and_api_calls_share_one(serve, is_refresh, connections):
    """On a kept one that is closed in that moment, no caller would know whether the token was spent."""
    server = serve(keep_alive)
    url = f"http://127.0.0.1:{server.port}/"
    with closing(HttpClients()) as clients:
        for _ in range(3):
            if is_refresh:
                assert clients.send(Request("POST", url, {}, SECRET)).status == 200
            else:
                assert clients.request("POST", url, params=None, json=json.loads(SECRET), headers={}).status_code == 200
    assert server.connections == connections


def test_a_cancelled_exchange_is_cancelled(serve):
    heard, over = threading.Event(), threading.Event()
    server = serve(lambda self, visitor: (self.hear(visitor), heard.set(), over.wait(120)))

    async def go():
        async with http.new_async_client() as client:
            request = Request("POST", f"http://127.0.0.1:{server.port}/", {}, SECRET)
            task = asyncio.create_task(http_exchange.send_async(client, request))
            await asyncio.to_thread(heard.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(go())
    over.set()
