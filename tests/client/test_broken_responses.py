"""A whole token in a broken response is a token; half of one, or another's, is not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
import time

import httpx2
import pytest

from client.raw_server import SECRET, hear_any, ok
from support.tls_proxy import make_certificate
from traktauth.client import http, http_exchange
from traktauth.client.async_http_clients import AsyncHttpClients
from traktauth.client.http_clients import HttpClients
from traktauth.flow.effects import NoResponse
from traktauth.keeper.driver import open_sender
from traktauth.wire.messages import Request

TOKEN = json.dumps({"access_token": "a" * 40, "refresh_token": "r" * 40, "expires_in": 600}).encode()


@pytest.fixture(params=["blocking", "without a thread"])
def post(request, monkeypatch):
    """Send one POST to a server."""
    if request.param == "without a thread":
        monkeypatch.setattr(http_exchange, "start_thread", lambda *_, **__: False)
    monkeypatch.setattr(http_exchange, "REQUEST_TIMEOUT", 3.0)
    monkeypatch.setattr(http_exchange, "END_TIMEOUT", 0.2)

    def send(server, url="http://127.0.0.1:{port}/oauth/token"):
        url = url.format(port=server.port)
        with http.new_client() as client:
            return http_exchange.send(client, Request("POST", url, {}, SECRET), is_watched=True)

    return send


def head(*fields, status="200 OK"):
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *fields, "", ""]).encode()


def reset(visitor):
    visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


LONGER = f"Content-Length: {len(TOKEN) + 10}"
CHUNK = b"%x\r\n%s\r\n" % (len(TOKEN), TOKEN)
BROKEN = {
    "a length that is too long, then close": (head(LONGER) + TOKEN, lambda _: None),
    "a length that is too long, then a reset": (head(LONGER) + TOKEN, lambda v: (time.sleep(0.3), reset(v))),
    "a length that is too long, held open": (head(LONGER) + TOKEN, lambda _: time.sleep(60)),
    "no last chunk, then close": (head("Transfer-Encoding: chunked") + CHUNK, lambda _: None),
    "no last chunk, held open": (head("Transfer-Encoding: chunked") + CHUNK, lambda _: time.sleep(60)),
    "a broken last chunk": (head("Transfer-Encoding: chunked") + CHUNK + b"zz\r\n", lambda _: None),
    "no length, held open": (head() + TOKEN, lambda _: time.sleep(60)),
    "no length, then a reset": (head() + TOKEN, lambda v: (time.sleep(0.3), reset(v))),
    "a line end after it, no last chunk": (
        head("Transfer-Encoding: chunked") + CHUNK + b"1\r\n\n\r\n",
        lambda _: None,
    ),
    "201": (head(LONGER, status="201 Created") + TOKEN, lambda _: None),
}


def slow_cases(names):
    """Mark the cases in which nothing but the time limit ends the response."""
    waits = ("held open", "chunked named, and not used", "a chunk size that is too long")
    return [pytest.param(name, marks=pytest.mark.slow if name.endswith(waits) else ()) for name in names]


@pytest.mark.parametrize("name", slow_cases(BROKEN))
def test_a_whole_token_in_a_broken_response_is_taken(serve, post, name):
    content, then = BROKEN[name]
    server = serve(lambda self, visitor: (self.hear(visitor), visitor.sendall(content), then(visitor)))
    reply = post(server)
    assert not isinstance(reply, NoResponse), reply
    assert reply.document() == json.loads(TOKEN)
    assert reply.status in {200, 201}
    assert len(server.heard) == 1


SIZE = len(TOKEN)
LENGTH = f"Content-Length: {SIZE}"
CHUNKED = "Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"
TWO_CHUNKS = b"%x\r\n%s\r\n%x;a=b\r\n%s\r\n" % (20, TOKEN[:20], SIZE - 20, TOKEN[20:])
REFUSED = {
    "a length that is too short": head(f"Content-Length: {SIZE - 10}") + TOKEN,
    "a length of 0": head("Content-Length: 0") + TOKEN,
    "two lengths": head(LENGTH, f"Content-Length: {SIZE + 1}") + TOKEN,
    "a length that is not a number": head("Content-Length: abc") + TOKEN,
    "a line that is not a header field": head("this is not one", LENGTH) + TOKEN,
    "a space before the colon": head("X-A : b", LENGTH) + TOKEN,
    "NUL in a header field": head("X-A: b\0c", LENGTH) + TOKEN,
    "a folded line first": b"HTTP/1.1 200 OK\r\n folded\r\n\r\n" + TOKEN,
    "a header larger than the library's limit": head("X-A: " + "b" * 150_000, LENGTH) + TOKEN,
    "gzip named, and not used": head("Content-Encoding: gzip", LENGTH) + TOKEN,
    "deflate named, and not used": head("Content-Encoding: deflate", LENGTH) + TOKEN,
    "chunked named, and not used": head(CHUNKED) + TOKEN,
    "chunked named twice": head(CHUNKED, CHUNKED) + CHUNK + LAST,
    "chunked named twice, two chunks": head(CHUNKED, CHUNKED) + TWO_CHUNKS + LAST,
    "another transfer coding": head("Transfer-Encoding: identity", LENGTH) + TOKEN,
    "a chunk size that is too short": head(CHUNKED) + b"%x\r\n%s\r\n" % (SIZE - 10, TOKEN) + LAST,
    "a chunk size that is too long": head(CHUNKED) + b"%x\r\n%s\r\n" % (SIZE + 10, TOKEN) + LAST,
    "an interim response with a broken line": b"HTTP/1.1 103 Early Hints\r\nbroken\r\n\r\n" + head(LENGTH) + TOKEN,
    "a version that is not known": b"HTTP/2 200 \r\n\r\n" + TOKEN,
    "an empty line first": b"\r\n" + head(LENGTH) + TOKEN,
}


@pytest.mark.parametrize(
    ("post", "in_parts"), [("blocking", False), ("async", False), ("blocking", True)], indirect=["post"]
)
@pytest.mark.parametrize("name", slow_cases(REFUSED))
def test_a_whole_token_in_a_response_that_breaks_http_is_taken(serve, post, monkeypatch, name, in_parts):
    content = REFUSED[name]
    if in_parts:
        monkeypatch.setattr(http_exchange, "END_TIMEOUT", 30.0)  # for the second part, which ends the wait

    def answer(self, visitor):
        self.hear(visitor)
        cut = content.rindex(b"\r\n\r\n", 0, content.index(b"access_token")) + 4
        if in_parts and name != "a length of 0":  # which is the end of an empty response, unless there is more
            visitor.sendall(content[:cut])
            time.sleep(0.1)
            visitor.sendall(content[cut:])
        else:
            visitor.sendall(content)
        visitor.recv(1)  # until the client closes the connection

    server = serve(answer)
    reply = post(server)
    assert not isinstance(reply, NoResponse), reply
    assert (reply.status, reply.document()) == (200, json.loads(TOKEN))
    assert len(server.heard) == 1


NO_TOKEN = {
    "half a token": head("this is not one") + TOKEN[:-1],
    "half a token, and a length that is too long": head(LONGER) + TOKEN[:-1],
    "an object without a token": head("this is not one") + b'{"expires_in": 600}',
    "a token that is not text": head("this is not one") + b'{"access_token": 7}',
    "a token within a page": head("this is not one") + b"<p>" + TOKEN,
    "an error status": head("this is not one", status="502 Bad Gateway") + TOKEN,
    "an interim response alone": head("this is not one", status="103 Early Hints") + TOKEN,
    "the object in two chunks, one missing": head(CHUNKED, CHUNKED) + TWO_CHUNKS[:40],
    "a token after an empty object": head("this is not one") + b"{}" + TOKEN,
    "text that is not UTF-8": head("this is not one") + b'{"access_token": "\xff"}',
    "an endless header": head("X: " + "y" * 400_000)[:-4] + TOKEN,
    "no HTTP at all": TOKEN,
}


@pytest.mark.parametrize("name", NO_TOKEN)
def test_only_a_whole_token_of_a_success_is_taken_from_a_response_that_breaks_http(serve, post, name):
    def answer(self, visitor):
        self.hear(visitor)
        with contextlib.suppress(OSError):
            visitor.sendall(NO_TOKEN[name])

    reply = post(serve(answer))
    assert (type(reply), getattr(reply, "sent", None)) == (NoResponse, True)


def test_the_rest_of_a_response_that_breaks_http_is_not_waited_for_for_long(serve, post):
    server = serve(
        lambda self, visitor: (self.hear(visitor), visitor.sendall(head("this is not one")), visitor.recv(1))
    )
    reply = post(server)  # the server closes nothing: without a limit this would never end
    assert (type(reply), reply.sent) == (NoResponse, True)


@pytest.mark.parametrize("through_proxy", [False, True], ids=["direct", "through a proxy's tunnel"])
def test_a_token_that_came_encrypted_is_taken_too(serve, post, tmp_path, monkeypatch, through_proxy):
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    def answer(self, visitor):
        if through_proxy:
            assert visitor.recv(65536).startswith(b"CONNECT ")
            visitor.sendall(b"HTTP/1.1 200 OK\r\nX-Proxy: 1\r\n\r\n")
        with context.wrap_socket(visitor, server_side=True) as encrypted:
            self.hear(encrypted)
            encrypted.sendall(REFUSED["two lengths"])

    server = serve(answer)
    if through_proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
    assert post(server, "https://127.0.0.1:{port}/oauth/token").document() == json.loads(TOKEN)


def test_what_a_proxy_says_of_a_tunnel_is_not_a_token(serve, post, monkeypatch):
    proxy = serve(lambda _, visitor: (visitor.recv(65536), visitor.sendall(head("this is not one") + TOKEN)))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    reply = post(proxy, "https://192.0.2.1/oauth/token")
    assert (type(reply), reply.sent) == (NoResponse, False)


@pytest.mark.parametrize("kind", ["blocking", "keeper"])
def test_every_client_of_this_library_takes_a_token_from_a_broken_response(serve, kind):
    token = TOKEN.replace(b"a" * 40, kind.encode())  # the response to another refresh would be refused
    server = serve(lambda self, visitor: (self.hear(visitor), visitor.sendall(head("X: \0") + token)))
    request = Request("POST", f"http://127.0.0.1:{server.port}/", {}, SECRET)

    async def kept():
        async with open_sender() as send:
            return await send(request)

    if kind == "blocking":
        connections = HttpClients()
        reply = connections.send(request)
        connections.close()
    else:
        reply = asyncio.run(kept())
    assert reply.document() == json.loads(token)


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_the_connections_of_a_client_that_was_given_are_not_watched(serve, kind):
    server = serve(lambda self, visitor: (self.hear(visitor), visitor.sendall(head("X: \0") + TOKEN)))
    request = Request("POST", f"http://127.0.0.1:{server.port}/", {}, SECRET)

    async def awaited():
        async with httpx2.AsyncClient() as client:
            return await asyncio.to_thread(AsyncHttpClients(client).send, asyncio.get_running_loop(), request)

    if kind == "async":
        reply = asyncio.run(awaited())
    else:
        with httpx2.Client() as client:
            reply = HttpClients(client).send(request)
    assert (reply.sent, reply.reason) == (True, "the response is not valid HTTP")


@pytest.mark.parametrize("status", ["429 Too Many Requests", "521 Web server is down"])
def test_a_status_that_says_that_nothing_was_spent_needs_no_whole_body(serve, post, status):
    server = serve(
        lambda self, visitor: (self.hear(visitor), visitor.sendall(head("Content-Length: 99", status=status) + b"<h"))
    )
    assert post(server).status == int(status[:3])


def test_a_flood_after_a_whole_token_is_cut_off(serve, post):
    def flood(self, visitor):
        self.hear(visitor)
        visitor.sendall(head("Content-Length: 100000000") + TOKEN)
        with contextlib.suppress(OSError):
            for _ in range(3000):
                visitor.sendall(b"}" * 1000)

    reply = post(serve(flood))
    assert isinstance(reply, NoResponse) or len(reply.body) <= http_exchange.MAX_REPLY


# ---------------------------------------------------------------- connections out of step
def answering(first, second=b"", all_sent=None):
    """Answer the first request with `first` and then `second`, and each later one as it should be."""

    def answer(self, visitor):
        number = 0
        while hear_any(visitor):
            number += 1
            visitor.sendall(first if number == 1 else ok(b'{"mine": 1}'))
            if number == 1 and second:
                visitor.sendall(second)
                all_sent.set()

    return answer


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "with a length": ok(b'{"theirs": 1}'),
    "in chunks": CHUNKS + b'd\r\n{"theirs": 1}\r\n' + LAST,
    "in chunks with a trailer": CHUNKS + b'd\r\n{"theirs": 1}\r\n0\r\nX: y\r\n\r\n',
    "without a body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "with a large body": ok(b'{"theirs": 1}' + b" " * 200_000),
}
MORE = {"at once": lambda content: (content + content, b""), "after it": lambda content: (content, content)}


@pytest.mark.parametrize("kind", ["blocking", "async"])
@pytest.mark.parametrize("more", [*MORE, "nothing"])
@pytest.mark.parametrize("name", WHOLE)
def test_a_kept_connection_with_more_than_its_response_is_not_used_again(serve, kind, name, more):
    all_sent, content = threading.Event(), WHOLE[name]
    first, second = MORE[more](content) if more in MORE else (content, b"")
    if not second:
        all_sent.set()
    server = serve(answering(first, second, all_sent))
    url = f"http://127.0.0.1:{server.port}/"

    def request():
        return http.api_request("POST", url, params=None, json=json.loads(SECRET), headers={})

    def one():
        with http.new_client() as client:
            for _ in range(2):
                yield client.send(request()).text
                all_sent.wait()

    async def two():
        texts = []
        async with http.new_async_client() as client:
            for _ in range(2):
                texts.append((await client.send(request())).text)
                await asyncio.to_thread(all_sent.wait)
        return texts

    texts = list(one()) if kind == "blocking" else asyncio.run(two())
    # Each connection's first response is the doubled one; no request got what followed it.
    body = '{"theirs": 1}' if b"theirs" in content else ""
    assert [text.rstrip(" ") for text in texts] == [body, '{"mine": 1}' if more == "nothing" else body]
    assert server.connections == (1 if more == "nothing" else 2)


@pytest.mark.parametrize("late", [0.0, 0.05])
def test_no_login_of_a_keeper_gets_anothers_token_from_a_proxy_that_doubles_responses(serve, late):
    """Each response comes twice, the second time at once or a little later."""
    lock, number = threading.Lock(), [0]

    def answer(self, visitor):
        while heard := self.hear(visitor):
            name = heard.partition(b"X-Account: ")[2].partition(b"\r\n")[0]
            with lock:
                number[0] += 1
            reply = ok(b'{"access_token": "of-%s"}' % name)
            visitor.sendall(reply)
            time.sleep(late)
            visitor.sendall(reply)

    server = serve(answer)

    async def keep():
        async with open_sender(f"http://127.0.0.1:{server.port}") as send:
            wrong = []
            for login in range(24):
                request = Request("POST", f"http://127.0.0.1:{server.port}/", {"X-Account": f"login-{login}"}, SECRET)
                reply = await send(request)
                wrong += [login] * (reply.document() != {"access_token": f"of-login-{login}"})
            return wrong

    assert asyncio.run(keep()) == []
    assert server.connections == 24


# ---------------------------------------------------------------- cookies
@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_no_cookie_of_one_response_is_sent_with_another_request(serve, kind):
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=of-alice; Path=/\r\nContent-Length: 2\r\n\r\n{}"

    def answer(self, visitor):
        while self.hear(visitor):
            visitor.sendall(cookie)

    server = serve(answer)
    request = Request("POST", f"http://127.0.0.1:{server.port}/", {}, SECRET)

    async def both(client):
        for _ in range(2):
            await http_exchange.send_async(client, request)

    async def awaited():
        async with http.new_async_client() as client, httpx2.AsyncClient() as own, open_sender() as send:
            await both(client)
            await both(own)
            await send(request)
            await send(request)

    if kind == "async":
        asyncio.run(awaited())
    else:
        with http.new_client() as client, httpx2.Client() as own:
            for each in (client, client, own, own):
                http_exchange.send(each, request)
    assert len(server.heard) in {4, 6}
    assert not any(b"cookie" in heard.lower() for heard in server.heard)
