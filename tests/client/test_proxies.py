"""Proxies: which one is used, what it gets, and what became of the request."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from base64 import b64encode
from contextlib import closing, suppress

import httpx2
import pytest

from client.raw_server import SECRET, hear_any, ok
from support.engines import CHECKOUT, Missing
from support.environments import environment
from support.tls_proxy import make_certificate
from traktauth.client import http
from traktauth.client.http_clients import HttpClients
from traktauth.client.http_exchange import send
from traktauth.wire.messages import Request

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
ENVIRONMENTS = {
    "none": {},
    "https alone": {"HTTPS_PROXY": "http://one:3128"},
    "lower case first": {"http_proxy": "http://one:3128", "HTTP_PROXY": "http://two:3128"},
    "all, and a particular one": {"ALL_PROXY": "http://one:3128", "HTTPS_PROXY": "https://two"},
    "without a scheme, with a password": {"ALL_PROXY": "me:secret@one:3128"},
    "IPv6": {"ALL_PROXY": "http://[::1]:3128"},
}
EXCLUDED = [
    "*",
    "trakt.tv",
    ".trakt.tv",
    "*.trakt.tv",
    "localhost, api.trakt.tv ,",
    "192.0.2.1",
    "192.0.2.0/24,2001:db8::/32",
    "2001:db8::1",
    "[2001:db8::1]",
    "trakt.tv:443",
    "https://trakt.tv",
    "http://192.0.2.0/24",
    "trakt.tv/path",
    "not a host, 192.0.2.0/99, [::1",
]
ADDRESSES = [
    "https://trakt.tv/",
    "http://trakt.tv/",
    "https://api.trakt.tv/",
    "https://nottrakt.tv/",
    "https://localhost/",
    "https://192.0.2.1/",
    "http://192.0.2.1:8080/",
    "https://[2001:db8::1]/",
]


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def choice(client, url):
    """The proxy that a client chooses for an address."""
    transport = client._transport_for_url(httpx2.URL(url))
    pool = transport._pool
    proxy = getattr(pool, "_proxy_url", None) or getattr(pool._proxy, "url", None)
    return proxy and bytes(proxy)


@pytest.mark.parametrize("excluded", ["", *EXCLUDED])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_proxy_is_the_one_that_httpx2_chooses(monkeypatch, name, excluded):
    for variable, value in {**ENVIRONMENTS[name], "NO_PROXY": excluded}.items():
        monkeypatch.setenv(variable, value)
    with http.new_client() as client, httpx2.Client() as plain, http.new_client(direct=True) as direct:
        assert [choice(client, url) for url in ADDRESSES] == [choice(plain, url) for url in ADDRESSES]
        assert {choice(direct, url) for url in ADDRESSES} == {None}


def test_a_proxy_gets_its_user_name_and_password(serve, monkeypatch):
    heard = []

    def answer(self, visitor):
        heard.append(self.hear(visitor))
        visitor.sendall(ok(b'{"a": 1}'))

    proxy = serve(answer)
    monkeypatch.setenv("HTTP_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
    with closing(HttpClients()) as clients:
        assert clients.send(Request("POST", "http://192.0.2.1/oauth/token", {}, SECRET)).document() == {"a": 1}
    head = heard[0].partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"POST http://192.0.2.1/oauth/token HTTP/1.1"
    assert b"Proxy-Authorization: Basic " + b64encode(b"me:p@ss") in head


@pytest.fixture
def tls(tmp_path, monkeypatch):
    """The TLS of a server on 127.0.0.1 whose certificate clients trust."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def pipe(source, target):
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("answer", [ok(b'{"a": 1}'), b""], ids=["a response", "no response"])
def test_a_request_passes_a_tunnel(serve, tls, monkeypatch, scheme, answer):
    def serve_trakt(self, visitor):
        with tls.wrap_socket(visitor, server_side=True) as encrypted:
            self.hear(encrypted)
            encrypted.sendall(answer)

    def open_tunnel(self, visitor):
        with tls.wrap_socket(visitor, server_side=True) if scheme == "https" else visitor as inner:
            self.heard.append(inner.recv(65536).partition(b"\r\n")[0])
            inner.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection(("127.0.0.1", trakt.port)) as outer:
                back = threading.Thread(target=pipe, args=(outer, inner), daemon=True)
                back.start()
                pipe(inner, outer)
                back.join()

    trakt, proxy = serve(serve_trakt), serve(open_tunnel)
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{proxy.port}")
    with closing(HttpClients()) as clients:
        request = Request("POST", f"https://127.0.0.1:{trakt.port}/oauth/token", {}, SECRET)
        reply = send(clients._client("https://trakt.tv"), request, is_watched=True)  # loopback would need no proxy
    assert reply.document() == {"a": 1} if answer else reply.sent
    assert proxy.heard == [b"CONNECT 127.0.0.1:%d HTTP/1.1" % trakt.port]
    assert len(trakt.heard) == 1


# ---------------------------------------------------------------- SOCKS
PROGRAM = """
import sys
from contextlib import closing
from traktauth.client.http_clients import HttpClients
from traktauth.flow.effects import NoResponse
from traktauth.wire.messages import Request

with closing(HttpClients()) as clients:
    request = Request("POST", "http://192.0.2.1:8712/oauth/token", {}, sys.argv[1].encode())
    reply = clients.send(request)
    if isinstance(reply, NoResponse):
        sys.exit(print(reply.sent, reply.reason))
    for _ in range(2):
        clients.request("POST", request.url, params=None, json={"canary": 1}, headers={}).raise_for_status()
print(reply.document())
"""
CONNECT = b"\x05\x01\x00\x01\xc0\x00\x02\x01\x22\x08"  # to 192.0.2.1:8712


@pytest.fixture(scope="module", params=["httpx2[socks]==2.15.*", "httpx2[socks]"], ids=["lowest", "newest"])
def run(request):
    """Run the program with a SOCKS proxy, and the lowest or newest HTTP library; return what it prints."""
    name = "socks-lowest" if "==" in request.param else "socks-newest"
    try:
        python = environment(name, request.param, "click", "platformdirs", "segno")
    except Missing as missing:
        pytest.skip(str(missing))

    def run(proxy):
        done = subprocess.run(
            [python, "-c", PROGRAM, SECRET.decode()],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"PYTHONPATH": str(CHECKOUT / "src"), "ALL_PROXY": f"socks5://me:p%40ss@127.0.0.1:{proxy.port}"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def converse(visitor, code=0):
    """Agree with a client of SOCKS 5 about a connection, and return where it is to lead."""
    assert visitor.recv(4096) == b"\x05\x01\x02"  # a user name and a password
    visitor.sendall(b"\x05\x02")
    assert visitor.recv(4096) == b"\x01\x02me\x04p@ss"
    visitor.sendall(b"\x01\x00")
    target = visitor.recv(4096)
    visitor.sendall(bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0]))
    return target


@pytest.mark.slow
@pytest.mark.parametrize("broken", [False, True])
def test_a_request_passes_a_socks_proxy(serve, run, broken):
    targets, token = [], b'{"access_token": "a"}'

    def answer(_, visitor):
        targets.append(converse(visitor))
        while hear_any(visitor):
            breaks_http = broken and len(targets) == 1
            visitor.sendall(b"HTTP/1.1 200 OK\r\nno field\r\n\r\n" + token if breaks_http else ok(token))

    assert run(serve(answer)) == "{'access_token': 'a'}"
    assert targets == [CONNECT] * 2  # the refresh's own connection, and the kept one of both API requests


@pytest.mark.slow
def test_what_a_socks_proxy_refuses_was_not_sent(serve, run):
    proxy = serve(lambda _, visitor: converse(visitor, code=5))
    assert run(proxy) == f"False the proxy socks5://127.0.0.1:{proxy.port} of ALL_PROXY refused"
