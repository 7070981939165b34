"""A request that did not leave this machine is not counted as sent, whatever kept it back."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time

import httpcore2
import httpx
import httpx2
import pytest
import requests

from client.callers import CALLERS
from traktauth import App, AsyncTrakt, Token, Trakt, TraktAuthError, TryLater
from traktauth.client.api_address import is_on_this_machine
from traktauth.client.http_errors import PROXY, describe_error
from traktauth.client.http_exchange import SendTracker
from traktauth.keeper.driver import open_sender
from traktauth.models import LoginKey
from traktauth.models.changes import SaveToken
from traktauth.stores.open import open_store

ENVIRONMENTS = {
    "socks": ({"ALL_PROXY": "socks://127.0.0.1:1080/"}, "socks5://"),
    "socks5 without socksio": ({"ALL_PROXY": "socks5://127.0.0.1:1080/"}, "httpx2[socks]"),
    "a port that is a word": ({"HTTPS_PROXY": "http://user:canary@127.0.0.1:abc"}, "HTTPS_PROXY=http://HOST:PORT"),
    "lower case": ({"http_proxy": "ftp://x/"}, "http_proxy=http://HOST:PORT"),
    "certificates that are gone": ({"SSL_CERT_FILE": "/nonexistent.pem"}, "SSL_CERT_FILE"),
    "a certificate file without certificates": ({"SSL_CERT_FILE": "/etc/passwd"}, "SSL_CERT_FILE"),
}
FAR_AWAY = "http://192.0.2.1"


@pytest.fixture(params=ENVIRONMENTS)
def broken(request, monkeypatch):
    """An environment in which no client can be made, its variable, and the fix."""
    environment, fix = ENVIRONMENTS[request.param]
    for name in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return next(iter(environment)), fix


@pytest.fixture
def expired(trakt_server, app, address):
    """An expired login of a service that a proxy would be asked for."""
    login = LoginKey(FAR_AWAY, app.client_id, "default")
    token = Token("old", refresh_token="refresh-canary", expires_in=10, expires_at=1.0, generation=1)
    open_store(address).apply(login, SaveToken(token, after=0, at=1.0))
    return login


def test_an_environment_that_cannot_send_is_named_and_costs_no_login(broken, caller, expired, app, address):
    variable, fix = broken
    with caller(app, service=FAR_AWAY, store=address, insecure=True) as trakt:
        for _ in range(3):
            with pytest.raises(TryLater, match=variable) as caught:
                trakt.token()
            assert fix in caught.value.hint
            assert "canary" not in f"{caught.value} {caught.value.hint}"
        with pytest.raises(TryLater, match=variable):
            trakt.login("device", prompt=lambda _: pytest.fail("the user is prompted"))
    record = open_store(address).load(expired)
    assert (record.pending_refresh, record.refreshable, record.token.access_token) == (None, True, "old")


@pytest.fixture
def dead_proxy(monkeypatch):
    """A function that names a proxy in a variable; no program listens at its address, which is returned."""
    for name in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def set_variable(variable, address="http://me:canary@127.0.0.1:{port}/"):
        monkeypatch.setenv(variable, address.format(port=port))
        return f"http://127.0.0.1:{port}"

    # Bound and not listening: a connection is refused, and no other program can get the port while the test runs.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        yield set_variable


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_reached_is_named_with_its_variable(dead_proxy, variable, caller, expired, app, address):
    proxy = dead_proxy(variable)
    with caller(app, service=FAR_AWAY, store=address, insecure=True) as trakt:
        with pytest.raises(TryLater) as caught:
            trakt.token()
        expected = f"the proxy {proxy} of {variable} cannot be reached (connection refused)"
        assert caught.value.message == f"{FAR_AWAY} could not be reached: {expected}"
    record = open_store(address).load(expired)
    assert (record.pending_refresh, record.refreshable, record.token.access_token) == (None, True, "old")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_api_request_names_a_proxy_that_cannot_be_reached(dead_proxy, scheme, caller, app, address):
    proxy = dead_proxy(f"{scheme.upper()}_PROXY", "me:canary@127.0.0.1:{port}")
    service = f"{scheme}://192.0.2.1"
    token = Token("new", refresh_token="r", expires_in=1000, expires_at=time.time() + 1000, generation=1)
    open_store(address).apply(LoginKey(service, app.client_id, "default"), SaveToken(token, after=0, at=1.0))
    with caller(app, service=service, store=address, insecure=True) as trakt, pytest.raises(TryLater) as caught:
        trakt.request("GET", "/users/settings")
    variable = f"{scheme.upper()}_PROXY"
    expected = f"the proxy {proxy} of {variable} cannot be reached (connection refused)"
    assert caught.value.message == f"Trakt's API could not be reached: {expected}"


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_the_proxy_of_a_client_that_was_given_is_named_without_a_variable(dead_proxy, library, expired, app, address):
    proxy = dead_proxy("UNUSED")
    with (
        library.Client(proxy=f"http://me:canary@{proxy[7:]}", trust_env=False) as client,
        Trakt(app, service=FAR_AWAY, store=address, insecure=True, http=client) as trakt,
        pytest.raises(TryLater) as caught,
    ):
        trakt.token()
    assert caught.value.message.endswith(f": the proxy {proxy[7:]} cannot be reached (connection refused)")


@pytest.mark.parametrize(
    ("error", "cause", "reason"),
    [
        (httpx2.ProxyError, None, "the proxy http://proxy:3128 of HTTPS_PROXY refused"),
        (httpx2.ConnectTimeout, None, "no connection within 10 s through the proxy http://proxy:3128 of HTTPS_PROXY"),
        (
            httpx2.ConnectError,
            ssl.SSLError(),
            "no connection through the proxy http://proxy:3128 of HTTPS_PROXY (TLS failed)",
        ),
        (
            httpx2.ConnectError,
            socket.gaierror(-2, "x"),
            "the proxy http://proxy:3128 of HTTPS_PROXY cannot be reached (name not found)",
        ),
    ],
)
def test_each_failure_with_a_proxy_names_it(error, cause, reason):
    request = httpx2.Request("POST", "https://192.0.2.1/", extensions={PROXY: "http://proxy:3128 of HTTPS_PROXY"})
    failed = error("x", request=request)
    failed.__cause__ = cause
    assert describe_error(failed) == reason
    assert "proxy:" not in describe_error(error("without a request"))


def test_a_valid_token_is_served_in_such_an_environment(caller, sign_in, trakt_server, app, address, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    old = sign_in(life=1000, left=10)
    with caller(app, service=trakt_server.base, store=address) as trakt:
        assert trakt.token() == old
    assert trakt_server.refreshes == []


def test_a_keeper_reports_an_unusable_environment_before_it_claims_a_login(broken):
    async def start():
        async with open_sender(FAR_AWAY):
            pytest.fail("began")

    with pytest.raises(TryLater, match=broken[0]):
        asyncio.run(start())


def test_a_service_on_this_machine_is_reached_without_a_proxy(caller, sign_in, trakt_server, app, address, monkeypatch):
    """A proxy would get the refresh token and the app's secret in clear."""
    sign_in(left=-1)
    for name in ("ALL_PROXY", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with caller(app, service=trakt_server.base, store=address) as trakt:
        assert trakt.token().generation == 2
        assert trakt.request("GET", "/users/settings").status_code == 200


@pytest.mark.parametrize(
    ("url", "direct"),
    [
        ("http://127.0.0.1:8712/x", True),
        ("http://127.9.9.9/", True),
        ("https://localhost/", True),
        ("http://trakt.localhost:1/", True),
        ("http://[::1]:8712/", True),
        ("https://trakt.tv/", False),
        ("https://127.0.0.1.example/", False),
        ("http://[::1", False),
    ],
)
def test_which_addresses_are_on_this_machine(url, direct):
    assert is_on_this_machine(url) is direct


# ---------------------------------------------------------------- threads
@pytest.fixture
def no_threads(monkeypatch):
    """No thread of ours is to be had, as at a limit of processes, or on Python 3.12 once the main thread has ended."""
    real = threading.Thread.start

    def start(thread):
        if thread.name.startswith("traktauth"):
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)


def test_a_token_is_refreshed_in_the_callers_thread_if_no_thread_can_be_started(
    no_threads, caller, sign_in, trakt_server, app, address
):
    sign_in(left=-1)
    with caller(app, service=trakt_server.base, store=address) as trakt:
        assert trakt.token().generation == 2
    assert len(trakt_server.refreshes) == 1


# ---------------------------------------------------------------- a client of one's own
@pytest.fixture(params=[httpx2, httpx], ids=["httpx2", "httpx"])
def library(request):
    """A library of a client of one's own."""
    return request.param


@pytest.fixture
def own(caller, library, trakt_server, app, address):
    """Make a caller over a client of one's own."""
    made = []

    def make(service=trakt_server.base, **options):
        kind = library.Client if caller is CALLERS["blocking"] else library.AsyncClient
        client = kind(limits=library.Limits(max_keepalive_connections=0), **options)
        made.append(client)
        return client, caller(app, service=service, store=address, http=client)

    yield make
    for client in made:
        if isinstance(client, library.Client):
            client.close()
        elif not client.is_closed:
            asyncio.run(client.aclose())


def hook(caller):
    def fail(*_):
        raise KeyError("of the application")

    async def afail(*_):
        raise KeyError("of the application")

    return fail if caller is CALLERS["blocking"] else afail


@pytest.fixture
def stored(trakt_server, app, address):
    return lambda: open_store(address).load(LoginKey(trakt_server.base, app.client_id, "default"))


def test_an_async_client_that_another_event_loop_has_used_costs_no_login(
    library, sign_in, trakt_server, app, address, stored
):
    """A connection that it has kept would carry the refresh away, and its response could not be read."""
    client = library.AsyncClient(transport=library.MockTransport(lambda _: library.Response(200, json={})))

    async def use(verb, *arguments):
        await getattr(AsyncTrakt(app, service=trakt_server.base, store=address, http=client), verb)(*arguments)

    sign_in()
    asyncio.run(use("request", "GET", "/users/settings"))
    for verb in (["refresh"], ["request", "GET", "/users/settings"]):
        with pytest.raises(TryLater, match="used in another event loop before"):
            asyncio.run(use(*verb))
    assert stored().pending_refresh is None


def retrying(transport, library):
    """Return a transport that sends a request once more if the connection breaks, as retry libraries do."""

    class Retrying(type(transport)):
        def handle_request(self, request):
            try:
                return transport.handle_request(request)
            except library.TransportError:
                return transport.handle_request(request)

        async def handle_async_request(self, request):
            try:
                return await transport.handle_async_request(request)
            except library.TransportError:
                return await transport.handle_async_request(request)

    return Retrying()


def test_a_transport_with_retries_does_not_send_a_refresh_token_twice(
    own, library, caller, sign_in, trakt_server, stored
):
    sign_in(left=-1)
    trakt_server.after.append(lambda: True)  # the connection is cut after the refresh
    kind = library.HTTPTransport if caller is CALLERS["blocking"] else library.AsyncHTTPTransport
    _, trakt = own(transport=retrying(kind(), library))
    with trakt, pytest.raises(TryLater, match="tried to send the request twice"):
        trakt.token()
    assert (len(trakt_server.refreshes), trakt_server.killed) == (1, 0)
    assert stored().pending_refresh.unconfirmed


@pytest.mark.parametrize(
    ("event", "method", "sent"),
    [
        ("connection.connect_tcp.started", None, False),
        ("http11.send_request_headers.started", b"CONNECT", False),
        ("http11.send_request_headers.started", b"POST", True),
        ("http3.send_request.started", b"POST", True),  # a name of a later version
    ],
)
def test_each_step_of_a_client_that_concerns_the_request_counts_as_sending(event, method, sent):
    tracker = SendTracker()
    tracker.trace(event, {} if method is None else {"request": httpcore2.Request(method, "http://192.0.2.1/")})
    assert tracker.may_have_left() is sent


def test_a_client_of_another_kind_is_refused_before_anything_is_sent(caller, app):
    """A blocking client in an AsyncTrakt would send a refresh, and lose its response."""
    other = httpx2.AsyncClient() if caller is CALLERS["blocking"] else httpx2.Client()
    for client in (other, requests.Session(), "client"):
        with pytest.raises(
            TypeError, match=r"http= must be an httpx2\.(Async)?Client or .* not (httpx2|requests|builtins)\."
        ):
            caller(app, store="memory:", http=client)
    if isinstance(other, httpx2.Client):
        other.close()
    else:
        asyncio.run(other.aclose())


def test_a_client_that_is_closed_costs_no_login(own, sign_in, trakt_server, stored, caller):
    sign_in(left=-1)
    client, trakt = own()
    with trakt:
        if caller is CALLERS["blocking"]:
            client.close()
        else:
            trakt.runner.run(client.aclose())
        for _ in range(3):
            with pytest.raises(TryLater, match="http= is closed"):
                trakt.token()
    assert stored().pending_refresh is None
    assert trakt_server.refreshes == []


def test_a_hook_that_raises_before_the_request_costs_no_login(own, sign_in, trakt_server, stored, caller):
    sign_in(left=-1)
    client, trakt = own(event_hooks={"request": [hook(caller)]})
    with trakt:
        for _ in range(3):
            with pytest.raises(TryLater, match="raised KeyError before anything was sent"):
                trakt.token()
        assert stored().pending_refresh is None
        client.event_hooks = {}
        assert trakt.token().generation == 2
    assert len(trakt_server.refreshes) == 1


def test_a_hook_that_raises_after_the_response_leaves_the_sending_unconfirmed(
    own, sign_in, trakt_server, stored, caller
):
    sign_in(left=-1)
    _, trakt = own(event_hooks={"response": [hook(caller)]})
    with trakt, pytest.raises(TraktAuthError) as caught:
        trakt.token()
    assert caught.value.unconfirmed
    assert stored().pending_refresh is not None


def test_a_hook_that_reads_the_request_is_served(own, sign_in, trakt_server, caller):
    seen = []

    def look(request):
        seen.append(request.content)

    async def alook(request):
        seen.append(request.content)

    sign_in(left=-1)
    _, trakt = own(event_hooks={"request": [look if caller is CALLERS["blocking"] else alook]})
    with trakt:
        assert trakt.token().generation == 2
    assert b"refresh_token" in seen[0]


def test_an_api_request_reports_an_unusable_environment(broken, caller, app, address, sign_in):
    token = Token("fresh", refresh_token="r", expires_in=3600, generation=1)
    open_store(address).apply(LoginKey(FAR_AWAY, app.client_id, "default"), SaveToken(token, after=0, at=1.0))
    with (
        caller(App(app.client_id), service=FAR_AWAY, store=address, insecure=True) as trakt,
        pytest.raises(TryLater, match=broken[0]),
    ):
        trakt.request("GET", "/users/settings")
