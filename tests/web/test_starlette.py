"""`traktauth.web.starlette` under Starlette and FastAPI, with their test clients."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import starsessions
from fastapi import Depends, FastAPI, Request
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from support.web_users import STAFF, visit
from traktauth import App, AsyncTrakt
from traktauth.errors import AppInvalid, StoreFailed, TraktAuthError
from traktauth.web import AsyncWebLogin, WebLogin
from traktauth.web.paths import LoginPaths
from traktauth.web.starlette import TraktLogin

SESSIONS = Middleware(SessionMiddleware, secret_key="k" * 32, https_only=True)


@pytest.fixture
def web_login(server):
    return AsyncWebLogin(server.app, store="memory:", service=server.url, clock=server.clock)


@pytest.fixture
def login(web_login):
    return TraktLogin(web_login, after="/home")


@pytest.fixture
def client(login):
    @login.required
    async def name(request):
        response = await login.trakt(request).request("GET", "/users/settings")
        return PlainTextResponse(response.json()["user"]["username"])

    @login.required
    def plain(request):
        return PlainTextResponse(login.account(request))

    async def session(request):
        return JSONResponse(dict(request.session))

    routes = [
        Mount("/trakt", routes=login.routes),
        Route("/name", name),
        Route("/plain", plain),
        Route("/session", session),
    ]
    application = Starlette(
        routes=routes,
        middleware=[SESSIONS],
        exception_handlers=login.exception_handlers,
        lifespan=login.lifespan,
    )
    with new_client(application) as client:
        yield client


def new_client(application):
    return TestClient(application, base_url="https://testserver", follow_redirects=False)


PAGE = {"Accept": "text/html"}


def sign_in(server, client, path="/trakt/login?next=/name", **user):
    begun = client.get(path)
    assert begun.status_code == 303
    return client.get(visit(server, begun.headers["location"], **user))


def test_a_used_code_whose_cookie_is_still_there_is_a_failure_and_the_user_stays_signed_in(server, client):
    """As if the browser had not received the first response: it may be a sign-in with another account."""
    sign_in(server, client)
    begun = client.get("/trakt/login?next=/name").headers["location"]
    kept = {name: value for name, value in client.cookies.items() if "traktauth" in name}
    landed = visit(server, begun)
    client.get(landed)
    client.cookies.update(kept)
    again = client.get(landed)
    assert (again.status_code, again.headers.get("location")) == (400, None)
    for text in ("it was used before, or has expired", "You are still signed in", "Continue", "Sign in again"):
        assert text in again.text
    assert [name for name in kept if f'{name}=""' not in again.headers["set-cookie"]] == []
    assert client.get("/name").text == "sean"


def test_a_cookie_with_a_blank_before_its_name_is_another_cookie(server, client):
    """A sibling host can set it, for the whole domain; browsers protect only the exact prefix `__Host-`."""
    attacker = new_client(client.app)
    landed = visit(server, attacker.get("/trakt/login").headers["location"])
    [(name, value)] = attacker.cookies.items()
    header = (b"cookie", f"\xa0{name}={value}".encode("latin-1"))

    async def with_planted_cookie(scope, receive, send):
        await client.app({**scope, "headers": [*scope.get("headers", []), header]}, receive, send)

    planted = new_client(with_planted_cookie).get(landed)
    assert (planted.status_code, "did not begin this sign-in" in planted.text) == (400, True)
    assert attacker.get(landed).status_code == 303


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
def test_the_applications_own_links_lead_to_trakt_at_once(client, site):
    assert client.get("/trakt/login", headers={"Sec-Fetch-Site": site}).status_code == 303


def test_abandoned_sign_ins_with_long_addresses_leave_room_for_other_cookies(client):
    """Servers refuse a header of some 8,000 characters, and then every page of the site."""
    for _ in range(12):
        client.get("/trakt/login", params={"next": "/" + "a" * 499})
    assert sum(len(name) + len(value) for name, value in client.cookies.items()) < 4000


def test_a_session_on_the_server_gets_a_new_id_at_the_sign_in(server, login):
    """Or an attacker who has planted its id in the browser would be signed in as its user."""

    async def session(request):
        request.session["visits"] = request.session.get("visits", 0) + 1
        return JSONResponse(dict(request.session))

    sessions = [
        Middleware(starsessions.SessionMiddleware, store=starsessions.InMemoryStore(), cookie_path="/"),
        Middleware(starsessions.SessionAutoloadMiddleware),
    ]
    routes = [Mount("/trakt", routes=login.routes), Route("/session", session)]
    client = new_client(Starlette(routes=routes, middleware=sessions, lifespan=login.lifespan))
    client.get("/session")
    planted = client.cookies["session"]
    sign_in(server, client)
    assert list(client.get("/session").json()) == ["visits", "trakt_account"]
    attacker = new_client(client.app)
    attacker.cookies.set("session", planted)
    assert list(attacker.get("/session").json()) == ["visits"]
    former = client.cookies["session"]
    sign_in(server, client)
    attacker.cookies.clear()
    attacker.cookies.set("session", former)
    assert list(attacker.get("/session").json()) == ["visits"], "nothing stays under an id of before"


def test_a_user_of_one_sign_in_is_not_signed_in_at_another(server, client):
    async def refuse(_request, signed_in):
        raise HTTPException(403, f"{signed_in.username} is not of the staff")

    app = replace(server.app, redirect_uri=STAFF)
    staff = TraktLogin(AsyncWebLogin(app, store="memory:", service=server.url), revoke=True, on_signed_in=refuse)
    client.app.mount("/staff", Starlette(routes=staff.routes))
    client.app.add_route("/report", staff.required(raising(AssertionError("not of the staff"))))
    sign_in(server, client)
    assert client.get("/report").status_code == 401
    assert sign_in(server, client, "/staff/login").status_code == 403
    assert client.get("/report").status_code == 401
    assert client.post("/staff/logout").status_code == 303
    assert (client.get("/name").text, server.ledger["alive"]["access"]) == ("sean", 2)


@pytest.mark.parametrize("is_async", [True, False])
def test_the_application_makes_its_own_user_when_one_has_signed_in(server, client, login, is_async):
    users = {}

    def keep(request, signed_in):
        users[login.account(request)] = signed_in.username

    async def keep_async(request, signed_in):
        await asyncio.sleep(0)
        keep(request, signed_in)

    login.on_signed_in = keep_async if is_async else keep
    sign_in(server, client)
    assert users == {client.get("/plain").text: "sean"}


def test_the_application_can_refuse_a_user(server, client, login):
    def refuse(request, signed_in):
        raise HTTPException(403, f"{signed_in.username} is not invited")

    login.on_signed_in = refuse
    refused = sign_in(server, client)
    assert (refused.status_code, refused.text) == (403, "sean is not invited")
    assert list(client.get("/session").json()) == ["trakt_last_account"]


def test_a_json_response_does_not_name_the_failed_database(server, client, caplog):
    sign_in(server, client)
    error = StoreFailed("postgresql://app@10.0.0.5/customers cannot be used: connection refused")
    client.app.add_route("/away", raising(error))
    away = client.get("/away")
    assert (away.status_code, away.headers["retry-after"]) == (503, "30")
    assert away.json() == {"detail": "This application's storage is unavailable at the moment."}
    assert "postgresql://app@10.0.0.5/customers cannot be used: connection refused" in caplog.text


def raising(error):
    async def endpoint(request):
        raise error

    return endpoint


def test_an_application_behind_a_prefix_leads_to_its_own_root(server, login):
    login.sign_in.after = None
    application = Starlette(routes=[Mount("/trakt", routes=login.routes)], middleware=[SESSIONS])
    client = TestClient(application, "https://testserver", root_path="/app", follow_redirects=False)
    login.sign_in.paths = LoginPaths("https://testserver/app/trakt/callback")
    assert client.post("/app/trakt/logout").headers["location"] == "/app/"
    client = TestClient(application, "https://testserver", follow_redirects=False)
    assert client.post("/trakt/logout").headers["location"] == "/"


def test_an_application_without_sessions_is_reported_before_a_user_is_sent_to_trakt(login):
    with pytest.raises(TraktAuthError, match="SessionMiddleware is missing") as missing:
        new_client(Starlette(routes=[Mount("/trakt", routes=login.routes)])).get("/trakt/login")
    assert "Middleware(SessionMiddleware" in missing.value.hint


def test_routes_elsewhere_than_the_redirect_address_are_reported_before_a_user_is_sent_to_trakt(login):
    application = Starlette(routes=[Mount("/auth", routes=login.routes)], middleware=[SESSIONS])
    with pytest.raises(AppInvalid, match="the callback route is at /auth/callback"):
        new_client(application).get("/auth/login")


def test_a_blocking_web_login_and_an_address_without_callback_are_refused(server):
    with pytest.raises(TypeError, match="needs AsyncWebLogin"):
        TraktLogin(WebLogin(server.app, store="memory:", service=server.url))
    app = App("c" * 64, client_secret="s" * 64, redirect_uri="https://testserver/elsewhere")
    with pytest.raises(ValueError, match="callback route"):
        TraktLogin(AsyncWebLogin(app, store="memory:", service=server.url))


# ---------------------------------------------------------------- FastAPI
@pytest.fixture
def fastapi(login):
    application = FastAPI(exception_handlers=login.exception_handlers, lifespan=login.lifespan)
    application.add_middleware(SessionMiddleware, secret_key="k" * 32)
    application.mount("/trakt", Starlette(routes=login.routes))

    @application.get("/name")
    async def name(trakt: AsyncTrakt = Depends(login.trakt)):  # noqa: B008, FAST002 - annotations know only globals
        return (await trakt.request("GET", "/users/settings")).json()["user"]["username"]

    @application.post("/write")
    async def write(trakt: AsyncTrakt = Depends(login.trakt)):  # noqa: B008, FAST002 - the same
        return trakt.account

    @application.get("/account")
    async def account(request: Request):
        return login.account(request)

    with new_client(application) as client:
        yield client


def test_fastapi_injects_the_users_trakt(server, fastapi):
    assert fastapi.get("/name").status_code == 401
    assert fastapi.get("/name").json() == {"detail": "No user is signed in with Trakt"}
    page = fastapi.get("/name", headers=PAGE)
    assert (page.status_code, page.headers["location"]) == (303, "/trakt/login?next=%2Fname")
    form = fastapi.post("/write", headers=PAGE)
    assert (form.status_code, form.headers["content-type"]) == (401, "text/html; charset=utf-8")
    sign_in(server, fastapi)
    assert fastapi.get("/name").json() == "sean"
