"""API calls: header fields, paths, and what a 401 leads to."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx2
import pytest

from client.callers import CALLERS, Awaited
from traktauth import App, AppInvalid, LoginRequired, Trakt, TraktAuthError, TryLater, __version__
from traktauth.models import find_service
from traktauth.stores.open import open_store


def test_a_call_carries_the_three_fields_that_trakt_asks_for(trakt, trakt_server, sign_in, app):
    token = sign_in()
    response = trakt.request("GET", "/users/settings", params={"a": "b c"}, headers={"X-Own": "1"})
    assert (response.status_code, response.json()["path"]) == (200, "/users/settings?a=b+c")
    [sent] = trakt_server.headers
    assert sent["authorization"] == f"Bearer {token.access_token}"
    assert (sent["trakt-api-version"], sent["trakt-api-key"], sent["x-own"]) == ("2", app.client_id, "1")
    assert sent["user-agent"].startswith("traktauth/")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "users/settings",
        "http://evil.example/users",
        "//evil.example/users",
        "/\\evil.example",
        "/users\\settings",
        "/users settings",
        "/users\n/settings",
        "/users\r\nX-Injected: 1",
        "/us\0ers",
        "/usérs",
        "@evil.example/users",
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused_before_anything_is_sent(trakt, trakt_server, sign_in, path):
    sign_in(left=-1)
    with pytest.raises(ValueError, match="path must"):
        trakt.request("GET", path)
    assert (trakt_server.api_calls, trakt_server.refreshes) == ([], [])


@pytest.mark.parametrize("path", ["/@evil.example", "/..//evil.example/x", "/%0d%0a", "/a?u=http://evil.example#f"])
def test_a_path_that_only_looks_odd_stays_on_the_host(trakt, trakt_server, sign_in, path):
    sign_in()
    assert trakt.request("GET", path).url.host == "127.0.0.1"
    assert len(trakt_server.api_calls) == 1


def test_a_redirect_is_returned_and_not_followed(trakt, trakt_server, sign_in):
    sign_in()
    response = trakt.request("GET", "/moved")
    assert (response.status_code, len(trakt_server.api_calls)) == (302, 1)


# ---------------------------------------------------------------- 401
def test_a_401_straight_after_that_is_returned_and_leads_to_nothing_more(trakt, trakt_server, sign_in):
    sign_in()
    trakt_server.api_refuses = True
    for _ in range(3):
        assert trakt.request("GET", "/users/settings").status_code == 401
    assert len(trakt_server.refreshes) == 1


def test_a_401_to_a_token_that_the_call_has_just_got_is_returned(trakt, trakt_server, sign_in):
    """A refresh may bring dead tokens: another one would bring no better. The next call tries that once."""
    sign_in(left=-1)
    trakt_server.api_refuses = True
    for refreshes in (1, 2, 2, 2):
        assert trakt.request("GET", "/users/settings").status_code == 401
        assert len(trakt_server.refreshes) == refreshes


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_programs_that_share_a_login_do_not_refresh_in_turn_while_the_api_rejects_every_token(
    caller, app, trakt_server, address, sign_in
):
    sign_in()
    trakt_server.api_refuses = True
    for _ in range(5):
        with (
            caller(app, service=trakt_server.base, store=address) as one,
            caller(app, service=trakt_server.base, store=address) as two,
        ):
            assert one.request("GET", "/users/settings").status_code == 401
            assert two.request("GET", "/users/settings").status_code == 401
    assert len(trakt_server.refreshes) == 1


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_a_login_that_ends_after_an_outage_of_the_api_is_found_out_some_minutes_later(
    caller, app, trakt_server, address, sign_in
):
    sign_in()
    trakt_server.api_refuses = True
    ahead = 0.0
    with caller(app, service=trakt_server.base, store=address, clock=lambda: time.time() + ahead) as trakt:
        assert trakt.request("GET", "/users/settings").status_code == 401
        trakt_server.fresh.clear()  # revoked for good
        assert trakt.request("GET", "/users/settings").status_code == 401
        ahead = 301.0
        with pytest.raises(LoginRequired) as caught:
            trakt.request("GET", "/users/settings")
    assert caught.value.reason == "revoked"


def test_a_401_to_a_token_from_before_the_clock_was_set_back_is_followed_by_a_refresh(trakt, trakt_server, sign_in):
    """Its time of issue is after the begin of the call, and it did not come from this call's refresh."""
    sign_in(life=3600, left=3600 + 1800)
    trakt_server.access.clear()
    assert trakt.request("GET", "/users/settings").status_code == 200
    assert len(trakt_server.refreshes) == 1


# ---------------------------------------------------------------- an API that cannot be reached
@pytest.mark.parametrize("http", [None, "httpx2"])
@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_an_api_that_cannot_be_reached_is_try_later(app, address, sign_in, caller, http, trakt_server):
    sign_in()
    client = httpx2.AsyncClient() if http and caller is Awaited else httpx2.Client() if http else None
    service = replace(find_service(trakt_server.base), api="http://127.0.0.1:1")
    with caller(app, service=service, store=address, http=client) as trakt:
        with pytest.raises(TryLater, match="could not be reached") as caught:
            trakt.request("GET", "/users/settings")
        if isinstance(client, httpx2.AsyncClient):
            trakt.runner.run(client.aclose())
        elif client is not None:
            client.close()
    assert isinstance(caught.value.__cause__, httpx2.ConnectError)
    assert caught.value.retry_after == 30


def test_an_api_that_does_not_answer_in_time_is_try_later(trakt_server, app, address, sign_in):
    sign_in()
    over = threading.Event()
    trakt_server.api_before.append(lambda: over.wait(120))
    limit = httpx2.Timeout(60, read=0.2)
    with (
        httpx2.Client(timeout=limit) as client,
        Trakt(app, service=trakt_server.base, store=address, http=client) as own,
    ):
        with pytest.raises(TryLater, match="no response in time"):  # the client's limit, which is not known
            own.request("GET", "/users/settings")
        over.set()


@pytest.mark.parametrize("headers", [{"X-Own": "a\nb"}, {"X\nOwn": "1"}])
def test_a_header_field_that_cannot_be_sent_is_a_value_error(trakt, sign_in, headers):
    sign_in()
    with pytest.raises(ValueError, match="cannot be sent"):
        trakt.request("GET", "/users/settings", headers=headers)


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_the_program_names_itself_on_every_request(trakt_server, address, sign_in, caller):
    app = App("client-id", client_secret="s", redirect_uri="http://127.0.0.1:9876/callback", user_agent="my-app/1.0")
    sign_in()
    trakt_server.access.clear()
    with caller(app, service=trakt_server.base, store=address) as trakt:
        assert trakt.request("GET", "/users/settings").status_code == 200
        trakt.logout()
    assert {sent["user-agent"] for sent in trakt_server.headers} == {f"my-app/1.0 traktauth/{__version__}"}
    assert {sent["user-agent"] for sent in trakt_server.oauth_headers} == {f"my-app/1.0 traktauth/{__version__}"}
    assert len(trakt_server.oauth_headers) == 3  # a refresh and two revocations


@pytest.mark.parametrize("value", ["", " ", "a\nb", "é", "a\r\nX: 1"])
def test_a_user_agent_is_one_line_of_ascii(value):
    with pytest.raises(AppInvalid, match="user_agent"):
        App("client-id", user_agent=value)


def test_several_threads_with_a_401_at_once_cause_one_refresh(trakt_server, app, address, sign_in):
    sign_in()
    trakt_server.access.clear()
    together = threading.Barrier(10)
    trakt_server.api_before += [lambda: together.wait(60)] * 10

    def call(_):
        with Trakt(app, service=trakt_server.base, store=address) as trakt:
            return trakt.request("GET", "/users/settings").status_code

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(call, range(10))) == [200] * 10
    assert len(trakt_server.refreshes) == 1


def test_a_late_401_uses_the_newer_token(trakt, trakt_server, app, address, sign_in):
    sign_in()
    trakt_server.access.clear()

    def renewed_meanwhile():
        with Trakt(app, service=trakt_server.base, store=address) as other:
            other.refresh()

    trakt_server.api_before.append(renewed_meanwhile)
    assert trakt.request("GET", "/users/settings").status_code == 200
    assert len(trakt_server.refreshes) == 1


# ---------------------------------------------------------------- the client of another process
def test_a_client_of_ones_own_is_used_and_not_closed(trakt_server, app, address, sign_in):
    sign_in(left=-1)
    with httpx2.Client(headers={"X-Mine": "1"}) as client:
        with Trakt(app, service=trakt_server.base, store=address, http=client) as trakt:
            assert trakt.request("GET", "/users/settings").status_code == 200
        assert not client.is_closed
    assert trakt_server.headers[0]["x-mine"] == "1"
    assert len(trakt_server.refreshes) == 1


# ---------------------------------------------------------------- where tokens may go
@pytest.mark.parametrize("service", ["http://trakt.example", "http://192.0.2.1:80", "http://localhost.evil.example"])
@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_http_is_for_this_machine_alone_or_for_who_wants_it(caller, service, app):
    with pytest.raises(ValueError, match="tokens unencrypted"):
        caller(app, service=service, store="memory:")
    with caller(app, service=service, store="memory:", insecure=True) as trakt:
        assert trakt.config.service.api == service
        assert trakt.for_account("second").config.service.api == service


def test_lost_reply_is_one_of_three():
    with pytest.raises(ValueError, match="last-attempt, sign-in, resend"):
        Trakt(App("x"), store="memory:", lost_reply="perhaps")


# ---------------------------------------------------------------- the other verbs
def test_refresh_replaces_a_fresh_token_and_callers_that_began_before_share_it(trakt, trakt_server, sign_in):
    sign_in()
    began = trakt.config.context.clock()
    assert trakt.refresh(since=began).generation == 2
    assert trakt.refresh(since=began).generation == 2
    assert trakt.refresh().generation == 3
    assert len(trakt_server.refreshes) == 2


def test_accounts_share_store_and_connections(trakt, trakt_server, sign_in):
    sign_in()
    other = sign_in(account="second")
    second = trakt.for_account("second")
    assert second.account == "second"
    assert second.token().access_token == other.access_token
    for each in (trakt, second, trakt):
        assert each.request("GET", "/users/settings").status_code == 200
    assert trakt_server.connections == 1


@pytest.fixture(params=["memory:", "file:{}", "sqlite:{}"])
def shared_store(request, tmp_path):
    return open_store(request.param.format(tmp_path / "logins"))


@pytest.mark.parametrize("caller", CALLERS)
def test_a_fresh_token_whose_record_is_unchanged_needs_no_flow(
    trakt_server, app, shared_store, sign_in, caller, monkeypatch
):
    now = time.time()
    sign_in(shared_store)
    with CALLERS[caller](app, service=trakt_server.base, store=shared_store, clock=lambda: now) as trakt:
        url = trakt.config.api.url("/users/settings")
        first = [trakt.attempt(url) for _ in range(2)][-1]
        time.sleep(0.1)  # a file is read again until its time is settled
        trakt.attempt(url)
        with monkeypatch.context() as patch:
            patch.setattr(trakt._driver, "run", None)
            assert trakt.attempt(url).headers == first.headers
            now -= 1e8  # the clock was set back: the token's expiry cannot be relied on
            with pytest.raises(TypeError):
                trakt.attempt(url)
        now += 1e8 + 3590
        assert trakt.attempt(url).headers != first.headers
    assert len(trakt_server.refreshes) == 1


@pytest.mark.parametrize("caller", CALLERS)
def test_what_another_object_saves_or_deletes_counts_at_the_next_attempt(
    trakt_server, app, shared_store, sign_in, caller
):
    sign_in(shared_store)
    with (
        CALLERS[caller](app, service=trakt_server.base, store=shared_store) as trakt,
        Trakt(app, service=trakt_server.base, store=shared_store) as other,
    ):
        url = trakt.config.api.url("/users/settings")
        for _ in range(2):
            before = trakt.attempt(url).headers["Authorization"]
        refreshed = other.refresh()
        assert trakt.attempt(url).headers["Authorization"] == f"Bearer {refreshed.access_token}" != before
        trakt.attempt(url)
        other.logout(local=True)
        with pytest.raises(LoginRequired):
            trakt.attempt(url)


# ---------------------------------------------------------------- what a client leaves alone
def test_closing_an_account_that_shares_the_connections_closes_nothing(trakt, trakt_server, sign_in):
    sign_in()
    if isinstance(trakt, Trakt):
        trakt.for_account("second").close()
    else:
        trakt.runner.run(trakt.trakt.for_account("second").close())
    assert trakt.request("GET", "/users/settings").status_code == 200


@pytest.mark.parametrize("raised", [RuntimeError("closed"), KeyError("x")])
def test_a_client_of_the_programs_own_that_fails_is_named(trakt_server, app, address, sign_in, raised):
    sign_in()

    class Broken(httpx2.Client):
        def request(self, *_, **__):
            raise raised

    with Broken() as client, Trakt(app, service=trakt_server.base, store=address, http=client) as own:
        with pytest.raises(TraktAuthError, match=f"The HTTP client failed: {type(raised).__name__}") as caught:
            own.request("GET", "/users/settings")
        assert "http=" in caught.value.hint
        assert caught.value.__cause__ is raised


def test_a_written_down_object_shows_no_secret(trakt):
    assert "canary" not in repr(trakt.trakt if isinstance(trakt, Awaited) else trakt)
