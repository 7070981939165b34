"""The life cycle as an httpx2.Auth, blocking and async."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from client.strict_trakt import StrictTrakt
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


def test_it_refreshes_once_on_a_401(get, trakt_server, sign_in):
    sign_in()
    trakt_server.access.clear()
    assert get(f"{trakt_server.base}/users/settings")[0].status_code == 200
    assert len(trakt_server.refreshes) == 1


def test_it_returns_a_401_straight_after_that(get, trakt_server, sign_in):
    sign_in()
    trakt_server.api_refuses = True
    responses = get(*[f"{trakt_server.base}/users/settings"] * 3)
    assert [response.status_code for response in responses] == [401] * 3
    assert len(trakt_server.refreshes) == 1


@pytest.mark.parametrize("body", ["generator", "file"])
def test_a_body_that_can_be_read_once_is_sent_once_and_the_next_call_has_a_new_token(
    trakt_server, app, address, sign_in, tmp_path, body
):
    sign_in()
    trakt_server.access.clear()
    (tmp_path / "body").write_bytes(b"{}")
    with (
        Trakt(app, service=trakt_server.base, store=address) as trakt,
        httpx2.Client(auth=trakt.auth) as client,
        (tmp_path / "body").open("rb") as file,
    ):
        content = iter([b"{", b"}"]) if body == "generator" else file
        url = f"{trakt_server.base}/sync/history"
        assert client.post(url, content=content, headers={"content-length": "2"}).status_code == 401
        assert (len(trakt_server.api_calls), len(trakt_server.refreshes)) == (1, 1)
        assert client.post(url, content=b"{}").status_code == 200
    assert len(trakt_server.refreshes) == 1


def test_a_body_that_an_async_generator_makes_is_sent_once(trakt_server, app, address, sign_in):
    sign_in()
    trakt_server.access.clear()

    async def content():
        yield b"{}"

    async def go():
        async with (
            AsyncTrakt(app, service=trakt_server.base, store=address) as trakt,
            httpx2.AsyncClient(auth=trakt.auth) as client,
        ):
            url = f"{trakt_server.base}/sync/history"
            first = await client.post(url, content=content(), headers={"content-length": "2"})
            return [first.status_code, (await client.get(url)).status_code]

    assert asyncio.run(go()) == [401, 200]
    assert len(trakt_server.refreshes) == 1


def test_a_body_in_memory_is_sent_again(trakt_server, app, address, sign_in):
    sign_in()
    trakt_server.access.clear()
    with Trakt(app, service=trakt_server.base, store=address) as trakt, httpx2.Client(auth=trakt.auth) as client:
        assert client.post(f"{trakt_server.base}/sync/history", json={"a": 1}).status_code == 200
    assert len(trakt_server.refreshes) == 1


def test_a_401_of_another_host_behind_a_redirect_refreshes_and_marks_nothing(get, trakt_server, sign_in):
    foreign = StrictTrakt()
    foreign.api_refuses = True
    trakt_server.moved_to = f"{foreign.base}/elsewhere"
    try:
        sign_in()
        moved, own = get(f"{trakt_server.base}/moved", f"{trakt_server.base}/users/settings", follow_redirects=True)
        assert (moved.status_code, own.status_code) == (401, 200)
        assert trakt_server.refreshes == []
        assert foreign.api_calls == [""]  # and it got no token
        trakt_server.access.clear()
        assert get(f"{trakt_server.base}/users/settings")[0].status_code == 200  # refreshing is not blocked
    finally:
        foreign.close()


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
