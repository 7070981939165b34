"""A login in a file, at real better-auth through a proxy that counts requests and can lose an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.wire import query
from traktauth import App, AsyncTrakt, Trakt
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

    def async_trakt(self) -> AsyncTrakt:
        """Make an object of its own."""
        return AsyncTrakt(self.app, service=self.proxy.base, store=self.store)

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
