"""`LocalTrakt` plays the user: browser, device codes, expiry, sign-out, API responses of a test's own."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import json
import time

import pytest

from support.wire import query
from traktauth import AsyncTrakt, LoginRefused, LoginRequired, Trakt, steps
from traktauth.protocol import OUT_OF_BAND
from traktauth.server.settings import Settings
from traktauth.testing import LocalTrakt
from traktauth.wire.token_endpoint import parse_token

LIST = [{"id": number} for number in range(25)]


@pytest.fixture(params=["current", "classic"])
def server(request):
    with LocalTrakt(profile=request.param) as running:
        yield running


def client(server):
    return Trakt(server.app, service=server.url, store="memory:", clock=server.clock)


def authorize_url(server, path="/oauth/authorize", redirect_uri=None, **more):
    asked = {"client_id": server.app.client_id, "redirect_uri": redirect_uri or server.app.redirect_uri}
    fields = {"response_type": "code", "state": "s", **asked, **more}
    return f"{server.url}{path}?" + "&".join(f"{name}={value}" for name, value in fields.items())


# ------------------------------------------------------------ browse
@pytest.mark.parametrize("url", ["", None, 5])
def test_browse_without_an_address_says_what_it_needs(server, url):
    with pytest.raises(ValueError, match=r"^browse\(\) needs an authorize address, such as http"):
        server.browse(url)


def test_a_code_of_browse_can_be_exchanged(server):
    def paste(step):
        return server.browse(step.url, "mary") if isinstance(step, steps.PasteCode) else None

    with client(server) as trakt:
        trakt.login("paste", prompt=paste)
        assert trakt.status().username == "mary"


def test_a_browser_that_denies_ends_at_the_app_with_an_error(server):
    end = query(server.browse(authorize_url(server), decision="deny"))
    assert end["error"] == "access_denied"
    assert "code" not in end


def test_the_engines_own_address_can_be_browsed():
    with LocalTrakt(profile="current") as server:
        challenge = {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
        end = server.browse(authorize_url(server, "/api/auth/oauth2/authorize", scope="public", **challenge))
    assert query(end)["code"]


def test_an_out_of_band_code_is_in_the_query_of_its_page(server):
    end = server.browse(authorize_url(server, redirect_uri=OUT_OF_BAND))
    assert end.startswith(f"{server.url}/oauth/authorize/native?code=")


def test_another_service_is_named_with_what_to_set(server):
    with pytest.raises(ValueError, match=r"https://trakt\.tv is not this local Trakt: .*TRAKTAUTH_SERVICE=http"):
        server.browse("https://trakt.tv/oauth/authorize?client_id=x")


@pytest.mark.parametrize("kind", [Trakt, AsyncTrakt])
def test_a_client_of_another_service_is_not_signed_in(server, kind):
    """Its next request would go to the real Trakt."""
    other = kind(server.app, store="memory:")
    with pytest.raises(ValueError, match=r"https://api\.trakt\.tv is not this local Trakt: .*TRAKTAUTH_SERVICE=http"):
        server.sign_in_at(other)
    assert server.ledger["alive"] == {"access": 0, "refresh": 0}


def test_a_client_behind_a_proxy_on_this_machine_is_signed_in(server):
    with Trakt(server.app, service="http://127.0.0.1:9", store="memory:", clock=server.clock) as trakt:
        server.sign_in_at(trakt)
        assert trakt.status().username == "sean"


def test_a_login_without_a_browser_has_its_users_name(server):
    """As after a sign-in, so that a test of "signed in as ..." passes."""
    with client(server) as trakt:
        server.sign_in_at(trakt, "mary")
        ids = trakt.request("GET", "/users/settings").json()["user"]["ids"]
        status = trakt.status()
    assert (status.username, status.uuid) == ("mary", ids["uuid"])


def test_an_async_login_without_a_browser_has_its_users_name(server):
    async def name():
        async with AsyncTrakt(server.app, service=server.url, store="memory:", clock=server.clock) as trakt:
            await server.sign_in_at(trakt, "mary")
            return (await trakt.status()).username

    assert asyncio.run(name()) == "mary"


def test_a_token_of_the_server_can_be_adopted(server):
    """It has its time, as Trakt's token response does."""
    earliest = int(server.clock())
    made = server.sign_in("sean")
    assert earliest <= made["created_at"] <= server.clock()
    with client(server) as trakt:
        trakt.adopt(parse_token(json.dumps(made)))
        assert trakt.request("GET", "/users/me").json()["username"] == "sean"


def test_a_further_origin_leads_here(server):
    server.origins.add("https://trakt.tv")
    end = server.browse(authorize_url(server).replace(server.url, "https://trakt.tv"))
    assert query(end)["code"]


@pytest.mark.parametrize(
    ("path", "fields", "message"),
    [
        ("/oauth/token", {}, "/oauth/token is not an authorize address"),
        ("/oauth/authorize", {"redirect_uri": "http://127.0.0.1:1/elsewhere"}, "does not redirect"),
        ("/oauth/authorize", {"client_id": "unknown"}, "does not redirect"),
    ],
)
def test_what_ends_on_no_address_of_the_app_is_a_value_error(server, path, fields, message):
    with pytest.raises(ValueError, match=message):
        server.browse(authorize_url(server, path, **fields))


# ------------------------------------------------------------ device codes
def test_a_device_sign_in_follows_the_clock_and_waits_no_real_seconds(server):
    def prompt(step):
        if isinstance(step, steps.EnterCode):
            server.approve_device(step.device.user_code, "mary")

    before, began = server.clock(), time.monotonic()
    with client(server) as trakt:
        trakt.login("device", prompt=prompt)
        assert trakt.status().username == "mary"
    virtual, real = server.clock() - before, time.monotonic() - began
    assert virtual >= 5, "an interval has passed for the server"
    assert real < virtual, "and it was not waited for"


def test_a_denied_device_code_is_refused_for_an_async_client_too(server):
    def prompt(step):
        if isinstance(step, steps.EnterCode):
            server.deny_device(step.device.user_code)

    async def sign_in():
        async with AsyncTrakt(server.app, service=server.url, store="memory:", clock=server.clock) as trakt:
            await trakt.login("device", prompt=prompt)

    before = server.clock()
    with pytest.raises(LoginRefused):
        asyncio.run(sign_in())
    assert server.clock() - before >= 5


@pytest.mark.slow
def test_a_device_code_that_is_not_answered_expires_by_the_clock():
    with LocalTrakt() as server, client(server) as trakt:
        before = server.clock()
        with pytest.raises(LoginRefused, match="expired"):
            trakt.login("device", prompt=lambda step: None)
        assert server.clock() - before >= 600


def test_an_unknown_user_code_is_a_value_error(server):
    for answer in (server.approve_device, server.deny_device):
        with pytest.raises(ValueError, match="no such code waits"):
            answer("ABCDEFGH")


# ------------------------------------------------------------ expiry, sign-out
@pytest.mark.parametrize("kind", ["access", "refresh", "code", "device", "banana"])
def test_what_does_not_exist_cannot_expire(server, kind):
    with pytest.raises(ValueError, match=r"no such|'banana'"):
        server.expire(kind, "x" * 32)


def test_a_user_who_disconnects_the_app_ends_both_tokens_and_no_other_users(server):
    with client(server) as trakt, client(server) as other:
        server.sign_in_at(trakt, "sean")
        server.sign_in_at(other, "mary")
        server.disconnect("sean")
        with pytest.raises(LoginRequired) as ended:
            trakt.request("GET", "/users/settings")
        assert ended.value.reason == "revoked"
        assert other.request("GET", "/users/settings").status_code == 200
        with pytest.raises(ValueError, match="no user is called 'carol'"):
            server.disconnect("carol")


@pytest.mark.parametrize(("username", "refused"), [("sean", True), ("mary", False)])
def test_only_the_named_users_sessions_end(username, refused):
    def paste(step):
        if not isinstance(step, steps.PasteCode):
            return None
        server.browse(step.url, "sean")
        end = server.browse(step.url, username)
        server.sign_out("sean")
        return end

    with LocalTrakt(profile="current") as server, client(server) as trakt:
        with contextlib.suppress(LoginRefused):
            trakt.login("paste", prompt=paste)
        assert (trakt.status().state == "never") == refused


# ------------------------------------------------------------ API responses
def test_a_list_is_returned_in_pages_with_trakts_headers():
    with LocalTrakt(responses={"GET /sync/history": LIST}) as server, client(server) as trakt:
        server.sign_in_at(trakt)
        page = trakt.request("GET", "/sync/history", params={"page": 3, "limit": 10})
    assert page.json() == LIST[20:]
    assert page.headers["x-pagination-page-count"] == "3"
    assert page.headers["x-pagination-item-count"] == "25"


def test_responses_add_addresses_and_methods_and_replace_what_is_there():
    responses = {"POST /checkin": {"id": 1}, "GET /users/me": {"username": "other"}, "DELETE /checkin": None}
    with LocalTrakt(responses=responses) as server, client(server) as trakt:
        server.sign_in_at(trakt)
        made = trakt.request("POST", "/checkin", json={})
        assert (made.status_code, made.json()) == (201, {"id": 1})
        assert trakt.request("DELETE", "/checkin").status_code == 200
        assert trakt.request("GET", "/checkin").status_code == 405
        assert trakt.request("GET", "/users/me").json() == {"username": "other"}
        assert trakt.request("POST", "/sync/history", json={}).status_code == 201, "what is not replaced stays"


def test_responses_are_read_from_a_file(tmp_path):
    (tmp_path / "responses.json").write_text(json.dumps({"GET /shows/trending": LIST}))
    with LocalTrakt(responses=tmp_path / "responses.json") as server, client(server) as trakt:
        server.sign_in_at(trakt)
        assert trakt.request("GET", "/shows/trending", params={"limit": 100}).json() == LIST


# ------------------------------------------------------------ bad settings
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"responses": {"/sync/history": []}}, "'/sync/history' must be a method and a path"),
        ({"responses": {"LIST /sync/history": []}}, "methods: DELETE, GET"),
        ({"responses": {"GET sync/history": []}}, "must be a method and a path"),
        ({"responses": {"GET /sync/history?page=1": []}}, "without a query"),
        ({"responses": {"POST /oauth/token": {}}}, "not an address of the API"),
        ({"responses": {"GET /_control/ledger": {}}}, "not an address of the API"),
        ({"responses": {"GET /x": object()}}, "cannot be sent as JSON"),
        ({"responses": {5: []}}, "5 must be a method and a path"),
        ({"seed": {"aps": []}}, "`aps`"),
        ({"faults": [{"path": "x"}]}, "path"),
        ({"profile": "old"}, "must be current or classic"),
        ({"access_life": 0}, "access_life"),
    ],
)
def test_a_setting_is_checked_when_the_object_is_made(settings, message):
    with pytest.raises(ValueError, match=message):
        LocalTrakt(**settings)


@pytest.mark.parametrize(
    "use",
    [
        lambda server: server.app,
        lambda server: server.sign_in("sean"),
        lambda server: server.ledger,
        lambda server: server.clock,
        lambda server: server.advance(days=1),
        lambda server: server.authorize(username="sean"),
    ],
)
def test_what_has_not_been_started_says_so(use):
    with pytest.raises(RuntimeError, match="has not been started"):
        use(LocalTrakt())


def test_invalid_arguments_are_value_errors():
    with LocalTrakt() as server:
        for use in (
            lambda: server.authorize(username=5),
            lambda: server.authorize(username="sean", via="nowhere"),
            lambda: server.sign_in("sean", client_id="unknown"),
            lambda: server.fail_next("/x", delay=-1),
        ):
            with pytest.raises(ValueError, match=r"username|via|client_id|delay"):
                use()


def test_an_app_without_an_address_signs_in_out_of_band():
    with LocalTrakt(seed={"apps": [{"client_id": "a", "client_secret": "s", "redirect_uris": []}]}) as server:
        assert server.app.redirect_uri == OUT_OF_BAND


def test_a_server_without_apps_says_so():
    with LocalTrakt(seed={}) as server:
        for use in (lambda: server.app, lambda: server.sign_in("sean")):
            with pytest.raises(ValueError, match="no app: seed one"):
                use()


def test_every_setting_can_be_set():
    values = inspect.signature(LocalTrakt).parameters
    assert set(values) == {each.name for each in dataclasses.fields(Settings)}


def test_a_misspelt_setting_is_refused_when_the_object_is_made():
    with pytest.raises(TypeError, match="acess_life"):
        LocalTrakt(acess_life=5)
