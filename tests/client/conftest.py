"""A strict Trakt, an app, and logins in stores of every age."""

from __future__ import annotations

import time

import pytest

from client.callers import CALLERS
from client.raw_server import RawServer
from client.strict_trakt import StrictTrakt
from traktauth import App, Token
from traktauth.models import LoginKey
from traktauth.models.changes import SaveToken
from traktauth.stores.open import open_store
from traktauth.testing import LocalTrakt


@pytest.fixture
def trakt_server():
    server = StrictTrakt()
    yield server
    server.close()


@pytest.fixture
def app():
    return App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")


@pytest.fixture
def address(tmp_path):
    return f"file:{tmp_path}/tokens.json"


@pytest.fixture
def login(trakt_server, app):
    return LoginKey(trakt_server.base, app.client_id, "default")


@pytest.fixture(params=CALLERS)
def caller(request):
    return CALLERS[request.param]


@pytest.fixture
def trakt(caller, trakt_server, app, address):
    with caller(app, service=trakt_server.base, store=address) as trakt:
        yield trakt


@pytest.fixture
def server():
    with LocalTrakt() as server:
        yield server


@pytest.fixture
def serve():
    """Return a function that starts a server, which answers each connection by a function."""
    made = []

    def make(answer):
        made.append(RawServer(answer))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def sign_in(trakt_server, app, address):
    """Put a login into a store, of an age: `left` seconds of `life`."""

    def put(store=None, *, account="default", life=3600, left=3000.0, refresh=True):
        pair = trakt_server.pair()
        token = Token(
            pair["access_token"],
            refresh_token=pair["refresh_token"] if refresh else None,
            expires_in=life,
            expires_at=time.time() + left,
            generation=1,
        )
        login = LoginKey(trakt_server.base, app.client_id, account)
        assert open_store(address if store is None else store).apply(
            login, SaveToken(token, after=0, at=time.time() - 1)
        )
        return token

    return put
