"""A web application and API with Trakt sign-in, on FastAPI; `/docs` lists its paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware

from traktauth import AsyncTrakt
from traktauth.web import AsyncWebLogin
from traktauth.web.starlette import TraktLogin

login = TraktLogin(AsyncWebLogin.from_env())
templates = Jinja2Templates(Path(__file__).parent / "templates")
UserTrakt = Annotated[AsyncTrakt, Depends(login.trakt)]

app = FastAPI(title="My library", lifespan=login.lifespan, exception_handlers=login.exception_handlers)
app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", "change this"))
app.mount("/trakt", Starlette(routes=login.routes))


@app.get("/", response_class=HTMLResponse)
async def home(request: Request) -> Response:
    """Show the start page."""
    return templates.TemplateResponse(request, "home.html", {"account": login.account(request)})


@app.get("/history", response_class=HTMLResponse)
async def history(request: Request, trakt: UserTrakt) -> Response:
    """Show what the user has watched."""
    watched = (await trakt.request("GET", "/sync/history")).json()
    status = await trakt.status()
    return templates.TemplateResponse(request, "history.html", {"username": status.username, "watched": watched})


@app.get("/api/history")
async def api_history(trakt: UserTrakt) -> list[dict[str, Any]]:
    """Return what the user has watched; 401 if no user is signed in."""
    watched: list[dict[str, Any]] = (await trakt.request("GET", "/sync/history")).json()
    return watched
