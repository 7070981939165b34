"""`traktauth.web.authlib`: Authlib calls the API with tokens that traktauth keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from authlib.integrations.flask_client import OAuth as FlaskOAuth
from authlib.integrations.starlette_client import OAuth as StarletteOAuth
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from support.web_users import visit
from traktauth import LoginRequired
from traktauth.web import AsyncWebLogin
from traktauth.web.authlib import trakt
from traktauth.web.starlette import TraktLogin


def test_starlette_calls_the_api_and_an_expired_token_is_refreshed_once(server):
    login = TraktLogin(AsyncWebLogin(server.app, store="memory:", service=server.url, clock=server.clock))
    oauth = StarletteOAuth()
    oauth.register("trakt", **trakt(login.web_login))

    @login.required
    async def name(request):
        response = await oauth.trakt.get("users/settings", request=request)
        return PlainTextResponse(response.json()["user"]["username"])

    application = Starlette(
        routes=[Mount("/trakt", routes=login.routes), Route("/name", name)],
        middleware=[Middleware(SessionMiddleware, secret_key="k" * 32)],
        lifespan=login.lifespan,
    )
    with TestClient(application, base_url="https://testserver", follow_redirects=False) as client:
        client.get(visit(server, client.get("/trakt/login").headers["location"]))
        assert client.get("/name").text == "sean"
        server.advance(days=8)
        assert client.get("/name").text == "sean"
        assert (server.ledger["rotations"], server.ledger["replays"]) == (1, 0)


def test_an_account_of_another_sign_in_is_not_used(server):
    login = TraktLogin(AsyncWebLogin(server.app, store="memory:", service=server.url))
    other = AsyncWebLogin(replace(server.app, client_id="d" * 64), store="memory:", service=server.url)
    oauth = StarletteOAuth()
    oauth.register("trakt", **trakt(login.web_login))
    oauth.register("other", **trakt(other))

    async def of(request):
        try:
            await oauth.create_client(request.path_params["name"]).get("users/settings", request=request)
        except LoginRequired as error:
            return PlainTextResponse(str(error.account))
        return PlainTextResponse("used")

    application = Starlette(
        routes=[Mount("/trakt", routes=login.routes), Route("/of/{name}", of)],
        middleware=[Middleware(SessionMiddleware, secret_key="k" * 32)],
    )
    client = TestClient(application, base_url="https://testserver", follow_redirects=False)
    client.get(visit(server, client.get("/trakt/login").headers["location"]))
    assert (client.get("/of/trakt").text, client.get("/of/other").text) == ("used", "None")


@pytest.mark.parametrize("url", ["https://evil.example/users/settings", "http://127.0.0.1:1/"])
def test_the_token_is_sent_to_the_api_alone(server, login, url):
    started = login.start()
    signed_in = login.finish({started.cookie_name: started.cookie_value}, visit(server, started.url))
    application = Flask(__name__)
    oauth = FlaskOAuth(application)
    oauth.register("trakt", **trakt(login, account=lambda: signed_in.account))
    with application.app_context():
        assert oauth.trakt.get("users/settings").json()["user"]["username"] == "sean"
        with pytest.raises(ValueError, match="it is not sent to"):
            oauth.trakt.get(url)


def test_authlib_gets_no_refresh_token(server, login):
    started = login.start()
    signed_in = login.finish({started.cookie_name: started.cookie_value}, visit(server, started.url))
    given = trakt(login, account=lambda: signed_in.account)["fetch_token"]()
    assert sorted(given) == ["access_token", "expires_at", "token_type"]
    assert given["access_token"] == login.trakt(signed_in.account).token().access_token


def test_a_missing_user_or_argument_is_an_error(login):
    with pytest.raises(LoginRequired):
        trakt(login, account=lambda: None)["fetch_token"]()
    with pytest.raises(TypeError, match="account="):
        trakt(login)["fetch_token"]()
    with pytest.raises(TypeError, match="needs WebLogin"):
        trakt("login")
