"""Trakt and AsyncTrakt at real better-auth, from many processes: where a token sent twice ends every login."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.wire import bearer, call
from traktauth import App, AsyncTrakt, LoginRequired, Trakt, TryLater
from traktauth.models import LoginKey
from traktauth.stores.file.store import FileStore

PROCESSES = 8
ROUNDS = 4
HOUR = 3600

# Waits for a line, asks for a token, prints what came, and waits for the next line.
PROGRAM = """
import asyncio, json, sys
from traktauth import App, AsyncTrakt, Trakt, TraktAuthError

app, base, store, kind = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
app = App(app["client_id"], client_secret=app["client_secret"], redirect_uri=app["redirect_uri"])

def blocking():
    with Trakt(app, service=base, store=store) as trakt:
        return trakt.token()

async def awaited():
    async with AsyncTrakt(app, service=base, store=store) as trakt:
        tokens = await asyncio.gather(*[trakt.token() for _ in range(5)])
        assert len(set(tokens)) == 1
        return tokens[0]

print("ready", flush=True)
for _ in sys.stdin:
    try:
        token = blocking() if kind == "blocking" else asyncio.run(awaited())
        print(json.dumps(token.access_token), flush=True)
    except TraktAuthError as error:
        print(json.dumps([type(error).__name__, error.message]), flush=True)
"""


class SignedIn:
    """A login in a file, at an engine behind a proxy, and processes that ask for its token."""

    def __init__(self, engine, proxy, folder):
        known = engine.apps["trusted"]
        self.engine, self.proxy = engine, proxy
        self.app = App(known.client_id, client_secret=known.client_secret, redirect_uri=known.redirect_uri)
        self.store = f"file:{folder}/tokens.json"
        self.login = LoginKey(proxy.base, self.app.client_id, "default")
        self.processes = []
        with self.trakt() as trakt:
            trakt.login("paste", prompt=self.person)

    def trakt(self, kind=Trakt):
        return kind(self.app, service=self.proxy.base, store=self.store)

    def person(self, step):
        """Walk the real pages, and paste the address that they end at."""
        return self.engine.land(step.url.replace(self.proxy.base, self.engine.base))

    def record(self):
        return FileStore(self.store.removeprefix("file:")).load(self.login)

    def start(self):
        app = {name: getattr(self.app, name) for name in ("client_id", "client_secret", "redirect_uri")}
        for number in range(PROCESSES):
            kind = "async" if number % 2 else "blocking"
            command = [sys.executable, "-c", PROGRAM, json.dumps(app), self.proxy.base, self.store, kind]
            self.processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for process in self.processes:
            assert process.stdout.readline() == "ready\n"

    def ask(self):
        """Let all processes ask in the same moment; return what each of them got."""
        for process in self.processes:
            process.stdin.write("\n")
            process.stdin.flush()
        return [json.loads(process.stdout.readline()) for process in self.processes]

    def age(self, seconds):
        """Make the stored token older, for everybody who reads it."""
        path = Path(self.store.removeprefix("file:"))
        document = json.loads(path.read_text())
        document["logins"][0]["token"]["expires_at"] -= seconds
        path.write_text(json.dumps(document))

    def refreshes(self):
        return self.proxy.count("/oauth/token", grant="refresh_token")

    def alive(self, access_token):
        return call(self.engine.base, "GET", "/users/settings", headers=bearer(access_token)).status == 200

    def wait_for_expiry(self):
        time.sleep(max(0.0, self.record().token.expires_at - time.time()) + 0.05)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture
def signed_in(start_better_auth_with, recording_proxy, tmp_path):
    made = []

    def make(**env):
        engine = start_better_auth_with(**env)
        made.append(SignedIn(engine, recording_proxy(engine.base), tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def test_eight_processes_round_after_round_cause_one_refresh_each(signed_in):
    login = signed_in(ACCESS_TTL=f"{HOUR}")  # a token that lives for seconds could expire within a round
    login.start()
    for round_ in range(1, ROUNDS + 1):
        login.age(HOUR)
        got = login.ask()
        assert len(set(map(str, got))) == 1
        assert login.alive(got[0])
        assert login.refreshes() == round_
    assert login.record().generation == 1 + ROUNDS
    assert login.record().refreshable


def test_a_lost_answer_is_not_asked_for_again_while_the_old_token_lives(signed_in):
    login = signed_in(ACCESS_TTL="3600")
    login.start()
    login.age(3300)  # the last tenth of its life
    old = login.record().token
    login.proxy.swallow("/oauth/token", grant="refresh_token")
    assert login.ask() == [old.access_token] * PROCESSES
    assert login.refreshes() == 1
    assert login.alive(old.access_token)
    pending_refresh = login.record().pending_refresh
    assert (pending_refresh.generation, pending_refresh.sending) == (1, 1)
    assert login.ask() == [old.access_token] * PROCESSES
    assert login.refreshes() == 1  # nothing was sent again


def test_after_a_lost_answer_and_expiry_it_is_sent_again_once_for_all(signed_in):
    login = signed_in(ACCESS_TTL="2")
    login.start()
    login.proxy.swallow("/oauth/token", grant="refresh_token")
    login.wait_for_expiry()
    first = login.ask()
    assert login.refreshes() <= 3  # the one whose answer was lost, a probe, and the one after it
    login.ask()
    assert login.refreshes() == 3
    assert all(kind == "LoginRequired" for kind, _ in login.ask())
    assert all(got[0] in {"TryLater", "LoginRequired"} for got in first)
    assert login.record().not_refreshable_reason == "its refresh token was spent by a refresh whose response was lost"


def test_a_dropped_connection_is_a_lost_answer_too(signed_in):
    """The client cannot know whether it arrived; here it did not, and the next sending brings the login back."""
    login = signed_in(ACCESS_TTL="2")
    login.proxy.drop("/oauth/token", grant="refresh_token")
    login.wait_for_expiry()
    with login.trakt() as trakt:
        with pytest.raises(TryLater) as caught:
            trakt.token()
        assert caught.value.unconfirmed
        assert login.alive(trakt.token().access_token)
    assert login.refreshes() == 3  # a probe among them


def test_a_service_that_cannot_be_reached_costs_nothing(signed_in):
    login = signed_in(ACCESS_TTL="2")
    login.wait_for_expiry()
    closed = login.proxy.base
    login.proxy.__exit__()
    with login.trakt() as trakt, pytest.raises(TryLater, match="no connection"):
        trakt.token()
    assert login.record().pending_refresh is None
    assert closed == login.proxy.base


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_a_whole_life(signed_in, kind):
    """Sign in, call, renew, sign out; after it neither token works."""
    login = signed_in(ACCESS_TTL="3600")
    first = login.record().token

    async def awaited():
        async with login.trakt(AsyncTrakt) as trakt:
            assert (await trakt.request("GET", "/users/settings")).status_code == 200
            second = await trakt.refresh()
            assert (await trakt.request("GET", "/users/settings")).status_code == 200
            signed_out = await trakt.logout()
            with pytest.raises(LoginRequired):
                await trakt.token()
            return second, signed_out

    def blocking():
        with login.trakt() as trakt:
            assert trakt.request("GET", "/users/settings").status_code == 200
            second = trakt.refresh()
            assert trakt.request("GET", "/users/settings").status_code == 200
            signed_out = trakt.logout()
            with pytest.raises(LoginRequired):
                trakt.token()
            return second, signed_out

    second, signed_out = blocking() if kind == "blocking" else asyncio.run(awaited())
    assert signed_out.revoked
    assert second.access_token != first.access_token
    assert not login.alive(second.access_token)


def test_a_revoked_token_is_noticed_by_the_api_and_renewed_once(signed_in):
    login = signed_in(ACCESS_TTL="3600")
    login.engine.expire("access", login.record().token.access_token)
    with login.trakt() as trakt:
        assert trakt.request("GET", "/users/settings").status_code == 200
    assert login.refreshes() == 1
