"""A web application on Starlette that calls the API with Authlib, and signs in with traktauth."""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authlib.integrations.starlette_client import OAuth
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route
from starlette.templating import Jinja2Templates

from traktauth.web import AsyncWebLogin
from traktauth.web.authlib import trakt
from traktauth.web.starlette import TraktLogin

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

login = TraktLogin(AsyncWebLogin.from_env())
oauth = OAuth()
oauth.register("trakt", **trakt(login.web_login))
templates = Jinja2Templates(Path(__file__).parent / "templates")


async def get(request: Request, path: str) -> Any:  # noqa: ANN401 - JSON
    """Call the API with Authlib; after a 401 once more with traktauth, which refreshes, or finds the login ended."""
    response = await oauth.trakt.get(path, request=request)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response = await login.trakt(request).request("GET", f"/{path}")
    return response.raise_for_status().json()


async def home(request: Request) -> Response:
    """Show the start page."""
    return templates.TemplateResponse(request, "home.html", {"account": login.account(request)})


@login.required
async def history(request: Request) -> Response:
    """Show what the user has watched."""
    watched, user = await get(request, "sync/history"), (await get(request, "users/settings"))["user"]
    return templates.TemplateResponse(request, "history.html", {"username": user["username"], "watched": watched})


app = Starlette(
    routes=[Route("/", home), Route("/history", history), Mount("/trakt", routes=login.routes)],
    middleware=[Middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", "change this"))],
    exception_handlers=login.exception_handlers,
    lifespan=login.lifespan,
)
