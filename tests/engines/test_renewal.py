"""Many processes of the command, one login, real better-auth: where a refresh token sent twice would end the login."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.wire import query
from traktauth import App, Trakt
from traktauth.models import Login

if TYPE_CHECKING:
    from support.cable import Cable
    from support.command import Command
    from support.engines import BetterAuth

PROCESSES = 8
ROUNDS = 20


@dataclass
class SignedIn:
    """A login in a file, at better-auth through a cable that counts and can be cut."""

    engine: BetterAuth
    cable: Cable
    store: str
    app: App
    command: Command

    def trakt(self) -> Trakt:
        return Trakt(self.app, service=self.cable.base, store=self.store)

    def sign_in(self) -> None:
        def person(step):
            return query(self.engine.land(step.url.replace(self.cable.base, self.engine.base)))["code"]

        with self.trakt() as trakt:
            trakt.login("paste", prompt=person)

    def age(self, seconds: float) -> None:
        """Make the stored token *seconds* older, as if that time had passed for everybody who reads it."""
        path = Path(self.store.removeprefix("file:"))
        document = json.loads(path.read_text())
        (login,) = document["logins"]
        login["token"]["expires_at"] -= seconds
        path.write_text(json.dumps(document))

    def stored(self):
        with self.trakt() as trakt:
            return trakt.store.load(Login(self.cable.base, self.app.client_id, "default"))

    def tokens(self, processes: int = PROCESSES) -> set[str]:
        """Let several processes print a token at once; each must succeed."""
        running = [self.command.start("token") for _ in range(processes)]
        ended = [(process.communicate(timeout=60), process.returncode) for process in running]
        assert [code for _, code in ended] == [0] * processes, ended
        return {printed.strip() for (printed, _), _ in ended}

    def refreshes(self) -> int:
        return self.cable.count("/oauth/token", grant="refresh_token")


@pytest.fixture
def signed_in(start_better_auth_with, cable, command_line, tmp_path):
    def sign_in(**env):
        engine = start_better_auth_with(**env)
        app = App(engine.app.client_id, client_secret=engine.app.client_secret, redirect_uri=engine.app.redirect_uri)
        through, store = cable(engine.base), f"file:{tmp_path}/login.json"
        login = SignedIn(engine, through, store, app, command_line(through.base, app, store))
        login.sign_in()
        return login

    return sign_in


def test_eight_processes_twenty_times_send_one_refresh_each_time(signed_in):
    login = signed_in()
    for done in range(1, ROUNDS + 1):
        login.age(8 * 86400)
        printed = login.tokens()
        assert login.refreshes() == done
        assert len(printed) == 1
        assert all(login.engine.alive(token) for token in printed)


def test_a_token_that_really_expired_is_renewed_by_one_of_eight_processes(signed_in):
    login = signed_in(ACCESS_TTL="6")
    for done in range(1, 4):
        time.sleep(max(0, login.stored().token.expires_at - time.time()) + 0.1)
        began = time.time()
        printed = login.tokens()
        if time.time() - began > 5:
            pytest.skip("this machine is too busy for tokens that live six seconds")
        assert login.refreshes() == done
        assert [login.engine.alive(token) for token in printed] == [True]


def test_a_swallowed_answer_is_sent_once_and_the_old_token_served_while_it_lives(signed_in):
    login = signed_in()
    old = login.stored().token
    login.age(7 * 86400 * 0.985)  # in the last fiftieth of its life: a renewal is waited for
    login.cable.swallow("/oauth/token", grant="refresh_token")
    for _ in range(3):
        assert login.tokens() == {old.access_token}
    assert login.refreshes() == 1
    assert login.stored().renewal is not None
    assert login.engine.alive(old.access_token)


def test_a_dropped_request_leaves_the_old_token_in_use(signed_in):
    login = signed_in()
    old = login.stored().token
    login.age(7 * 86400 * 0.985)
    login.cable.drop("/oauth/token", grant="refresh_token")
    assert login.tokens() == {old.access_token}
    assert login.refreshes() == 1


def test_after_the_end_of_the_token_a_lost_answer_gets_one_last_attempt(signed_in):
    login = signed_in()
    login.age(7 * 86400 * 0.985)
    login.cable.swallow("/oauth/token", grant="refresh_token")
    login.tokens(1)
    login.age(7 * 86400)
    running = [login.command.start("token") for _ in range(PROCESSES)]
    codes = [process.communicate(timeout=60) and process.returncode for process in running]
    assert set(codes) == {4}
    assert login.refreshes() == 2
