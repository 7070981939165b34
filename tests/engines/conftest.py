"""Everything that answers as Trakt does: real engines in each of their modes, and the local Trakt in both profiles."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from traktauth import AsyncAuthenticationOAuthApi, AuthenticationOAuthApi

PEERS = {
    "better-auth": lambda request: request.getfixturevalue("start_better_auth_with")(INTERVAL="1"),
    "doorkeeper": lambda request: request.getfixturevalue("start_doorkeeper_with")(ROTATION="until-used"),
    "doorkeeper-once": lambda request: request.getfixturevalue("start_doorkeeper_with")(ROTATION="once"),
    "local-current": lambda request: request.getfixturevalue("local_trakt")("current"),
    "local-classic": lambda request: request.getfixturevalue("local_trakt")("classic"),
}


@pytest.fixture(params=PEERS)
def peer(request):
    """A server with `base`, `app`, `public`, `land(url)` and `alive(access_token)`."""
    return PEERS[request.param](request)


@pytest.fixture(params=["better-auth", "local-current", "local-classic"])
def device_peer(request):
    """One that has device codes too: `device(user_code, …)`."""
    return PEERS[request.param](request)


@pytest.fixture(params=["blocking", "async"])
def walk(request):
    """Run an async *scenario(api, ask)* with either of the two classes; `await ask(value)` is the value of a call."""

    async def ask(value):
        return await value if inspect.isawaitable(value) else value

    async def blocking(service, scenario):
        with AuthenticationOAuthApi(service) as api:
            return await scenario(api, ask)

    async def awaited(service, scenario):
        async with AsyncAuthenticationOAuthApi(service) as api:
            return await scenario(api, ask)

    run = blocking if request.param == "blocking" else awaited
    return lambda service, scenario: asyncio.run(run(service, scenario))
