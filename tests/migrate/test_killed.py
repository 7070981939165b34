"""`traktauth import`, `--undo` and `export`, killed before each change: one holder of the refresh token at every step.

After each kill PyTrakt and traktauth use the login at once, and no refresh token may be sent twice; then the command is
run again. The commands run in forks of two warm processes, as there are about two hundred.
"""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from support.engines import CHECKOUT
from support.login_files import command_environment, source_of, write_pytrakt
from support.warm import WarmProgram
from traktauth import LoginRequired, Trakt
from traktauth.migrate.transfer import export_login, import_from, undo_import
from traktauth.testing import LocalTrakt

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
PYTRAKT = CHECKOUT / "tests" / "clients" / "pytrakt_driver.py"
STEPS = 80  # more than a command has; the first run that is not killed is the last
MODULES = (
    "traktauth.cli.commands",
    "traktauth.cli.login_files",
    "traktauth.cli.log_output",
    "traktauth.cli.main",
    "traktauth.cli.token",
    "traktauth.client.http_exchange",
    "traktauth.client.sync_client",
    "traktauth.flow.get_token",
    "traktauth.migrate.formats.pytrakt",
    "traktauth.migrate.formats",
    "traktauth.migrate.transfer",
    "traktauth.stores.database.store",
    "traktauth.stores.file.store",
    "traktauth.stores.open",
    "traktauth.stores.sqlite.store",
    "encodings.idna",
    "httpx2",
    "platformdirs",
    "truststore",
)


@pytest.fixture(scope="module")
def command():
    with WarmProgram(sys.executable, "traktauth", *MODULES) as program:
        yield program


@pytest.fixture(scope="module")
def pytrakt(pytrakt_python):
    with WarmProgram(pytrakt_python, PYTRAKT, "trakt.core", "trakt.users") as program:
        yield program


@pytest.fixture(scope="module")
def server():
    with LocalTrakt(access_life=300) as running:  # PyTrakt refreshes what expires within ten minutes
        yield running


@pytest.fixture(params=["file", "sqlite"])
def step(request, tmp_path, server, command, pytrakt):
    """Make a step: a folder, a store and a file of its own."""

    def make(change):
        return Step(tmp_path / str(change), request.param, change, server, command, pytrakt)

    return make


class Step:
    """A login in a folder of its own, and a command that is killed before its n-th change."""

    def __init__(self, folder: Path, kind: str, change: int, server: LocalTrakt, command, pytrakt) -> None:
        self.change = change
        self.server = server
        self._command, self._pytrakt = command, pytrakt
        self.path = folder / "home" / ".pytrakt.json"
        self.path.parent.mkdir(parents=True)
        self._database = folder / "logins.sqlite" if kind == "sqlite" else None
        self.env = command_environment(server, folder, f"{kind}:{folder}/logins.{kind}")

    def trakt(self) -> Trakt:
        return Trakt(
            self.server.app, service=self.server.url, store=self.env["TRAKTAUTH_STORE"], clock=self.server.clock
        )

    def killed(self, *words: str) -> bool:
        """Run a command that is killed; return whether it was."""
        done = self._command.run(list(words), self.env, kill_before=self.change)
        assert done.status in (0, -signal.SIGKILL), done.shown
        assert_no_secret(done.shown)
        if self._database is not None and self._database.exists():
            with closing(sqlite3.connect(self._database)) as database, suppress(sqlite3.OperationalError), database:
                database.execute("UPDATE traktauth_logins SET lease_until = 0")  # as if its lease had expired
        return done.status != 0

    def use_both(self) -> bool:
        """Let PyTrakt call the API, where it refreshes, and traktauth refresh, both at once; return if this one did."""
        self._pytrakt.start([self.server.url, str(self.path), "settings"], self.env)
        self._command.start(["refresh"], self.env)
        other, mine = self._pytrakt.wait(), self._command.wait()
        assert other.status == 0, other.shown
        assert mine.status in (0, 4, 5), mine.shown  # 5: it is being moved
        assert self.server.ledger["replays"] == 0
        return mine.status == 0

    def pytrakt_refreshes(self) -> None:
        before = self.server.ledger["rotations"]
        done = self._pytrakt.run([self.server.url, str(self.path), "settings"], self.env)
        assert done.status == 0, done.shown
        assert self.server.ledger["rotations"] == before + 1

    def refresh_token(self) -> str | None:
        return json.loads(self.path.read_text())["OAUTH_REFRESH"]


def assert_no_secret(text):
    text = re.sub(r"\S*/\S*", "", text.replace("settings", ""))  # paths
    assert re.findall(r"[A-Za-z0-9_-]{32,}", text) == []


def test_a_killed_import_leaves_one_holder_and_is_taken_up(step):
    for change in range(1, STEPS):
        each = step(change)
        write_pytrakt(each.path, each.server)
        was_killed = each.killed("import", "pytrakt")
        is_here = each.use_both()
        with each.trakt() as trakt:
            if not is_here:
                assert import_from(trakt, source_of(each.path)).user.username == "sean"
            trakt.refresh()
        assert each.server.ledger["replays"] == 0
        assert each.refresh_token() is None
        if not was_killed:
            break
    assert 10 < change < STEPS - 1


def test_a_killed_undo_leaves_one_holder_and_is_taken_up(step):
    for change in range(1, STEPS):
        each = step(change)
        write_pytrakt(each.path, each.server)
        with each.trakt() as trakt:
            import_from(trakt, source_of(each.path))
        was_killed = each.killed("import", "pytrakt", "--undo")
        is_here = each.use_both()
        assert was_killed or not is_here
        with each.trakt() as trakt:
            if is_here:
                assert each.refresh_token() is None
                trakt.refresh()
            elif each.refresh_token() is None and change % 2:  # an import continues it as well
                import_from(trakt, source_of(each.path))
                trakt.refresh()
            else:
                if each.refresh_token() is None:
                    undo_import(trakt)
                each.pytrakt_refreshes()
        assert each.server.ledger["replays"] == 0
        if not was_killed:
            break
    assert 10 < change < STEPS - 1


def test_a_killed_export_leaves_one_holder_and_is_taken_up(step):
    for change in range(1, STEPS):
        each = step(change)
        with each.trakt() as trakt:
            each.server.sign_in_at(trakt)
            was_killed = each.killed("export", "pytrakt", str(each.path), "--transfer")
            if each.path.exists():
                assert not each.use_both()
            with suppress(LoginRequired):  # it was moved
                export_login(trakt, "pytrakt", each.path)
            assert trakt.status().reason == "moved"
            with pytest.raises(LoginRequired):
                trakt.refresh()
            import_from(trakt, source_of(each.path))
            trakt.refresh()  # the file's refresh token works
        assert each.server.ledger["replays"] == 0
        if not was_killed:
            break
    assert 5 < change < STEPS - 1
