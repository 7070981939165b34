"""The command as its users run it: a process, in an environment that holds nothing but what a test gives it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from support.local import APP
from traktauth.models import LoginKey, PendingRefresh, Token
from traktauth.models.changes import BeginRefresh, SaveToken, SetRefreshable
from traktauth.stores.file.store import FileStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.local import LocalTrakt

LIMIT = 60.0


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


class Command:
    """`traktauth`, for one app, service and file store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "logins" / "tokens.json"
        self.env = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE_", "PYTHON"))}
        self.env |= {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "TZ": "UTC",
            "TRAKTAUTH_CLIENT_ID": APP.client_id,
            "TRAKTAUTH_CLIENT_SECRET": APP.client_secret or "",
            "TRAKTAUTH_REDIRECT_URI": APP.redirect_uri,
            "TRAKTAUTH_STORE": f"file:{self.path}",
        }
        self._started: list[subprocess.Popen[str]] = []

    def at(self, service: str) -> Command:
        """Point it at a service."""
        self.env["TRAKTAUTH_SERVICE"] = service
        return self

    def unmeasured(self) -> Command:
        """Do not measure its coverage: a signal that comes amid that work is swallowed there."""
        self.env = {name: value for name, value in self.env.items() if not name.startswith("COVERAGE_")}
        return self

    def start(self, *words: str, stdin: int = subprocess.DEVNULL, **env: str) -> subprocess.Popen[str]:
        """Start one and do not wait for it; it is ended with the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "traktauth", *words],
            env={**self.env, **env},
            cwd=self.folder,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def __call__(self, *words: str, stdin: str | None = None, **env: str) -> Outcome:
        """Run one to its end."""
        process = self.start(*words, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, **env)
        out, err = process.communicate(stdin, timeout=LIMIT)
        return Outcome(process.returncode, out, err)

    def end(self) -> None:
        for process in self._started:
            process.terminate()
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

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

    def keep_real(self, local: LocalTrakt, *, left: float = 86400.0, **more: object) -> Token:
        """Put a login into the store that the local Trakt knows."""
        made = local.control("POST", "tokens", {"client_id": APP.client_id, "count": 1, "username": "sean"})["tokens"][
            0
        ]
        return self.keep(made["access_token"], made["refresh_token"], left=left, **more)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """Run `traktauth` for an app of the local Trakt, with no service running."""
    one = Command(tmp_path).at("http://127.0.0.1:9")  # the discard port: no server listens there
    yield one
    one.end()


@pytest.fixture
def local(local_trakt: Callable[..., LocalTrakt]) -> LocalTrakt:
    """A local Trakt of today's profile."""
    return local_trakt()


@pytest.fixture
def at_local(command: Command, local: LocalTrakt) -> Command:
    """`traktauth` pointed at a local Trakt."""
    return command.at(local.base)
