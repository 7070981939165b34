"""`trakt.auth` as an httpx2.Auth, blocking and async; tests/adapters has what it shares with every adapter."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from traktauth import App, AsyncTrakt, Trakt


def blocking(server, app, address, urls, **named):
    with Trakt(app, service=server.base, store=address) as trakt, httpx2.Client(auth=trakt.auth, **named) as client:
        return [client.get(url) for url in urls]


def awaited(server, app, address, urls, **named):
    async def go():
        async with (
            AsyncTrakt(app, service=server.base, store=address) as trakt,
            httpx2.AsyncClient(auth=trakt.auth, **named) as client,
        ):
            return [await client.get(url) for url in urls]

    return asyncio.run(go())


@pytest.fixture(params=[blocking, awaited])
def get(request, trakt_server, app, address):
    return lambda *urls, **named: request.param(trakt_server, app, address, urls, **named)


def test_it_signs_requests_and_leaves_the_clients_own_fields(get, trakt_server, sign_in, app):
    token = sign_in()
    [response] = get(f"{trakt_server.base}/users/settings", headers={"User-Agent": "mine"})
    assert response.status_code == 200
    sent = trakt_server.headers[0]
    assert sent["authorization"] == f"Bearer {token.access_token}"
    assert (sent["trakt-api-version"], sent["trakt-api-key"], sent["user-agent"]) == ("2", app.client_id, "mine")


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/users",
        "{base}@evil.example/users",
        "https://{host}/users",
    ],
)
def test_the_token_goes_to_no_other_host(get, trakt_server, sign_in, url):
    sign_in(left=-1)
    host = trakt_server.base.removeprefix("http://")
    with pytest.raises((ValueError, httpx2.InvalidURL)):
        get(url.format(base=trakt_server.base, host=host))
    assert (trakt_server.api_calls, trakt_server.refreshes) == ([], [])


@pytest.mark.parametrize(
    ("service", "url", "served"),
    [
        ("trakt", "https://api.trakt.tv/users", True),
        ("trakt", "https://api.trakt.tv:443/users", True),
        ("trakt", "https://api.trakt.tv", True),
        ("trakt", "http://api.trakt.tv/users", False),
        ("trakt", "https://api.trakt.tv:8443/users", False),
        ("trakt", "https://trakt.tv/users", False),
        ("trakt", "https://api.trakt.tv.evil.example/", False),
        ("trakt", "https://api.trakt.tv@evil.example/", False),
        ("trakt", "https://evil.example\\@api.trakt.tv/", False),
        ("trakt", "https://user@api.trakt.tv/", False),
        ("trakt", "https://api.trakt.tv:x/", False),
        ("trakt", "https://[api.trakt.tv/", False),
        ("trakt", "https://evil.example/https://api.trakt.tv/", False),
        ("http://LOCALHOST:8712", "http://localhost:8712/users", True),
        ("https://host.example:443", "https://host.example/users", True),
        ("https://host.example/base", "https://host.example/base/users", True),
        ("https://host.example/base", "https://host.example/base", True),
        ("https://host.example/base", "https://host.example/basement", False),
        ("https://host.example/base", "https://host.example/", False),
    ],
)
def test_which_addresses_are_the_services_own(service, url, served):
    assert Trakt(App("x"), service=service, store="memory:").config.api.contains(url) is served


def test_each_kind_says_which_client_it_is_for(app):
    request = httpx2.Request("GET", "https://api.trakt.tv/")
    with pytest.raises(TypeError, match="AsyncTrakt"):
        Trakt(app, store="memory:").auth.async_auth_flow(request)
    with pytest.raises(TypeError, match=r"Trakt\(…\)\.auth with a Client"):
        AsyncTrakt(app, store="memory:").auth.sync_auth_flow(request)
