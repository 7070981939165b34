"""One application on Starlette, Flask and Django, and a browser's view of it that is the same for all three.

Its routes: `/name`, `/write`, `/of/ACCOUNT` (the name of another user) and `/disconnect` need a login, `/session` shows
the session, `/basket` writes to it.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

from flask import Flask, jsonify, session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from support.django_project import configure, trakt_settings
from traktauth.models.changes import SetMoved
from traktauth.web import AsyncWebLogin, WebLogin
from traktauth.web import flask as for_flask
from traktauth.web.starlette import TraktLogin

configure()

from django.test import Client, override_settings  # noqa: E402 - once Django is configured

from traktauth.web.django import web_login as django_login  # noqa: E402 - the same
from traktauth.web.django.models import LoginRecord  # noqa: E402 - the same

BASE = "https://testserver"


class Page(NamedTuple):
    """A response; the names of its header fields are in lower case."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def location(self) -> str | None:
        return self.headers.get("location")

    def json(self) -> Any:
        return json.loads(self.text)


class Site:
    """The application; `browser()` opens a browser with nothing in it."""

    def __init__(self, server, until_the_end):
        self.server, self.until_the_end = server, until_the_end

    def revoke_at_sign_out(self):
        self.login.sign_in.revoke = True

    def token(self, account):
        return self.web_login.trakt(account).token()

    def state(self, account):
        return self.web_login.trakt(account).status().state

    def accounts(self, account):
        return self.web_login.trakt(account).accounts()

    def move_out_of_reach(self, account):
        """Move a login to a store that cannot be opened."""
        trakt = self.web_login.trakt(account)
        assert trakt.store.apply(trakt.config.key, out_of_reach(trakt.store.load(trakt.config.key)))


def out_of_reach(record):
    return SetMoved(record.generation, "sealed+sqlite:/nowhere.db")


class StarletteSite(Site):
    def __init__(self, server, until_the_end):
        super().__init__(server, until_the_end)
        self.web_login = AsyncWebLogin(server.app, store="memory:", service=server.url, clock=server.clock)
        self.login = TraktLogin(self.web_login, after="/home")
        login = self.login

        @login.required
        async def name(request):
            response = await login.trakt(request).request("GET", "/users/settings")
            return PlainTextResponse(response.json()["user"]["username"])

        @login.required
        async def name_of(request):
            trakt = self.web_login.trakt(request.path_params["account"])
            return PlainTextResponse((await trakt.request("GET", "/users/settings")).json()["user"]["username"])

        async def show_session(request):
            return JSONResponse(dict(request.session))

        async def basket(request):
            request.session["basket"] = 3
            return PlainTextResponse("")

        @login.required
        async def disconnect(request):
            return PlainTextResponse(str((await login.disconnect(request)).revoked))

        routes = [
            Mount("/trakt", routes=login.routes),
            Route("/basket", basket, methods=["POST"]),
            Route("/disconnect", disconnect, methods=["POST"]),
            Route("/name", name),
            Route("/of/{account}", name_of),
            Route("/session", show_session),
            Route("/write", name, methods=["POST"]),
        ]
        sessions = Middleware(SessionMiddleware, secret_key="k" * 32, https_only=True)
        self.application = Starlette(
            routes=routes,
            middleware=[sessions],
            exception_handlers=login.exception_handlers,
            lifespan=login.lifespan,
        )
        until_the_end.enter_context(TestClient(self.application))  # which runs the lifespan

    def browser(self):
        client = TestClient(self.application, base_url=BASE, follow_redirects=False)

        def send(method, path, headers):
            response = client.request(method, path, headers=headers)
            return Page(response.status_code, response.text, dict(response.headers))

        return send

    def token(self, account):
        return asyncio.run(self.web_login.trakt(account).token())

    def state(self, account):
        return asyncio.run(self.web_login.trakt(account).status()).state

    def accounts(self, account):
        return asyncio.run(self.web_login.trakt(account).accounts())


class FlaskSite(Site):
    def __init__(self, server, until_the_end):
        super().__init__(server, until_the_end)
        self.web_login = until_the_end.enter_context(
            WebLogin(server.app, store="memory:", service=server.url, clock=server.clock)
        )
        self.login = login = for_flask.TraktLogin(self.web_login, after="/home")
        self.application = Flask(__name__)
        self.application.secret_key = "k" * 32
        self.application.testing = True  # exceptions propagate
        self.application.register_blueprint(login)

        @login.required
        def name():
            return login.trakt.request("GET", "/users/settings").json()["user"]["username"]

        @login.required
        def name_of(account):
            return self.web_login.trakt(account).request("GET", "/users/settings").json()["user"]["username"]

        def basket():
            session["basket"] = 3
            return ""

        @login.required
        def disconnect():
            return str(login.disconnect().revoked)

        self.application.add_url_rule("/name", view_func=name)
        self.application.add_url_rule("/of/<account>", view_func=name_of)
        self.application.add_url_rule("/session", "session", lambda: jsonify(dict(session)))
        self.application.add_url_rule("/basket", view_func=basket, methods=["POST"])
        self.application.add_url_rule("/disconnect", view_func=disconnect, methods=["POST"])
        self.application.add_url_rule("/write", "write", name, methods=["POST"])

    def browser(self):
        client = self.application.test_client()

        def send(method, path, headers):
            response = client.open(path, method=method, base_url=BASE, headers=headers)
            return Page(response.status_code, response.text, {k.lower(): v for k, v in response.headers.items()})

        return send


class DjangoSite(Site):
    def __init__(self, server, until_the_end):
        super().__init__(server, until_the_end)
        until_the_end.enter_context(override_settings(TRAKTAUTH=trakt_settings(server, AFTER="/home")))
        until_the_end.callback(lambda: LoginRecord.objects.all().delete())

    def revoke_at_sign_out(self):
        settings = trakt_settings(self.server, AFTER="/home", REVOKE=True)
        self.until_the_end.enter_context(override_settings(TRAKTAUTH=settings))

    @property
    def web_login(self):
        return django_login()

    def browser(self):
        client = Client()

        def send(method, path, headers):
            response = client.generic(method, path, secure=True, headers=headers)
            headers = {name.lower(): value for name, value in response.items()}
            for name, morsel in list(response.cookies.items()):
                headers["set-cookie"] = headers.get("set-cookie", "") + morsel.OutputString()
                if morsel["max-age"] == 0:
                    del client.cookies[name]  # as a browser does
            return Page(response.status_code, response.content.decode(), headers)

        return send


SITES = {"starlette": StarletteSite, "flask": FlaskSite, "django": DjangoSite}
