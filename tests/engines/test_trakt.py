"""`Trakt` and `AsyncTrakt` at everything that answers as Trakt does: each way to sign in, and what a login is for."""

from __future__ import annotations

import asyncio
import inspect
import threading
import urllib.request

import httpx2
import pytest

from support.wire import query
from traktauth import App, AsyncTrakt, LoginRequired, Trakt
from traktauth.steps import OpenPage


def path_of(peer):
    """An API address that the server has."""
    return "/me" if type(peer).__name__ == "Doorkeeper" else "/users/settings"


def app_of(app):
    return App(app.client_id, client_secret=app.client_secret, redirect_uri=app.redirect_uri)


@pytest.fixture(params=["blocking", "async"])
def live(request, tmp_path):
    """Run an async *scenario(trakt, ask)* with either class; `await ask(call)` is the value of a verb."""

    async def ask(call):
        value = await asyncio.to_thread(call)
        return await value if inspect.isawaitable(value) else value

    def run(peer, scenario, app=None):
        place = {"service": peer.base, "store": f"file:{tmp_path}/logins.json"}

        async def blocking():
            with Trakt(app_of(app or peer.app), **place) as trakt:
                await scenario(trakt, ask)

        async def awaited():
            async def now(call):
                return await call()

            async with AsyncTrakt(app_of(app or peer.app), **place) as trakt:
                await scenario(trakt, now)

        asyncio.run(blocking() if request.param == "blocking" else awaited())

    return run


def login_paste(peer):
    return {"method": "paste", "prompt": lambda step: query(peer.land(step.url))["code"]}


def by_pasted_address(peer):
    return {"method": "paste", "prompt": lambda step: peer.land(step.url)}


def by_browser(peer):
    def browse(step):
        if not isinstance(step, OpenPage):
            return

        def follow():
            urllib.request.urlopen(peer.land(step.url), timeout=60).close()

        threading.Thread(target=follow).start()

    return {"method": "browser", "prompt": browse, "open_browser": False}


WAYS = {"paste": login_paste, "pasted-address": by_pasted_address, "browser": by_browser}


@pytest.mark.parametrize("way", WAYS)
def test_a_login_lives_from_sign_in_to_sign_out(peer, live, way):
    async def scenario(trakt, ask):
        with pytest.raises(LoginRequired):
            await ask(trakt.token)
        first = await ask(lambda: trakt.login(**WAYS[way](peer)))
        assert (await ask(trakt.token)).access_token == first.access_token
        assert peer.alive(first.access_token)
        reply = await ask(lambda: trakt.request("GET", path_of(peer)))
        assert reply.status_code == 200
        second = await ask(trakt.refresh)
        assert second.generation == first.generation + 1
        assert peer.alive(second.access_token)
        await ask(trakt.logout)
        assert not peer.alive(second.access_token)
        with pytest.raises(LoginRequired):
            await ask(trakt.token)

    live(peer, scenario)


@pytest.mark.parametrize("way", ["paste", "browser"])
def test_a_public_app_signs_in_and_renews(peer, live, way):
    async def scenario(trakt, ask):
        await ask(lambda: trakt.login(**WAYS[way](peer)))
        second = await ask(trakt.refresh)
        assert peer.alive(second.access_token)

    live(peer, scenario, app=peer.public)


def test_a_device_sign_in_waits_for_its_answer(device_peer, live):
    def answer(step):
        if type(step).__name__ == "EnterCode":
            device_peer.device(step.device.user_code)

    async def scenario(trakt, ask):
        token = await ask(lambda: trakt.login("device", prompt=answer))
        assert device_peer.alive(token.access_token)
        assert token.refresh_token

    live(device_peer, scenario)


def test_a_refused_access_token_is_renewed_once_and_the_call_repeated(peer, live):
    async def scenario(trakt, ask):
        first = await ask(lambda: trakt.login(**login_paste(peer)))
        peer.expire("access", first.access_token)
        assert not peer.alive(first.access_token)
        reply = await ask(lambda: trakt.request("GET", path_of(peer)))
        assert reply.status_code == 200
        assert (await ask(trakt.token)).generation == first.generation + 1

    live(peer, scenario)


def test_anybodys_own_client_can_call_with_the_login(peer, tmp_path):
    with Trakt(app_of(peer.app), service=peer.base, store=f"file:{tmp_path}/logins.json") as trakt:
        first = trakt.login(**login_paste(peer))
        with httpx2.Client(auth=trakt.auth, base_url=peer.base) as client:
            assert client.get(path_of(peer)).status_code == 200
            peer.expire("access", first.access_token)
            assert client.get(path_of(peer)).status_code == 200
        assert trakt.token().generation == first.generation + 1
