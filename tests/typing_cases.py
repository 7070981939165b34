"""What users' type checkers accept and refuse. Checked by mypy and never run: an error that is missing fails it too."""

from __future__ import annotations

import httpx
import httpx2
import requests

from traktauth import App, AsyncTrakt, Trakt


def clients_of_both_libraries(app: App) -> None:
    Trakt(app, http=httpx2.Client())
    Trakt(app, http=httpx.Client())
    AsyncTrakt(app, http=httpx2.AsyncClient())
    AsyncTrakt(app, http=httpx.AsyncClient())


def clients_of_another_kind(app: App) -> None:
    Trakt(app, http=httpx2.AsyncClient())  # type: ignore[arg-type] # it is async
    Trakt(app, http=requests.Session())  # type: ignore[arg-type] # an adapter takes it
    AsyncTrakt(app, http=httpx.Client())  # type: ignore[arg-type] # it is blocking
