"""Many processes of the command, one login, real better-auth: where a refresh token sent twice would end the login."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.wire import query
from traktauth import App, Trakt
from traktauth.models import LoginKey, Record

if TYPE_CHECKING:
    from support.command import Command
    from support.engines import BetterAuth
    from support.recording_proxy import RecordingProxy

PROCESSES = 8
WEEK = 7 * 86400  # better-auth's access token lives that long


@dataclass
class SignedIn:
    """A login in a file, at better-auth through a proxy that counts and can be cut."""

    engine: BetterAuth
    proxy: RecordingProxy
    store: str
    app: App
    command: Command

    def trakt(self) -> Trakt:
        """Make an object of its own."""
        return Trakt(self.app, service=self.proxy.base, store=self.store)

    def sign_in(self) -> None:
        """Sign in by pasting a code."""

        def person(step):
            return query(self.engine.land(step.url.replace(self.proxy.base, self.engine.base)))["code"]

        with self.trakt() as trakt:
            trakt.login("paste", prompt=person)

    def age(self, seconds: float) -> None:
        """Make the stored token *seconds* older, as if that time had passed for everybody who reads it."""
        path = Path(self.store.removeprefix("file:"))
        document = json.loads(path.read_text())
        (login,) = document["logins"]
        login["token"]["expires_at"] -= seconds
        path.write_text(json.dumps(document))

    def stored(self) -> Record:
        """Read the login's record."""
        with self.trakt() as trakt:
            return trakt.store.load(LoginKey(self.proxy.base, self.app.client_id, "default"))

    def tokens(self, processes: int = PROCESSES) -> set[str]:
        """Let several processes print a token at once; each must succeed."""
        running = [self.command.start("token") for _ in range(processes)]
        ended = [(process.communicate(timeout=60), process.returncode) for process in running]
        assert [code for _, code in ended] == [0] * processes, ended
        return {printed.strip() for (printed, _), _ in ended}

    def refreshes(self) -> int:
        """How many refreshes were sent."""
        return self.proxy.count("/oauth/token", grant="refresh_token")


@pytest.fixture
def signed_in(start_better_auth_with, recording_proxy, command_line, tmp_path):
    """Sign in at a better-auth of one's own settings: `signed_in(ACCESS_TTL="6")` is a `SignedIn`."""

    def sign_in(**env):
        engine = start_better_auth_with(**env)
        app = App(engine.app.client_id, client_secret=engine.app.client_secret, redirect_uri=engine.app.redirect_uri)
        through, store = recording_proxy(engine.base), f"file:{tmp_path}/login.json"
        login = SignedIn(engine, through, store, app, command_line(through.base, app, store))
        login.sign_in()
        return login

    return sign_in


NEARLY_OVER = WEEK * 0.985  # in the last fiftieth of its life: a refresh is waited for


def test_a_token_that_really_expired_is_renewed_by_one_of_eight_processes(signed_in):
    login = signed_in(ACCESS_TTL="3600")
    for done in range(1, 4):
        expired = login.stored().token.access_token
        login.engine.pass_time(3601)
        login.age(3601)
        assert not login.engine.alive(expired)
        printed = login.tokens()
        assert login.refreshes() == done
        assert [login.engine.alive(token) for token in printed] == [True]


def test_a_swallowed_answer_is_sent_once_and_the_old_token_served_while_it_lives(signed_in):
    login = signed_in()
    old = login.stored().token
    login.age(NEARLY_OVER)
    login.proxy.swallow("/oauth/token", grant="refresh_token")
    for _ in range(3):
        assert login.tokens() == {old.access_token}
    assert login.refreshes() == 1
    assert login.stored().pending_refresh is not None
    assert login.engine.alive(old.access_token)


def test_after_the_end_of_the_token_a_lost_answer_is_followed_by_a_probe_and_one_sending(signed_in):
    login = signed_in()
    login.age(NEARLY_OVER)
    login.proxy.swallow("/oauth/token", grant="refresh_token")
    login.tokens(1)
    login.age(WEEK)
    running = [login.command.start("token") for _ in range(PROCESSES)]
    codes = [process.communicate(timeout=60) and process.returncode for process in running]
    assert set(codes) == {4}
    assert login.refreshes() == 3  # the lost one, the probe, and the one that the engine refused
