"""A local Trakt of the tests' own, and a web sign-in at it."""

from __future__ import annotations

import pytest

from support.web_users import web_trakt
from traktauth.web import WebLogin


@pytest.fixture(scope="session")
def _web_trakt():
    with web_trakt() as server:
        yield server


@pytest.fixture
def server(_web_trakt):
    """Get a local Trakt with the web application, without tokens."""
    _web_trakt.reset()
    return _web_trakt


@pytest.fixture
def login(server):
    """Get a web sign-in at the local Trakt, on its clock, in memory."""
    with WebLogin(server.app, store="memory:", service=server.url, clock=server.clock) as made:
        yield made


@pytest.fixture
def app(running):
    """The example program that a module's fixture `running` has started, at a fresh local Trakt."""
    running.trakt.reset()
    return running
