"""`traktauth.web.flask` with Flask's test client."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask, abort, jsonify, session
from flask.sessions import SecureCookieSessionInterface

from support.web_users import CALLBACK, end_login, visit
from traktauth.errors import StoreFailed, TraktAuthError
from traktauth.web import AsyncWebLogin, WebLogin
from traktauth.web.flask import TraktLogin

PAGE = {"Accept": "text/html"}


@pytest.fixture
def login(server):
    with WebLogin(server.app, store="memory:", service=server.url, clock=server.clock) as web_login:
        yield TraktLogin(web_login, after="/home")


@pytest.fixture
def application(login):
    made = Flask(__name__)
    made.secret_key = "k" * 32
    made.register_blueprint(login)

    @made.get("/name")
    @login.required
    def name():
        return login.trakt.request("GET", "/users/settings").json()["user"]["username"]

    @made.get("/unguarded")
    def unguarded():
        return login.trakt.status().username

    @made.get("/session")
    def shown():
        return jsonify(dict(session))

    @made.post("/write")
    @login.required
    def write():
        return "written"

    return made


@pytest.fixture
def client(application):
    return new_client(application)


def new_client(application):
    application.config["SERVER_NAME"] = "testserver"
    application.config["PREFERRED_URL_SCHEME"] = "https"
    return application.test_client()


def get(client, path, **more):
    return client.get(path, base_url="https://testserver", **more)


def post(client, path, **more):
    return client.post(path, base_url="https://testserver", **more)


def sign_in(server, client, path="/trakt/login?next=/name", **user):
    begun = get(client, path)
    assert begun.status_code == 303
    return get(client, visit(server, begun.location, **user))


def test_a_user_signs_in_and_ends_where_they_wanted_to_go(server, client):
    landed = sign_in(server, client)
    assert (landed.status_code, landed.location) == (303, "/name")
    assert get(client, "/name").text == "sean"
    assert list(get(client, "/session").json) == ["trakt_account"]
    assert sign_in(server, client, "/trakt/login").location == "/home"
    assert sign_in(server, client, "/trakt/login?next=//evil.example").location == "/"


def test_who_is_not_signed_in_is_sent_to_the_sign_in_or_gets_401(client):
    assert get(client, "/name?a=b", headers=PAGE).location == "/trakt/login?next=%2Fname%3Fa%3Db"
    assert get(client, "/unguarded", headers=PAGE).location == "/trakt/login?next=%2Funguarded"
    assert get(client, "/name").status_code == 401
    assert get(client, "/unguarded").json == {"detail": "No user is signed in with Trakt"}
    assert post(client, "/write").json == {"detail": "No user is signed in with Trakt"}
    form = post(client, "/write", headers=PAGE)
    assert (form.status_code, form.mimetype) == (401, "text/html")
    assert 'href="https://testserver/trakt/login"' in form.text


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_tabs_finish_in_either_order(server, client, order):
    tabs = [get(client, f"/trakt/login?next=/{number}").location for number in range(2)]
    for tab in order:
        assert get(client, visit(server, tabs[tab])).location == f"/{tab}"


def test_a_failed_sign_in_shows_its_page(server, application, client):
    landed = visit(server, get(client, "/trakt/login?next=/name").location)
    other_browser = get(new_client(application), landed)
    assert other_browser.status_code == 400
    assert "did not begin this sign-in" in other_browser.text
    assert client.head(landed, base_url="https://testserver").status_code == 405
    denied = sign_in(server, client, decision="deny")
    assert 'href="https://testserver/trakt/login?next=%2Fname"' in denied.text
    assert "Not signed in" in denied.text


def test_a_user_who_is_signed_in_and_opens_a_callback_again_is_sent_on(server, client):
    landed = visit(server, get(client, "/trakt/login?next=/name").location)
    assert get(client, landed).location == "/name"
    for path in (landed, "/trakt/callback"):  # a reload, and without a response from Trakt
        again = get(client, path)
        assert (again.status_code, again.location) == (303, "/home")
    assert server.ledger["rotations"] == server.ledger["replays"] == 0
    denied = sign_in(server, client, decision="deny")
    assert (denied.status_code, "Not signed in" in denied.text) == (400, False)
    assert "You are still signed in" in denied.text
    assert 'href="https://testserver/home"' in denied.text
    assert get(client, "/name").text == "sean"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_another_site_signs_no_user_out(server, client, headers):
    sign_in(server, client)
    assert post(client, "/trakt/logout", headers=headers).status_code == 403
    assert get(client, "/name").text == "sean"
    assert get(client, "/trakt/logout").status_code == 405


def test_a_user_signs_out_and_the_login_stays(server, client, login):
    sign_in(server, client)
    account = get(client, "/session").json["trakt_account"]
    assert post(client, "/trakt/logout", headers={"Origin": "https://testserver"}).location == "/home"
    assert get(client, "/session").json == {"trakt_last_account": account}
    assert login.web_login.trakt(account).status().state == "valid"


def test_a_sign_out_that_revokes_ends_the_login_at_trakt(server, client, login):
    login.revoke = True
    sign_in(server, client)
    account = get(client, "/session").json["trakt_account"]
    server.fail_next("/oauth/revoke", status=429)
    away = post(client, "/trakt/logout")
    assert (away.status_code, int(away.headers["Retry-After"]) > 0) == (503, True)
    assert "You are signed out of this application" in away.text
    assert get(client, "/name").status_code == 401
    assert login.web_login.trakt(account).status().state == "valid"
    assert post(client, "/trakt/logout").location == "/home"  # the page is reloaded
    assert login.web_login.trakt(account).status().state == "signed-out"
    assert get(client, "/session").json == {"trakt_last_account": account}
    assert post(client, "/trakt/logout").status_code == 303


def test_an_unconfirmed_revocation_is_completed_and_shown(server, client, login):
    login.revoke = True
    sign_in(server, client)
    server.fail_next("/oauth/revoke", drop="before")
    assert post(client, "/trakt/logout").status_code == 503
    done = post(client, "/trakt/logout")  # a refresh token that may be revoked is not sent again
    assert (done.status_code, "did not confirm" in done.text) == (200, True)
    assert (server.ledger["alive"]["access"], list(get(client, "/session").json)) == (0, ["trakt_last_account"])


def test_an_app_that_trakt_refuses_at_the_sign_out_is_reported(server, client, login):
    login.revoke = True
    sign_in(server, client)
    server.fail_next("/oauth/revoke", status=401, body={"error": "invalid_client"})
    refused = post(client, "/trakt/logout")
    assert (refused.status_code, "was not revoked" in refused.text) == (502, True)
    assert list(get(client, "/session").json) == ["trakt_last_account"]


def test_an_expired_token_is_refreshed_and_the_user_notices_nothing(server, client):
    sign_in(server, client)
    server.advance(days=8)
    assert [get(client, "/name").text for _ in range(3)] == ["sean"] * 3
    assert server.ledger["rotations"] == 1


def test_a_user_whose_login_was_revoked_signs_in_again(server, client, login):
    sign_in(server, client)
    end_login(server, login.web_login.trakt(get(client, "/session").json["trakt_account"]).token())
    assert get(client, "/name", headers=PAGE).location.startswith("/trakt/login?next=")
    assert list(get(client, "/session").json) == ["trakt_last_account"]
    sign_in(server, client)
    assert get(client, "/name").text == "sean"


def test_the_application_makes_its_own_user_when_one_has_signed_in(server, client, login):
    users = {}

    def keep(signed_in):
        users[signed_in.account] = signed_in.settings["user"]["name"]
        session["greeting"] = f"{signed_in.username} {login.trakt.status().username}"

    login.on_signed_in = keep
    sign_in(server, client)
    held = get(client, "/session").json
    assert (list(users), held["greeting"]) == ([held["trakt_account"]], "sean sean")


def test_the_application_can_refuse_a_user(server, client, login):
    login.on_signed_in = lambda signed_in: abort(403, f"{signed_in.username} is not invited")
    refused = sign_in(server, client)
    assert (refused.status_code, "sean is not invited" in refused.text) == (403, True)
    assert list(get(client, "/session").json) == ["trakt_last_account"]


def test_a_json_response_says_why_the_login_has_ended(server, client, login):
    sign_in(server, client)
    end_login(server, login.web_login.trakt(get(client, "/session").json["trakt_account"]).token())
    ended = get(client, "/name")
    assert (ended.status_code, ended.json["reason"]) == (401, "revoked")
    assert ended.json["detail"] == "The login with Trakt has ended (revoked): sign in again"


@pytest.mark.parametrize("is_signed_out", [False, True])
def test_another_user_inherits_nothing_of_the_session(server, application, client, is_signed_out):
    @application.post("/basket")
    def put():
        session["basket"] = 3
        return ""

    sign_in(server, client)
    post(client, "/basket")
    sign_in(server, client)
    assert get(client, "/session").json["basket"] == 3
    if is_signed_out:
        post(client, "/trakt/logout")
        assert get(client, "/session").json["basket"] == 3
    server.sign_in("lola")
    sign_in(server, client, username="lola")
    assert list(get(client, "/session").json) == ["trakt_account"]


def test_an_outage_is_a_503_and_the_user_stays_signed_in(server, client):
    sign_in(server, client)
    server.advance(days=8)
    server.fail_next("/oauth/token", status=503)
    away = get(client, "/name", headers=PAGE)
    assert (away.status_code, int(away.headers["Retry-After"]) > 0) == (503, True)
    assert "trakt_account" in get(client, "/session").json


def test_a_json_response_does_not_name_the_failed_database(server, application, client, caplog):
    @application.get("/away")
    def away():
        raise StoreFailed("postgresql://app@10.0.0.5/customers cannot be used: connection refused")

    response = get(client, "/away")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
    assert response.json == {"detail": "This application's storage is unavailable at the moment."}
    assert "postgresql://app@10.0.0.5/customers cannot be used: connection refused" in caplog.text


def test_a_user_disconnects_the_application(server, application, client, login):
    @application.post("/disconnect")
    def disconnect():
        return str(login.disconnect().revoked)

    sign_in(server, client)
    account = get(client, "/session").json["trakt_account"]
    server.fail_next("/oauth/revoke", status=429)
    assert post(client, "/disconnect").status_code == 503
    assert get(client, "/name").text == "sean"
    assert post(client, "/disconnect").text == "True"
    assert server.ledger["alive"] == {"access": 0, "refresh": 0}
    assert login.web_login.trakt(account).accounts() == []
    assert post(client, "/disconnect").status_code == 401
    sign_in(server, client)
    assert get(client, "/name").text == "sean"


def test_another_sites_page_cannot_sign_a_user_in_without_asking(server, client):
    asked = get(client, "/trakt/login?next=/name", headers={"Sec-Fetch-Site": "cross-site"})
    assert (asked.status_code, '<form method="post">' in asked.text) == (200, True)
    assert "Set-Cookie" not in asked.headers
    refused = post(client, "/trakt/login?next=/name", headers={"Sec-Fetch-Site": "cross-site"})
    assert (refused.status_code, "Set-Cookie" in refused.headers) == (403, False)
    begun = post(client, "/trakt/login?next=/name", headers={"Sec-Fetch-Site": "same-origin"})
    assert get(client, visit(server, begun.location)).location == "/name"


def test_an_application_behind_a_prefix_leads_to_its_own_root(application, client, login):
    login.after = None
    assert post(client, "/trakt/logout").location == "/"
    assert client.post("/trakt/logout", base_url="https://testserver/app").location == "/app/"


def test_a_session_on_the_server_gets_a_new_id_at_the_sign_in(server, application, client):
    class OnTheServer(SecureCookieSessionInterface):
        regenerated = 0

        def regenerate(self, _session):  # as Flask-Session has it
            self.regenerated += 1

    application.session_interface = OnTheServer()
    sign_in(server, client)
    assert application.session_interface.regenerated == 1


def test_an_application_without_sessions_is_reported_before_a_user_is_sent_to_trakt(application, client):
    application.secret_key = None
    application.testing = True
    with pytest.raises(TraktAuthError, match="secret key is missing") as missing:
        get(client, "/trakt/login")
    assert "application.secret_key" in missing.value.hint


@pytest.mark.parametrize(("prefix", "parent"), [("/auth", None), ("/trakt", "/users")])
def test_a_blueprint_elsewhere_than_the_redirect_address_is_refused(server, prefix, parent):
    login = TraktLogin(WebLogin(server.app, store="memory:", service=server.url), prefix)
    application = Flask(__name__)
    if parent is None:
        with pytest.raises(ValueError, match=f"the callback route is at {prefix}/callback"):
            application.register_blueprint(login)
        application.register_blueprint(login, url_prefix="/trakt", name="again")
    else:
        outer = Blueprint("outer", __name__, url_prefix=parent)
        outer.register_blueprint(login)
        with pytest.raises(ValueError, match="the callback route is at /users/trakt/callback"):
            application.register_blueprint(outer)


def test_an_async_web_login_is_refused(server):
    with pytest.raises(TypeError, match="needs WebLogin"):
        TraktLogin(AsyncWebLogin(server.app, store="memory:", service=server.url))
    assert server.app.redirect_uri == CALLBACK
