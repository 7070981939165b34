"""What users' type checkers accept and refuse. Checked by mypy and never run: an error that is missing fails it too."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import httpx
import httpx2
import requests
from fastapi import FastAPI
from starlette.applications import Starlette

from traktauth import App, AsyncTrakt, LoginRequired, Token, Trakt

if TYPE_CHECKING:
    from traktauth.testing import LocalTrakt
    from traktauth.web.starlette import TraktLogin


def clients_of_both_libraries(app: App) -> None:
    Trakt(app, http=httpx2.Client())
    Trakt(app, http=httpx.Client())
    AsyncTrakt(app, http=httpx2.AsyncClient())
    AsyncTrakt(app, http=httpx.AsyncClient())


def clients_of_another_kind(app: App) -> None:
    Trakt(app, http=httpx2.AsyncClient())  # type: ignore[arg-type] # it is async
    Trakt(app, http=requests.Session())  # type: ignore[arg-type] # an adapter takes it
    AsyncTrakt(app, http=httpx.Client())  # type: ignore[arg-type] # it is blocking


def exception_handlers_of_a_web_framework(login: TraktLogin) -> None:
    FastAPI(exception_handlers=login.exception_handlers)
    Starlette(exception_handlers=login.exception_handlers)


def a_refresh_token_that_may_be_missing(server: LocalTrakt, token: Token) -> None:
    server.expire("refresh", token.refresh_token)


def every_reason_of_a_required_login(error: LoginRequired) -> str:
    match error.reason:
        case "never" | "signed-out" | "moved":
            return "sign in"
        case "revoked" | "expired" | "reply-lost":
            return "sign in again"
        case _:
            assert_never(error.reason)
