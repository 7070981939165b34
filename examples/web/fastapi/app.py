"""An API with Trakt sign-in, on FastAPI; `/docs` lists its paths."""

from __future__ import annotations

import os
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware

from traktauth import AsyncTrakt
from traktauth.web import AsyncWebLogin
from traktauth.web.starlette import TraktLogin

login = TraktLogin(AsyncWebLogin.from_env())


app = FastAPI(title="My library", lifespan=login.lifespan, exception_handlers=login.exception_handlers)
app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", "change this"))
app.mount("/trakt", Starlette(routes=login.routes))


@app.get("/")
async def home(request: Request) -> dict[str, str | None]:
    """Return who is signed in, and where to sign in."""
    return {"account": login.account(request), "sign_in": login.paths.login}


@app.get("/history")
async def history(trakt: Annotated[AsyncTrakt, Depends(login.trakt)]) -> dict[str, Any]:
    """Return what the user has watched."""
    status = await trakt.status()
    return {"username": status.username, "watched": (await trakt.request("GET", "/sync/history")).json()}
