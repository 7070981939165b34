"""What every adapter promises, and `trakt.auth`: one suite over all HTTP clients.

It needs nothing but pytest and traktauth, so that it runs in environments with other versions of the clients, too.
"""

from __future__ import annotations

import asyncio
import io
import logging
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.api import serving
from adapters.drivers import Aiohttp, AsyncDriver, installed
from traktauth import AsyncTrakt, LoginRequired, StoreFailed, Trakt, TryLater
from traktauth.testing import LocalTrakt

MANY = 50
BODY = b'{"movies": []}'


@pytest.fixture(scope="module")
def local():
    with LocalTrakt() as server:
        yield server


@pytest.fixture
def api(local):
    local.reset()
    with serving(local) as running:
        local.origins.add(running.base)  # it forwards what a client asks the OAuth endpoints
        yield running
        local.origins.clear()


@pytest.fixture
def foreign():
    with serving() as running:
        yield running


@pytest.fixture(params=installed(), ids=lambda driver: driver.__name__)
def kind(request):
    return request.param


@pytest.fixture
def trakt(kind, api, local):
    login = kind.login(local.app, service=api.base, store="memory:", clock=local.clock)
    signed_in = local.sign_in_at(login)
    if issubclass(kind, AsyncDriver):
        asyncio.run(_awaited(signed_in))
    yield login
    closed = login.close()
    if closed is not None:
        asyncio.run(closed)


async def _awaited(work):
    return await work


@pytest.fixture
def driver(kind, trakt):
    opened = kind(trakt)
    yield opened
    opened.close()


def reject(api):
    """Let the API reject the token of the next call, as after a revocation; return it."""
    api.rejected.add(api.seen[-1].headers["authorization"].removeprefix("Bearer "))


# ------------------------------------------------------------ the rule
def test_a_valid_token_is_sent_with_trakts_fields(driver, api, local):
    assert driver.get(f"{api.base}/users/settings").status == 200
    (seen,) = api.seen
    assert seen.headers["authorization"].startswith("Bearer ")
    assert seen.headers["trakt-api-key"] == local.app.client_id
    assert seen.headers["trakt-api-version"] == "2"


def test_a_rejected_token_is_refreshed_once(driver, api):
    driver.get(f"{api.base}/users/settings")
    reject(api)
    assert driver.get(f"{api.base}/users/settings").status == 200
    assert api.refreshes() == 1
    assert len(api.seen) == 3


def test_a_body_in_memory_is_sent_again(driver, api):
    driver.get(f"{api.base}/users/settings")
    reject(api)
    got = driver.send("POST", f"{api.base}/sync/history", BODY)
    assert (got.status, got.body) == (200, BODY)
    assert [seen.body for seen in api.seen[1:]] == [BODY, BODY]


def test_a_file_is_sent_again_from_where_it_stood_or_not_at_all(driver, api, kind):
    if kind.library == "pyreqwest":
        pytest.skip("it takes no files")
    driver.get(f"{api.base}/users/settings")
    reject(api)
    head = b"" if kind.library.startswith("httpx") else b"head"  # httpx declares the length of the whole file
    file = io.BytesIO(head + BODY)
    file.seek(len(head))
    # an async client of httpx takes an async stream alone
    body = driver.stream([BODY]) if kind.__name__.startswith("AsyncHttpx") else file
    got = driver.send("POST", f"{api.base}/sync/history", body)
    assert got.status == (200 if driver.resends_files else 401)
    assert all(seen.body == BODY for seen in api.seen[1:])
    assert driver.get(f"{api.base}/users/settings").status == 200


def test_a_generator_is_not_sent_again_and_the_next_call_works(driver, api):
    driver.get(f"{api.base}/users/settings")
    reject(api)
    got = driver.send("POST", f"{api.base}/sync/history", driver.stream([BODY[:5], BODY[5:]]))
    assert got.status == 401
    assert api.seen[-1].body == BODY
    assert driver.get(f"{api.base}/users/settings").status == 200
    assert api.refreshes() == 1


@pytest.mark.slow
def test_many_callers_on_a_rejected_token_share_one_refresh(driver, api):
    driver.get(f"{api.base}/users/settings")
    reject(api)
    assert driver.many(f"{api.base}/users/settings", MANY) == [200] * MANY
    assert api.refreshes() == 1


def test_event_loops_share_one_adapter_and_one_refresh(driver, api, kind, trakt):
    if not issubclass(kind, AsyncDriver):
        pytest.skip("it has no event loop; threads share it in the test above")
    driver.get(f"{api.base}/users/settings")
    reject(api)
    loops = [driver, *(kind(trakt, driver.adapter) for _ in range(2))]
    with ThreadPoolExecutor(len(loops)) as pool:
        found = list(pool.map(lambda each: each.many(f"{api.base}/users/settings", 5), loops))
    for other in loops[1:]:
        other.close()
    assert found == [[200] * 5] * 3
    assert api.refreshes() == 1


def test_one_call_of_aiohttp_takes_the_adapter(api, local):
    aiohttp = pytest.importorskip("aiohttp")

    async def call():
        async with (
            AsyncTrakt(local.app, service=api.base, store="memory:", clock=local.clock) as login,
            aiohttp.ClientSession() as session,
        ):
            await local.sign_in_at(login)
            url, middlewares = f"{api.base}/users/settings", (Aiohttp.adapt(login),)
            async with session.get(url, middlewares=middlewares) as response:
                assert response.status == 200
            reject(api)
            async with session.get(url, middlewares=middlewares) as response:
                assert response.status == 200
            async with session.get(url) as response:
                assert response.status == 401, "the other calls of the session are not authorized"

    asyncio.run(call())
    assert api.refreshes() == 1


def test_an_api_that_rejects_every_token_costs_one_refresh(driver, api):
    assert [driver.get(f"{api.base}/never").status for _ in range(3)] == [401, 401, 401]
    assert api.refreshes() == 1


@pytest.mark.parametrize(("path", "status", "wait"), [("/limited", 429, "7"), ("/unavailable", 503, "3")])
def test_limits_and_outages_are_the_callers(driver, api, path, status, wait):
    got = driver.get(api.base + path)
    assert got.status == status
    assert {name.lower(): value for name, value in got.headers.items()}["retry-after"] == wait
    assert len(api.seen) == 1
    assert api.refreshes() == 0


# ------------------------------------------------------------ other hosts
def test_no_token_goes_to_another_host(driver, api, foreign, kind):
    if kind.refuses_foreign:
        with pytest.raises(ValueError, match=r"it is not sent to '?127\.0\.0\.1.*trakt\.api_url"):
            driver.get(f"{foreign.base}/users/settings")
        assert foreign.seen == []
    else:
        assert driver.get(f"{foreign.base}/users/settings").status == 200
        assert "authorization" not in foreign.seen[0].headers
    assert api.refreshes() == 0


@pytest.mark.parametrize(("path", "status"), [("/page", 200), ("/foreign-401", 401)])
def test_a_redirect_takes_no_token_to_another_host(driver, api, foreign, kind, path, status):
    assert driver.get(f"{api.base}/away?to={foreign.base}{path}").status == status
    assert foreign.seen
    assert not any("authorization" in seen.headers for seen in foreign.seen)
    assert api.refreshes() == (0 if kind.knows_redirects or status != 401 else 1)
    api.rejected |= {seen.headers["authorization"].removeprefix("Bearer ") for seen in api.seen}
    later = driver.get(f"{api.base}/users/settings").status
    assert later == (200 if kind.knows_redirects or status != 401 else 401), "a real 401 is still refreshed"


def test_a_redirect_on_the_api_keeps_the_token(driver, api):
    assert driver.get(f"{api.base}/away?to={api.base}/users/settings").status == 200
    assert api.seen[-1].headers["authorization"]


def test_a_redirect_that_comes_back_without_the_token_refreshes_nothing(driver, api, foreign, kind):
    """A client takes the token off on the way: the API's 401 says nothing about it."""
    got = driver.get(f"{api.base}/away?to={foreign.base}/away%3Fto%3D{api.base}/users/settings")
    if kind.library == "aiohttp":
        assert got.status == 200, "its middleware authorizes each hop"
    elif kind.knows_redirects:
        assert got.status == 401
        assert api.refreshes() == 0


# ------------------------------------------------------------ connections, errors
def test_calls_share_a_connection_also_after_a_rejection(driver, api):
    driver.get(f"{api.base}/users/settings")
    reject(api)
    driver.get(f"{api.base}/users/settings")
    driver.get(f"{api.base}/users/settings")
    assert len({seen.connection for seen in api.seen}) == 1, [seen.connection for seen in api.seen]


def test_a_connection_error_is_the_clients_own(driver, api, kind):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - its class is checked below
        driver.get(f"{api.base}/broken")
    assert type(caught.value).__module__.partition(".")[0] == kind.library
    assert api.refreshes() == 0


def test_a_revoked_login_raises_login_required_unchanged(driver, api, local):
    driver.get(f"{api.base}/users/settings")
    local.reset()  # Trakt knows none of the tokens any more
    reject(api)
    with pytest.raises(LoginRequired) as caught:
        driver.get(f"{api.base}/users/settings")
    assert caught.value.reason == "revoked"


def test_a_refresh_that_fails_says_when_to_try_again(driver, api, local):
    local.advance(days=8)
    for _ in range(3):
        local.fail_next("/oauth/token", status=503, headers={"retry-after": "9"})
    with pytest.raises(TryLater):
        driver.get(f"{api.base}/users/settings")
    assert api.seen == []


def test_a_broken_store_raises_store_failed_unchanged(kind, api, local, tmp_path):
    folder = tmp_path / "store"
    folder.write_text("not a folder")
    trakt = kind.login(local.app, service=api.base, store=f"file:{folder}/login.json")
    opened = kind(trakt)
    with pytest.raises(StoreFailed):
        opened.get(f"{api.base}/users/settings")
    opened.close()
    assert api.seen == []
    closed = trakt.close()
    if closed is not None:
        asyncio.run(closed)


def test_a_login_of_the_other_kind_is_refused_by_name(kind, local):
    if kind.library == "httpx2":
        pytest.skip("`trakt.auth` is made by the login")
    other = Trakt if issubclass(kind, AsyncDriver) else AsyncTrakt
    login = other(local.app, service=local.url, store="memory:")
    for passed, message in (
        (login, f"needs an? {kind.login.__name__}, not {other.__name__}.* two adapters"),
        ("x", "str"),
    ):
        with pytest.raises(TypeError, match=message):
            kind(passed)
    closed = login.close()
    if closed is not None:
        asyncio.run(closed)


def test_no_secret_is_logged_or_shown_in_an_error(driver, api, local, trakt, caplog):
    with caplog.at_level(logging.DEBUG):
        driver.get(f"{api.base}/users/settings")
        reject(api)
        for _ in range(3):
            local.fail_next("/oauth/token", status=503)
        with pytest.raises(TryLater) as caught:
            driver.get(f"{api.base}/users/settings")
    shown = caplog.text + "".join(traceback.format_exception(caught.value)) + repr(trakt)
    shown += "".join(map(repr, vars(driver).values()))
    tokens = {seen.headers["authorization"].removeprefix("Bearer ") for seen in api.seen}
    refresh_token = trakt.store.peek(trakt.config.key).token.refresh_token
    assert len(tokens) == 1
    assert [secret for secret in (*tokens, refresh_token, local.app.client_secret) if secret in shown] == []
