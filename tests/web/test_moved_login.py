"""A web application goes on with the store that its users' logins were moved to."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from support.web_users import visit
from traktauth import LoginMoved
from traktauth.models.changes import SetMoved
from traktauth.stores import open_store
from traktauth.stores.move import move
from traktauth.web import AsyncWebLogin, WebLogin, flask, starlette

PAGE = {"Accept": "text/html"}


class Blocking:
    """`WebLogin`, and `AsyncWebLogin` under the same verbs."""

    def __init__(self, server, store):
        self.server = server
        self.login = WebLogin(server.app, store=store, service=server.url, clock=server.clock)

    def run(self, value):
        return value

    def sign_in(self):
        started = self.login.start()
        cookies = {started.cookie_name: started.cookie_value}
        return self.run(self.login.finish(cookies, visit(self.server, started.url))).account

    def token(self, account):
        return self.run(self.login.trakt(account).token())

    def close(self):
        self.run(self.login.close())


class Async(Blocking):
    def __init__(self, server, store):
        self.server, self.runner = server, asyncio.Runner()
        self.login = AsyncWebLogin(server.app, store=store, service=server.url, clock=server.clock)

    def run(self, value):
        async def wait():
            return await value

        return self.runner.run(wait())

    def close(self):
        super().close()
        self.runner.close()


@pytest.fixture
def places(tmp_path):
    return [f"file:{tmp_path}/logins.json", f"sqlite:{tmp_path}/logins.db"]


@pytest.fixture(params=[Blocking, Async])
def application(request, server, places):
    with closing(request.param(server, places[0])) as made:
        yield made


def move_all(source, target):
    with closing(open_store(source)) as old, closing(open_store(target)) as new:
        assert {moved.outcome.name for moved in move(old, new)} == {"MOVED"}


def tokens(place):
    with closing(open_store(place)) as store:
        return [store.load(login).token for login in store.list_logins()]


def test_a_user_goes_on_after_a_move(application, places, server):
    account = application.sign_in()
    move_all(*places)
    server.advance(days=8)
    assert application.token(account) == application.token(account)
    assert server.ledger["rotations"] == 1
    assert tokens(places[1]) == [application.token(account)]


def test_a_user_who_signs_in_again_after_a_move_has_one_login_in_the_new_store(application, places):
    account = application.sign_in()
    move_all(*places)
    assert application.sign_in() == account
    assert tokens(places[0]) == [None]
    assert tokens(places[1]) == [application.token(account)]
    assert application.token(account).generation == 2


def test_a_sign_in_of_a_user_whose_store_cannot_be_opened_fails_as_an_outage(application, places):
    account = application.sign_in()
    lose(application.login, places[0], account)
    with pytest.raises(Exception, match="was moved to") as failed:
        application.sign_in()
    assert failed.value.cause == "busy"
    with pytest.raises(LoginMoved):
        application.token(account)


# ---------------------------------------------------------------- pages
def lose(login, place, account):
    """Move a login to a store that cannot be opened."""
    with closing(open_store(place)) as store:
        key = login.trakt(account).config.key
        assert store.apply(key, SetMoved(store.load(key).generation, "sealed+sqlite:/nowhere.db"))


def flask_site(server, place):
    web_login = WebLogin(server.app, store=place, service=server.url, clock=server.clock)
    login = flask.TraktLogin(web_login)
    site = Flask(__name__)
    site.secret_key = "k" * 32
    site.register_blueprint(login)
    site.add_url_rule("/name", "name", lambda: login.trakt.token().access_token)
    client = site.test_client()
    get = lambda path, **more: client.get(path, base_url="https://testserver", **more)  # noqa: E731 - short
    return web_login, get, lambda response: (response.status_code, dict(response.headers))


def starlette_site(server, place):
    web_login = AsyncWebLogin(server.app, store=place, service=server.url, clock=server.clock)
    login = starlette.TraktLogin(web_login)

    async def name(request):
        return PlainTextResponse((await login.trakt(request).token()).access_token)

    site = Starlette(
        routes=[Mount("/trakt", routes=login.routes), Route("/name", name)],
        middleware=[Middleware(SessionMiddleware, secret_key="k" * 32)],
        exception_handlers=login.exception_handlers,
    )
    client = TestClient(site, base_url="https://testserver", follow_redirects=False)
    return web_login, client.get, lambda response: (response.status_code, dict(response.headers))


@pytest.mark.parametrize("make", [flask_site, starlette_site])
def test_a_page_is_a_503_and_the_session_stays_if_the_store_cannot_be_opened(server, places, make, monkeypatch):
    monkeypatch.delenv("TRAKTAUTH_SEAL_KEY", raising=False)
    web_login, get, read = make(server, places[0])
    _, fields = read(get("/trakt/login?next=/name"))
    get(visit(server, fields.get("location") or fields["Location"]))
    assert read(get("/name"))[0] == 200
    with closing(open_store(places[0])) as store:
        (key,) = store.list_logins()
    lose(web_login, places[0], key.account)
    for headers in ({}, PAGE):
        status, fields = read(get("/name", headers=headers))
        assert (status, "Retry-After" in fields or "retry-after" in fields) == (503, True)
    assert read(get("/name", headers=PAGE))[0] == 503, "and not a redirect to the sign-in"
