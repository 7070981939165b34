"""A web application on Starlette that calls the API with Authlib, and signs in with traktauth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

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


async def home(request: Request) -> Response:
    """Show the start page."""
    return templates.TemplateResponse(request, "home.html", {"account": login.account(request)})


@login.required
async def history(request: Request) -> Response:
    """Show what the user has watched."""
    watched = (await oauth.trakt.get("sync/history", request=request)).json()
    user = (await oauth.trakt.get("users/settings", request=request)).json()["user"]
    return templates.TemplateResponse(request, "history.html", {"username": user["username"], "watched": watched})


app = Starlette(
    routes=[Route("/", home), Route("/history", history), Mount("/trakt", routes=login.routes)],
    middleware=[Middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", "change this"))],
    exception_handlers=login.exception_handlers,
    lifespan=login.lifespan,
)
