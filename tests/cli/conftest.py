"""The command line with a file store that a test fills."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from support.command import Command
from support.local import APP
from support.wire import call
from traktauth.models import LoginKey, PendingRefresh, Token
from traktauth.models.changes import BeginRefresh, SaveToken, SetRefreshable
from traktauth.stores.file.store import FileStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.local import LocalTrakt


class StoredCommand(Command):
    """`traktauth` for an app of the local Trakt, and its file store."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "logins" / "tokens.json"
        super().__init__("http://127.0.0.1:9", APP, folder / "home", f"file:{self.path}")  # no server listens there
        self.folder = folder

    def at(self, service: str) -> StoredCommand:
        """Point it at a service."""
        self.env["TRAKTAUTH_SERVICE"] = service
        return self

    def unmeasured(self) -> StoredCommand:
        """Do not measure its coverage: a signal that comes amid that work is swallowed there."""
        self.env = {name: value for name, value in self.env.items() if not name.startswith("COVERAGE_")}
        return self

    # ------------------------------------------------------------ its store
    @property
    def store(self) -> FileStore:
        return FileStore(str(self.path))

    def login(self, account: str = "default") -> LoginKey:
        return LoginKey(self.env.get("TRAKTAUTH_SERVICE", "trakt"), self.env["TRAKTAUTH_CLIENT_ID"], account)

    def record(self, account: str = "default"):
        return self.store.load(self.login(account))

    def keep(
        self,
        access_token: str = "access-token-0123456789",
        refresh_token: str | None = "refresh-token-0123456789",
        *,
        left: float = 86400.0,
        life: int = 604800,
        account: str = "default",
        pending_refresh: PendingRefresh | None = None,
        not_refreshable_reason: str | None = None,
        saved_at: float | None = None,
    ) -> Token:
        """Put a login into the store whose token has so many seconds left."""
        now = time.time()
        before = self.store.load(self.login(account)).generation
        came = int(now + left - life)
        token = Token(access_token, refresh_token, "bearer", life, came, now + left, "public", before + 1)
        saved = self.store.apply(
            self.login(account), SaveToken(token, after=before, at=now - 60 if saved_at is None else saved_at)
        )
        assert saved
        if pending_refresh is not None:
            assert self.store.apply(self.login(account), BeginRefresh(pending_refresh))
        if not_refreshable_reason is not None:
            self.store.apply(self.login(account), SetRefreshable(token.generation, not_refreshable_reason))
        return token

    def keep_real(self, local: LocalTrakt, *, left: float = 86400.0, **more: Any) -> Token:
        """Put a login into the store that the local Trakt knows."""
        made = local.control("POST", "tokens", {"client_id": APP.client_id, "count": 1, "username": "sean"})["tokens"][
            0
        ]
        return self.keep(made["access_token"], made["refresh_token"], left=left, **more)

    def keep_revoked(self, local: LocalTrakt) -> Token:
        """Put a login into the store whose tokens another program has revoked."""
        token = self.keep_real(local)
        for each in (token.access_token, token.refresh_token):
            body = {"token": each, "client_id": APP.client_id, "client_secret": APP.client_secret}
            assert call(local.base, "POST", "/oauth/revoke", body=body).status == 200
        return token


@pytest.fixture
def command(tmp_path: Path) -> Iterator[StoredCommand]:
    """Run `traktauth` for an app of the local Trakt, with no service running."""
    one = StoredCommand(tmp_path)
    yield one
    one.stop()


@pytest.fixture
def local(local_trakt: Callable[..., LocalTrakt]) -> LocalTrakt:
    """A local Trakt of today's profile."""
    return local_trakt()


@pytest.fixture
def at_local(command: StoredCommand, local: LocalTrakt) -> StoredCommand:
    """`traktauth` pointed at a local Trakt."""
    return command.at(local.base)
