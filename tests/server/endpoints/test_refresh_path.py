"""A refresh is followed through few modules of the server, so that it can be read."""

from __future__ import annotations

import asyncio
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from server.conftest import SEED
from support import asgi
from traktauth.server import __file__ as package
from traktauth.server.app import build
from traktauth.server.config.settings import Settings

AT_MOST = 20
HTTP_SERVER = 1  # traktauth.server.process.http_server, which reads the request off the socket
FOLDER = str(Path(package).parent)


def post(built, path, **members):
    return asyncio.run(asgi.post(built.application, path, **members))


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_a_refresh_crosses_few_modules(tmp_path, profile):
    modules = set()
    is_watched = False

    def note(frame, event, _):
        if is_watched and event == "call" and frame.f_code.co_filename.startswith(FOLDER):
            modules.add(frame.f_code.co_filename.removeprefix(FOLDER))

    settings = Settings(database=f"sqlite:{tmp_path / 'db'}", profile=profile, control=True, seed=SEED)
    threading.setprofile(note)  # for the thread that writes
    try:
        built = build(settings, "http://127.0.0.1")
        _, made = post(built, "/_control/tokens", client_id="first-app", username="sean", count=1)
        refresh = partial(
            post,
            built,
            "/oauth/token",
            grant_type="refresh_token",
            client_id="first-app",
            client_secret="first-secret",
        )
        _, made = refresh(refresh_token=made["tokens"][0]["refresh_token"])  # what is cached is there from now on
        sys.setprofile(note)
        is_watched = True
        status, _ = refresh(refresh_token=made["refresh_token"])
    finally:
        is_watched = False
        sys.setprofile(None)
        threading.setprofile(None)
    built.close()
    assert status == 200
    assert len(modules) + HTTP_SERVER <= AT_MOST, sorted(modules)
