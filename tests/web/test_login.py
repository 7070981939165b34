"""WebLogin: start and finish, and each way in which a sign-in fails."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest

from support.web_users import CALLBACK, CANARY, visit
from support.wire import bearer, call
from traktauth import App, StoreFailed
from traktauth.errors import ACCOUNT_CODES, AppInvalid
from traktauth.protocol import ACCOUNT_LIMITS, APPS_ARE_DELETED, ONE_COMMUNITY_APP
from traktauth.web import LoginFailed, WebLogin
from traktauth.web.pages import failure_text


def cookies_of(started):
    return {started.cookie_name: started.cookie_value}


def failing(login, cookies, url):
    with pytest.raises(LoginFailed) as failed:
        login.finish(cookies, url)
    return failed.value


def test_a_user_signs_in_and_their_account_is_their_uuid(server, login):
    started = login.start("/library?page=2")
    signed_in = login.finish(cookies_of(started), visit(server, started.url))
    settings = login.trakt(signed_in.account).request("GET", "/users/settings").json()
    assert signed_in.account == settings["user"]["ids"]["uuid"]
    assert (signed_in.username, signed_in.next) == ("sean", "/library?page=2")
    assert signed_in.settings == settings
    status = login.trakt(signed_in.account).status()
    assert (status.state, status.username) == ("valid", "sean")


def test_the_sign_in_page_gets_a_challenge_and_what_was_asked_for(server, login):
    asked = parse_qs(urlsplit(login.start(signup=True, prompt="login").url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    assert (asked["signup"], asked["prompt"], asked["redirect_uri"]) == (["true"], ["login"], [CALLBACK])


def test_the_cookie_shows_no_verifier_and_is_bound_to_the_host(server, login):
    started = login.start()
    state = parse_qs(urlsplit(started.url).query)["state"][0]
    assert started.cookie_name == f"__Host-traktauth-{state[:12]}"
    assert started.cookie_options == {
        "max_age": 900, "path": "/", "secure": True, "httponly": True, "samesite": "lax"
    }  # fmt: skip
    for hidden in (CANARY, state, started.cookie_value):
        assert hidden not in repr(started)
    plain = login.start(redirect_uri="http://127.0.0.1:8000/trakt/callback")
    assert plain.cookie_name.startswith("traktauth-")
    assert plain.cookie_options["secure"] is False
    assert login.start(redirect_uri=f"HTTPS{CALLBACK.removeprefix('https')}").cookie_options["secure"] is True


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_tabs_finish_in_either_order(server, login, order):
    tabs = [login.start("/one"), login.start("/two")]
    cookies = cookies_of(tabs[0]) | cookies_of(tabs[1])
    for tab in order:
        signed_in = login.finish(cookies, visit(server, tabs[tab].url))
        assert signed_in.next == ("/one", "/two")[tab]
        del cookies[signed_in.cookie_name]


def test_another_worker_finishes_what_one_began(server, tmp_path):
    store = f"file:{tmp_path}/logins.json"
    with (
        WebLogin(server.app, store=store, service=server.url, clock=server.clock) as one,
        WebLogin(server.app, store=store, service=server.url, clock=server.clock) as other,
    ):
        started = one.start()
        signed_in = other.finish(cookies_of(started), visit(server, started.url))
        assert one.trakt(signed_in.account).request("GET", "/users/settings").status_code == 200


def test_a_second_sign_in_replaces_the_token_and_revokes_nothing(server, login):
    tokens = []
    for _ in range(2):
        started = login.start()
        signed_in = login.finish(cookies_of(started), visit(server, started.url))
        tokens.append(login.trakt(signed_in.account).token())
    assert tokens[1].generation == tokens[0].generation + 1
    for token in tokens:
        assert call(server.url, "GET", "/users/settings", headers=bearer(token.access_token, "c" * 64)).status == 200


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ("/library", "/library"),
        ("/a?b=c&d=%2F", "/a?b=c&d=%2F"),
        ("/ü", "/%C3%BC"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/\r\nLocation: https://evil.example", "/"),
        (" //evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        (None, "/"),
        (["/a"], "/"),
        ("/" + "a" * 499, "/" + "a" * 499),
        ("/" + "a" * 500, "/"),
        ("/\ud800", "/"),
    ],
)
def test_a_user_is_never_sent_to_another_host(server, login, asked, taken):
    started = login.start(asked)
    signed_in = login.finish(cookies_of(started), visit(server, started.url))
    assert signed_in.next == taken


# ---------------------------------------------------------------- causes
def test_a_browser_without_the_cookie_is_reported_and_spends_nothing(server, login):
    started = login.start()
    landed = visit(server, started.url)
    failed = failing(login, {}, landed)
    assert (failed.cause, failed.status, failed.cookie_name) == ("no-cookie", 400, None)
    assert failing(login, cookies_of(login.start()), landed).cause == "no-cookie"
    assert login.finish(cookies_of(started), landed).username == "sean"


def test_a_code_that_was_used_is_refused(server, login):
    started = login.start()
    landed = visit(server, started.url)
    account = login.finish(cookies_of(started), landed).account
    failed = failing(login, cookies_of(started), landed)
    assert (failed.cause, failed.cookie_name) == ("code", started.cookie_name)
    assert failed.hint == f"Start the sign-in again. {ONE_COMMUNITY_APP}"
    assert login.trakt(account).request("GET", "/users/settings").status_code == 200


@pytest.mark.parametrize("seconds", [901, -960])  # a slow machine takes some seconds for the sign-in
def test_a_sign_in_that_took_too_long_or_began_in_the_future_has_expired(server, login, seconds):
    started = login.start("/library")
    landed = visit(server, started.url)
    server.advance(seconds=seconds)
    failed = failing(login, cookies_of(started), landed)
    assert (failed.cause, failed.next, failed.cookie_name) == ("expired", "/library", started.cookie_name)
    assert failed.hint == f"Start the sign-in again. {ONE_COMMUNITY_APP}"


def test_servers_whose_clocks_differ_by_minutes_serve_one_sign_in(server, login):
    started = login.start()
    landed = visit(server, started.url)
    server.advance(minutes=-8)
    assert login.finish(cookies_of(started), landed).username == "sean"


@pytest.mark.parametrize(
    "change", [lambda v: v[:-2], lambda v: "A" + v, lambda v: "", lambda v: "é.é", lambda v: "." + v]
)
def test_a_changed_cookie_is_refused(server, login, change):
    started = login.start()
    cookies = {started.cookie_name: change(started.cookie_value)}
    failed = failing(login, cookies, visit(server, started.url))
    assert (failed.cause, failed.cookie_name) == ("forged", started.cookie_name)


def test_a_cookie_of_a_server_with_another_secret_is_refused(server, login):
    with WebLogin(server.app, store="memory:", service=server.url, clock=server.clock, secret="x" * 32) as other:
        started = other.start()
    assert failing(login, cookies_of(started), visit(server, started.url)).cause == "forged"


def test_a_cookie_that_plain_http_could_set_is_refused_on_https(server, login):
    """A neighbour on another subdomain could have planted it: the prefix __Host- keeps it out."""
    started = login.start()
    planted = {started.cookie_name.removeprefix("__Host-"): started.cookie_value}
    assert failing(login, planted, visit(server, started.url)).cause == "forged"


def test_an_answer_to_another_sign_in_is_refused(server, login):
    started = login.start()
    landed = visit(server, started.url)
    state = parse_qs(urlsplit(landed).query)["state"][0]
    assert failing(login, cookies_of(started), landed.replace(state, state[:12] + "x" * 31)).cause == "other-state"
    assert failing(login, cookies_of(started), f"{landed}&state={state}").cause == "other-state"
    assert failing(login, cookies_of(started), CALLBACK).cause == "other-state"
    assert failing(login, {}, CALLBACK).message == "The callback was opened without a response from Trakt"
    assert failing(login, cookies_of(started), CALLBACK + "?code=abc").cause == "other-state"


def test_a_user_who_denies_it_is_shown_that(server, login):
    started = login.start("/library")
    failed = failing(login, cookies_of(started), visit(server, started.url, decision="deny"))
    assert (failed.cause, failed.next, failed.cookie_name) == ("denied", "/library", started.cookie_name)


@pytest.mark.parametrize(
    ("error", "cause"),
    [("unauthorized_client", "app"), ("server_error", "busy"), ("temporarily_unavailable", "busy"), ("<b>", "app")],
)
def test_an_error_of_the_sign_in_page_has_its_cause(server, login, error, cause):
    started = login.start()
    state = parse_qs(urlsplit(started.url).query)["state"][0]
    failed = failing(login, cookies_of(started), f"{CALLBACK}?error={error}&state={state}")
    assert failed.cause == cause
    assert "<" not in failed.message


def test_an_answer_without_a_code_is_refused(server, login):
    started = login.start()
    state = parse_qs(urlsplit(started.url).query)["state"][0]
    for query in (f"state={state}", f"state={state}&code=", f"state={state}&code=a&code=b"):
        assert failing(login, cookies_of(started), f"{CALLBACK}?{query}").cause == "code"


def test_an_answer_of_another_server_is_refused_before_its_code_is_sent(server, login):
    started = login.start()
    landed = visit(server, started.url)
    query = parse_qs(urlsplit(landed).query)
    foreign = f"{CALLBACK}?code={query['code'][0]}&state={query['state'][0]}&iss=https://evil.example"
    failed = failing(login, cookies_of(started), foreign)
    assert (failed.cause, failed.cookie_name) == ("issuer", started.cookie_name)
    assert login.finish(cookies_of(started), landed).username == "sean"


def test_an_app_that_trakt_refuses_is_named_as_the_cause(server):
    app = App(server.app.client_id, client_secret="w" * 64, redirect_uri=CALLBACK)
    with WebLogin(app, store="memory:", service=server.url, clock=server.clock) as login:
        started = login.start()
        failed = failing(login, cookies_of(started), visit(server, started.url))
    assert (failed.cause, failed.status) == ("app", 400)


def test_an_api_that_does_not_know_the_app_says_in_hint_and_log_that_trakt_deletes_apps(server, login, caplog):
    started = login.start()
    landed = visit(server, started.url)
    server.fail_next("/users/settings", status=403, body="Forbidden")
    failed = failing(login, cookies_of(started), landed)
    assert (failed.cause, failed.status, failed.cookie_name) == ("app", 400, started.cookie_name)
    assert failed.message == "Trakt's API refused the app's client id (403)"
    assert APPS_ARE_DELETED in failed.hint
    assert APPS_ARE_DELETED in caplog.text


@pytest.mark.parametrize("path", ["/oauth/token", "/users/settings"])
@pytest.mark.parametrize("status", ACCOUNT_LIMITS)
def test_a_refused_account_gets_no_retry_after(server, login, path, status):
    started = login.start()
    landed = visit(server, started.url)
    server.fail_next(path, status=status, body="")
    failed = failing(login, cookies_of(started), landed)
    assert (failed.cause, failed.status, failed.retry_after) == ("denied", 400, None)
    assert (failed.error, failed.hint) == (ACCOUNT_CODES[status], ACCOUNT_LIMITS[status])
    assert failure_text(failed) == f"Trakt refuses this account. {ACCOUNT_LIMITS[status]}."


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"drop": "before"}])
def test_a_trakt_that_is_away_is_busy(server, login, fault):
    started = login.start()
    landed = visit(server, started.url)
    server.fail_next("/oauth/token", **fault)
    failed = failing(login, cookies_of(started), landed)
    assert (failed.cause, failed.status) == ("busy", 503)
    assert failed.retry_after == failed.__cause__.retry_after


def test_the_users_settings_are_asked_for_again_as_the_code_is_spent(server, login):
    started = login.start()
    landed = visit(server, started.url)
    server.fail_next("/users/settings", status=502)
    assert login.finish(cookies_of(started), landed).username == "sean"


def test_a_store_that_is_away_during_a_callback_spends_nothing_and_the_callback_works_later(server, tmp_path):
    folder = tmp_path / "logins"
    folder.write_text("not a folder")
    with WebLogin(server.app, store=f"file:{folder}/logins", service=server.url, clock=server.clock) as login:
        started = login.start("/library")
        landed = visit(server, started.url)
        failed = failing(login, cookies_of(started), landed)
        assert (failed.cause, failed.status, failed.cookie_name) == ("busy", 503, None)
        assert isinstance(failed.__cause__, StoreFailed)
        folder.unlink()
        assert login.finish(cookies_of(started), landed).next == "/library"


# ---------------------------------------------------------------- arguments
def test_a_public_app_signs_in_with_a_secret_of_the_applications_own(server):
    app = App("p" * 64, redirect_uri=CALLBACK)
    with pytest.raises(ValueError, match="secret is missing"):
        WebLogin(app, store="memory:", service=server.url)
    with WebLogin(app, store="memory:", service=server.url, clock=server.clock, secret="k" * 32) as login:
        started = login.start()
        assert login.finish(cookies_of(started), visit(server, started.url)).username == "sean"


@pytest.mark.parametrize(
    ("arguments", "message"), [({"secret": "short"}, "16 characters"), ({"max_age": 0}, "max_age")]
)
def test_invalid_arguments_are_refused(server, arguments, message):
    with pytest.raises(ValueError, match=message):
        WebLogin(server.app, store="memory:", service=server.url, **arguments)


def test_an_app_without_a_redirect_address_is_refused(server):
    login = WebLogin(App("c" * 64, client_secret="s" * 64), store="memory:", service=server.url)
    with pytest.raises(AppInvalid, match="redirect address"):
        login.start()
    with pytest.raises(AppInvalid, match="only on loopback"):
        login.start(redirect_uri="http://example.com/trakt/callback")


# ---------------------------------------------------------------- many at once, secrets
def test_twenty_users_sign_in_at_once_and_each_gets_their_own_login(server, login):
    names = [f"user{number}" for number in range(20)]
    started = {name: login.start(f"/{name}") for name in names}
    signed_in = {}

    def finish(name):
        landed = visit(server, started[name].url, username=name)
        signed_in[name] = login.finish(cookies_of(started[name]), landed)

    for name in names:
        server.sign_in(name)  # makes the user
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(finish, names))
    assert {name: user.username for name, user in signed_in.items()} == {name: name for name in names}
    for name, user in signed_in.items():
        body = login.trakt(user.account).request("GET", "/users/settings").json()
        assert body["user"]["username"] == name


def test_no_secret_is_in_a_log_a_repr_or_an_error(server, login, caplog):
    caplog.set_level(logging.DEBUG)
    started = login.start()
    landed = visit(server, started.url)
    code = parse_qs(urlsplit(landed).query)["code"][0]
    signed_in = login.finish(cookies_of(started), landed)
    token = login.trakt(signed_in.account).token()
    failed = failing(login, cookies_of(started), landed)
    shown = caplog.text + repr(
        [started, signed_in, login, failed, failed.__cause__, json.dumps(vars(failed), default=repr)]
    )
    verifier = login._cookies.verifier_of(login._cookies.unseal(started.cookie_value).nonce)
    state = parse_qs(urlsplit(started.url).query)["state"][0]
    for secret in (CANARY, code, state, verifier, started.cookie_value, token.access_token, token.refresh_token):
        assert secret not in shown
    assert verifier not in started.cookie_value
