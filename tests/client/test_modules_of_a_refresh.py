"""A refresh is read in few modules: those that one `Trakt.token()` runs through, without the store's own."""

from __future__ import annotations

import sys
import threading
import time

import httpx2

from traktauth import App, Token, Trakt

PACKAGES = ("traktauth.client", "traktauth.flow", "traktauth.models", "traktauth.wire")
MOST = 16


def respond(_request):
    members = {"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 604800, "created_at": 1}
    return httpx2.Response(200, json=members)


def test_a_refresh_runs_through_few_modules():
    entered = set()

    def note(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_name != "<module>" and not code.co_filename.startswith("<"):
            entered.add(frame.f_globals.get("__name__", ""))

    app = App("client-id", client_secret="secret", redirect_uri="http://127.0.0.1:9876/callback")
    with (
        httpx2.Client(transport=httpx2.MockTransport(respond)) as http,
        Trakt(app, store="memory:", http=http) as trakt,
    ):
        expired = Token("access", "refresh", expires_in=86400, expires_at=time.time() - 60)
        trakt.adopt(expired)
        refreshed = trakt.refresh()  # what is imported and made on first use is there from here on
        trakt.adopt(expired, replace=True)
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            token = trakt.token()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    assert token.access_token == refreshed.access_token
    modules = sorted(name for name in entered if name.startswith(PACKAGES))
    assert len(modules) <= MOST, modules
