"""`traktauth.web.flask` with Flask's test client."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Blueprint, Flask, abort, jsonify, session
from flask.sessions import SecureCookieSessionInterface

from support.web_users import CALLBACK, STAFF, end_login, visit
from traktauth.errors import TraktAuthError
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

    @made.get("/unguarded")
    def unguarded():
        return login.trakt.status().username

    @made.get("/session")
    def shown():
        return jsonify(dict(session))

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


def test_a_view_without_the_decorator_sends_to_the_sign_in_too(client):
    assert get(client, "/unguarded", headers=PAGE).location == "/trakt/login?next=%2Funguarded"
    assert get(client, "/unguarded").json == {"detail": "No user is signed in with Trakt"}


def test_an_unconfirmed_revocation_is_completed_and_shown(server, client, login):
    login.sign_in.revoke = True
    sign_in(server, client)
    server.fail_next("/oauth/revoke", drop="before")
    assert post(client, "/trakt/logout").status_code == 503
    done = post(client, "/trakt/logout")  # a refresh token that may be revoked is not sent again
    assert (done.status_code, "did not confirm" in done.text) == (200, True)
    assert (server.ledger["alive"]["access"], list(get(client, "/session").json)) == (0, ["trakt_last_account"])


def test_an_app_that_trakt_refuses_at_the_sign_out_is_reported(server, client, login):
    login.sign_in.revoke = True
    sign_in(server, client)
    server.fail_next("/oauth/revoke", status=401, body={"error": "invalid_client"})
    refused = post(client, "/trakt/logout")
    assert (refused.status_code, "was not revoked" in refused.text) == (502, True)
    assert list(get(client, "/session").json) == ["trakt_last_account"]


def name_of(trakt):
    return trakt.request("GET", "/users/settings").json()["user"]["username"]


def test_a_user_of_one_sign_in_is_not_signed_in_at_another(server, application, client, login):
    web_login = WebLogin(replace(server.app, redirect_uri=STAFF), store="memory:", service=server.url)
    staff = TraktLogin(web_login, "/staff", revoke=True, on_signed_in=lambda _: abort(403))
    application.register_blueprint(staff, name="staff")
    application.add_url_rule("/report", "report", staff.required(lambda: "for the staff"))
    application.add_url_rule("/name", "name", login.required(lambda: name_of(login.trakt)))
    sign_in(server, client)
    assert get(client, "/report").status_code == 401
    assert sign_in(server, client, "/staff/login").status_code == 403
    assert get(client, "/report").status_code == 401
    assert post(client, "/staff/logout").status_code == 303
    assert (get(client, "/name").text, server.ledger["alive"]["access"]) == ("sean", 2)
    [account] = get(client, "/session").json["trakt_account"].values()
    end_login(server, login.web_login.trakt(account).token())
    assert get(client, "/name", headers=PAGE).location == "/trakt/login?next=%2Fname"


def test_the_application_makes_its_own_user_when_one_has_signed_in(server, client, login):
    users = {}

    def keep(signed_in):
        users[signed_in.account] = signed_in.settings["user"]["name"]
        session["greeting"] = f"{signed_in.username} {login.trakt.status().username}"

    login.on_signed_in = keep
    sign_in(server, client)
    held = get(client, "/session").json
    assert (list(users), held["greeting"]) == (list(held["trakt_account"].values()), "sean sean")


def test_the_application_can_refuse_a_user(server, client, login):
    login.on_signed_in = lambda signed_in: abort(403, f"{signed_in.username} is not invited")
    refused = sign_in(server, client)
    assert (refused.status_code, "sean is not invited" in refused.text) == (403, True)
    assert list(get(client, "/session").json) == ["trakt_last_account"]


def test_an_application_behind_a_prefix_leads_to_its_own_root(application, client, login):
    login.sign_in.after = None
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
