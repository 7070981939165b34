"""`LocalTrakt`: what it says before it runs, and of what it cannot do."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect

import pytest

from traktauth import AsyncTrakt
from traktauth.protocol import OUT_OF_BAND
from traktauth.server.settings import Settings
from traktauth.testing import LocalTrakt


@pytest.mark.parametrize(
    "use",
    [
        lambda server: server.app,
        lambda server: server.sign_in("sean"),
        lambda server: server.ledger,
        lambda server: server.clock,
        lambda server: server.advance(days=1),
        lambda server: server.authorize(username="sean"),
    ],
)
def test_what_has_not_been_started_says_so(use):
    with pytest.raises(RuntimeError, match="has not been started"):
        use(LocalTrakt())


def test_invalid_arguments_are_value_errors():
    with LocalTrakt() as server:
        for use in (
            lambda: server.authorize(username=5),
            lambda: server.authorize(username="sean", via="nowhere"),
            lambda: server.sign_in("sean", client_id="unknown"),
            lambda: server.fail_next("/x", delay=-1),
        ):
            with pytest.raises(ValueError, match=r"username|via|client_id|delay"):
                use()


def test_an_app_without_an_address_signs_in_out_of_band():
    with LocalTrakt(seed={"apps": [{"client_id": "a", "client_secret": "s", "redirect_uris": []}]}) as server:
        assert server.app.redirect_uri == OUT_OF_BAND


def test_a_server_without_apps_says_so():
    with LocalTrakt(seed={}) as server:
        for use in (lambda: server.app, lambda: server.sign_in("sean")):
            with pytest.raises(ValueError, match="no app: seed one"):
                use()


def test_a_user_is_signed_in_at_an_async_client_too():
    async def use(server):
        async with AsyncTrakt(server.app, service=server.url, store="memory:", clock=server.clock) as trakt:
            token = await server.sign_in_at(trakt, "sean")
            assert (await trakt.token()).access_token == token.access_token
            again = await server.sign_in_at(trakt, "mary")
            assert again.generation == token.generation + 1

    with LocalTrakt() as server:
        asyncio.run(use(server))


def test_every_setting_can_be_set():
    values = inspect.signature(LocalTrakt).parameters
    assert set(values) == {each.name for each in dataclasses.fields(Settings)}


def test_a_misspelt_setting_is_refused_when_the_object_is_made():
    with pytest.raises(TypeError, match="acess_life"):
        LocalTrakt(acess_life=5)
