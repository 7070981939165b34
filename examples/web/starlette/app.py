"""A web application with Trakt sign-in, on Starlette."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route
from starlette.templating import Jinja2Templates

from traktauth.web import AsyncWebLogin
from traktauth.web.starlette import TraktLogin

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

login = TraktLogin(AsyncWebLogin.from_env())
templates = Jinja2Templates(Path(__file__).parent / "templates")


async def home(request: Request) -> Response:
    """Show the start page."""
    return templates.TemplateResponse(request, "home.html", {"account": login.account(request)})


@login.required
async def history(request: Request) -> Response:
    """Show what the user has watched."""
    trakt = login.trakt(request)
    watched = (await trakt.request("GET", "/sync/history")).json()
    status = await trakt.status()
    return templates.TemplateResponse(request, "history.html", {"username": status.username, "watched": watched})


app = Starlette(
    routes=[Route("/", home), Route("/history", history), Mount("/trakt", routes=login.routes)],
    middleware=[Middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", "change this"))],
    exception_handlers=login.exception_handlers,
    lifespan=login.lifespan,
)
