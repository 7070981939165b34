"""A finish that is interrupted after the exchange began saves the login all the same."""

from __future__ import annotations

import asyncio

import httpx2

from support.web_users import visit
from traktauth.web import AsyncWebLogin


def test_a_cancelled_callback_saves_the_login(server):
    async def cancel_in_the_middle():
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def wait_at_the_settings(request):
            if request.url.path == "/users/settings":
                asked.set()
                await go_on.wait()

        async with (
            httpx2.AsyncClient(event_hooks={"request": [wait_at_the_settings]}, trust_env=False) as http,
            AsyncWebLogin(server.app, store="memory:", service=server.url, clock=server.clock, http=http) as login,
        ):
            started = login.start()
            landed = visit(server, started.url)
            finishing = asyncio.create_task(login.finish({started.cookie_name: started.cookie_value}, landed))
            await asked.wait()
            finishing.cancel()
            go_on.set()
            await asyncio.wait([finishing])
            assert finishing.cancelled()
            return [each.username for each in await login.trakt("any").accounts()]

    assert asyncio.run(cancel_in_the_middle()) == ["sean"]
