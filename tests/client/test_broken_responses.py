"""A whole token in a broken response is a token; half of one, or another's, is not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time

import httpx2
import pytest

from client.test_http import SECRET, RawServer, ok
from traktauth.client import http, http_exchange
from traktauth.client.http_clients import AsyncHttpClients, HttpClients
from traktauth.client.http_exchange import has_trailing_data
from traktauth.flow.effects import NoResponse
from traktauth.keeper.http_sender import open_sender
from traktauth.wire.messages import Request

TOKEN = json.dumps({"access_token": "a" * 40, "refresh_token": "r" * 40, "expires_in": 600}).encode()


@pytest.fixture
def serve():
    made = []

    def make(answer):
        made.append(RawServer(answer))
        return made[-1]

    yield make
    for each in made:
        each.close()


async def send_async(url):
    async with http.new_async_client(keep=False) as client:
        return await http_exchange.send_async(client, Request("POST", url, {}, SECRET))


@pytest.fixture(params=["blocking", "async", "without a thread"])
def post(request, monkeypatch):
    """Send one POST to a server."""
    if request.param == "without a thread":
        monkeypatch.setattr(http_exchange, "start_thread", lambda *_, **__: False)
    monkeypatch.setattr(http_exchange, "REQUEST_TIMEOUT", 3.0)
    monkeypatch.setattr(http_exchange, "END_TIMEOUT", 0.2)

    def send(server):
        url = f"http://127.0.0.1:{server.port}/oauth/token"
        if request.param == "async":
            return asyncio.run(send_async(url))
        with http.new_client(keep=False) as client:
            return http_exchange.send(client, Request("POST", url, {}, SECRET))

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
    "a length that is too long, held open": (head(LONGER) + TOKEN, lambda _: time.sleep(6)),
    "no last chunk, then close": (head("Transfer-Encoding: chunked") + CHUNK, lambda _: None),
    "no last chunk, held open": (head("Transfer-Encoding: chunked") + CHUNK, lambda _: time.sleep(6)),
    "a broken last chunk": (head("Transfer-Encoding: chunked") + CHUNK + b"zz\r\n", lambda _: None),
    "no length, held open": (head() + TOKEN, lambda _: time.sleep(6)),
    "no length, then a reset": (head() + TOKEN, lambda v: (time.sleep(0.3), reset(v))),
    "a line end after it, no last chunk": (
        head("Transfer-Encoding: chunked") + CHUNK + b"1\r\n\n\r\n",
        lambda _: None,
    ),
    "201": (head(LONGER, status="201 Created") + TOKEN, lambda _: None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_a_whole_token_in_a_broken_response_is_taken(serve, post, name):
    content, then = BROKEN[name]
    server = serve(lambda self, visitor: (self.hear(visitor), visitor.sendall(content), then(visitor)))
    began = time.monotonic()
    reply = post(server)
    assert not isinstance(reply, NoResponse), reply
    assert reply.document() == json.loads(TOKEN)
    assert reply.status in {200, 201}
    assert len(server.heard) == 1
    assert time.monotonic() - began < 5.5


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_it_may_arrive_in_parts(serve, post, parts):
    def answer(self, visitor):
        self.hear(visitor)
        visitor.sendall(head(LONGER))
        size = -(-len(TOKEN) // parts)
        for start in range(0, len(TOKEN), size):
            visitor.sendall(TOKEN[start : start + size])
            time.sleep(0.05)

    assert post(serve(answer)).document() == json.loads(TOKEN)


def test_half_a_token_in_a_broken_response_is_none(serve, post):
    half = TOKEN[:-1]
    server = serve(lambda self, visitor: (self.hear(visitor), visitor.sendall(head(LONGER) + half)))
    reply = post(server)
    assert (type(reply), reply.sent) == (NoResponse, True)


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
    assert isinstance(reply, NoResponse) or len(reply.body) <= http_exchange.LARGEST_REPLY


# ---------------------------------------------------------------- connections out of step
def hear_any(visitor):
    """Read one request with the secret in its body, however it is written; False at the end of the connection."""
    heard = b""
    while b"canary" not in heard:
        chunk = visitor.recv(65536)
        if not chunk:
            return False
        heard += chunk
    return True


def answering(first, second=b""):
    """Answer the first request with `first`, and each later one as it should be."""

    def answer(self, visitor):
        number = 0
        while hear_any(visitor):
            number += 1
            visitor.sendall(first if number == 1 else ok(b'{"mine": 1}'))
            if number == 1 and second:
                time.sleep(0.2)
                visitor.sendall(second)

    return answer


@pytest.mark.parametrize(
    ("first", "second"),
    [(ok(b'{"theirs": 1}') * 2, b""), (ok(b'{"theirs": 1}'), ok(b'{"theirs": 1}'))],
    ids=["sent twice", "sent again later"],
)
@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_a_kept_connection_with_more_than_its_response_is_not_used_again(serve, kind, first, second):
    server = serve(answering(first, second))
    url = f"http://127.0.0.1:{server.port}/"

    def arguments():
        return {"params": None, "json": json.loads(SECRET), "headers": {}}

    def one():
        with http.new_client() as client:
            return [
                (http.finish(client.send(http.api_request("POST", url, **arguments()))).json(), time.sleep(0.4))[0]
                for _ in range(2)
            ]

    async def two():
        documents = []
        async with http.new_async_client() as client:
            for _ in range(2):
                response = await http.afinish(await client.send(http.api_request("POST", url, **arguments())))
                documents.append(response.json())
                await asyncio.sleep(0.4)
        return documents

    documents = one() if kind == "blocking" else asyncio.run(two())
    # Each connection's first response is the doubled one; no request got what followed it.
    assert documents == [{"theirs": 1}] * 2
    assert server.connections == 2


def test_bytes_beyond_a_response_are_seen(serve):
    """The HTTP library keeps them where only its own parts look; this fails if it keeps them elsewhere."""
    server = serve(answering(ok(b"{}") + b"HTTP/1.1 200 OK\r\n"))
    with httpx2.Client() as client:
        assert has_trailing_data(client.post(f"http://127.0.0.1:{server.port}/", content=SECRET))
    assert not has_trailing_data(httpx2.Response(200))


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


# ---------------------------------------------------------------- another request's token
@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_a_token_that_has_answered_another_refresh_is_refused(serve, kind):
    """A proxy's own connection to the service may be out of step too."""
    tokens = iter([b"of-one", b"of-one", b"of-three"])

    def answer(self, visitor):
        if hear_any(visitor):
            visitor.sendall(ok(b'{"access_token": "%s-%s"}' % (next(tokens), kind.encode())))

    server = serve(answer)
    url = f"http://127.0.0.1:{server.port}/"
    requests = [Request("POST", url, {}, b'{"refresh_token": "canary-%d"}' % number) for number in range(3)]

    async def awaited():
        connections = AsyncHttpClients()
        return [await connections.send(request) for request in requests]

    if kind == "async":
        replies = asyncio.run(awaited())
    else:
        connections = HttpClients()
        replies = [connections.send(request) for request in requests]
        connections.close()
    assert [isinstance(reply, NoResponse) for reply in replies] == [False, True, False]
    assert (replies[1].sent, replies[1].reason) == (True, "the response belongs to another request")


def test_the_same_refresh_may_get_the_same_token_again(serve):
    server = serve(
        lambda self, visitor: hear_any(visitor) and visitor.sendall(ok(b'{"access_token": "the-same-twice"}'))
    )
    connections = HttpClients()
    for _ in range(2):
        assert connections.send(Request("POST", f"http://127.0.0.1:{server.port}/", {}, SECRET)).status == 200
    connections.close()
