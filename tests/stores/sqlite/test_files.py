"""An SQLite store's files: who else may have made them, what stays in them, forks, clocks and disks."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from stores.children import fork, in_child
from stores.file.test_disks import NOBODY, ROOT, Program, folder, namespace, strace, trakt  # noqa: F401 - fixtures
from stores.file.test_store import shown_with_locals
from traktauth.errors import StoreFailed
from traktauth.models import LoginKey
from traktauth.models.changes import BeginRefresh, DeleteToken, SaveToken, SetMoved
from traktauth.stores.database.lease import steady_clock
from traktauth.stores.open import open_store
from traktauth.stores.sqlite import connection as sqlite_connection
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh, signed_in

needs_root = pytest.mark.skipif(not ROOT, reason="needs root, to have files of two users")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.db"


@pytest.fixture
def store(path):
    with closing(open_store(f"sqlite:{path}")) as store:
        yield store


# ---------------------------------------------------------------- who may have made them
@pytest.fixture
def shared():
    """A folder such as /tmp, where everybody may make files."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o1777)
    yield place
    shutil.rmtree(place)


@needs_root
@pytest.mark.parametrize(("made", "kind"), [("file", "-wal"), ("file", "-shm"), ("file", "-journal"), ("link", "-wal")])
def test_what_another_user_put_beside_the_database_is_refused(shared, kind, made):
    """SQLite would write this user's tokens into it, and read them from it."""
    planted = shared / f"t.db{kind}"

    def plant():
        if made == "link":
            planted.symlink_to(shared / "elsewhere")
        else:
            planted.touch()
            planted.chmod(0o666)

    in_child(plant, uid=NOBODY)
    with closing(open_store(f"sqlite:{shared}/t.db")) as store:
        for work in (lambda: store.load(LOGIN), lambda: signed_in(store), store.check_writable, store.list_logins):
            with pytest.raises(StoreFailed, match=f"t.db{kind} belongs to another user") as caught:
                work()
            assert caught.value.hint == (
                f"Remove it: rm {planted}; or keep the store in a folder that only you can write"
            )
    assert b"access-1" not in b"".join(file.read_bytes() for file in shared.iterdir() if file.is_file())
    planted.unlink()
    with closing(open_store(f"sqlite:{shared}/t.db")) as store:
        signed_in(store)


@needs_root
def test_a_log_that_another_user_makes_while_the_database_is_opened_is_refused(shared, monkeypatch):
    from traktauth.stores.sqlite import connection  # noqa: PLC0415 - for this test alone

    first = connection._check_files
    made = []

    def check_then_plant(path):
        first(path)
        if not made:
            made.append(path)
            in_child(lambda: Path(f"{path}-wal").touch(0o666), uid=NOBODY)

    monkeypatch.setattr(connection, "_check_files", check_then_plant)
    with closing(open_store(f"sqlite:{shared}/t.db")) as store, pytest.raises(StoreFailed, match="another user"):
        signed_in(store)
    assert b"access-1" not in b"".join(file.read_bytes() for file in shared.iterdir())


@pytest.mark.parametrize("kind", ["", "-wal", "-shm", "-journal"])
def test_a_file_that_others_may_have_written_is_refused(path, kind):
    with closing(open_store(f"sqlite:{path}")) as store:
        signed_in(store)
    file = Path(f"{path}{kind}")
    file.touch()
    file.chmod(0o666)
    with closing(open_store(f"sqlite:{path}")) as store, pytest.raises(StoreFailed, match="can write") as caught:
        store.load(LOGIN)
    assert f"chmod 600 {file}" in caught.value.hint
    file.chmod(0o600)
    if kind:
        file.unlink()
    with closing(open_store(f"sqlite:{path}")) as store:
        assert store.load(LOGIN).token == pair(1)


@pytest.mark.parametrize("kind", ["", "-wal"])
def test_a_file_that_others_could_read_is_closed_to_them(path, kind):
    with closing(open_store(f"sqlite:{path}")) as first, closing(open_store(f"sqlite:{path}")) as second:
        signed_in(first)
        file = Path(f"{path}{kind}")
        file.chmod(0o644)
        assert second.load(LOGIN).token == pair(1)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


# ---------------------------------------------------------------- what stays in them
@pytest.mark.parametrize("change", [DeleteToken(2), SetMoved(2, "file:/elsewhere")])
def test_no_byte_of_a_token_outlives_its_sign_out(store, path, change):
    signed_in(store)
    signed_in(store, OTHERS[0])
    store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    for generation in range(1, 30):  # so that rows move from page to page
        store.apply(OTHERS[0], SaveToken(pair(generation + 1), after=generation, at=1.0))
    for token in (b"access-2", b"refresh-2"):
        assert token in Path(f"{path}-wal").read_bytes() + path.read_bytes()
    assert store.apply(LOGIN, change)
    for file in path.parent.iterdir():
        content = file.read_bytes()
        for secret in (b'"access-2"', b'"refresh-2"', b'"access-1"', b'"refresh-1"'):
            assert secret not in content, file
    assert store.load(OTHERS[0]).token == pair(30)


# ---------------------------------------------------------------- forks
FORKS = 20


@pytest.mark.slow
def test_children_that_are_forked_while_threads_refresh_neither_hang_nor_find_the_database_locked(store, path):
    logins = [LoginKey("trakt", "app", str(number)) for number in range(3)]
    stop, failures = threading.Event(), []

    def refresh_once(store, login):
        with store.lock(login, 30.0) as held:
            assert held
            generation = store.load(login).generation
            assert store.apply(login, BeginRefresh(pending_refresh(generation)))
            assert store.apply(login, SaveToken(pair(generation + 1), after=generation, at=1.0))

    def work(login):
        try:
            while not stop.wait(0.005):  # SQLite's locks are not fair: without a pause a child starves for seconds
                refresh_once(store, login)
        except BaseException as error:  # noqa: BLE001 - shown
            failures.append(error)

    for login in logins:
        signed_in(store, login)
    signed_in(store)
    threads = [threading.Thread(target=work, args=(login,)) for login in logins]
    for thread in threads:
        thread.start()
    outcomes = []
    try:
        for _ in range(FORKS):
            child = fork()
            if child == 0:
                signal.alarm(60)
                status = 3
                with contextlib.suppress(StoreFailed, AssertionError):
                    refresh_once(store, LOGIN)
                    status = 0
                os._exit(status)
            outcomes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert outcomes == [0] * FORKS
    assert store.load(LOGIN).generation == 1 + FORKS
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_fork_in_a_signal_handler_does_not_wait_for_its_own_thread(store, monkeypatch):
    monkeypatch.setattr(sqlite_connection, "FORK_LIMIT", 3600.0)
    signed_in(store)
    with store._connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert in_child(lambda: True)
    assert store.load(LOGIN).token == pair(1)


# ---------------------------------------------------------------- clocks
@pytest.mark.parametrize("until", [lambda: time.time() + 20, lambda: steady_clock() + 3000, lambda: 1.0])
def test_a_lease_of_an_older_version_or_an_earlier_run_of_the_machine_is_not_waited_for(store, path, until):
    signed_in(store)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE traktauth_logins SET lease_owner = 'x', lease_until = ?", (until(),))
    with store.lock(LOGIN, 0.0) as held:
        assert held


# ---------------------------------------------------------------- disks
@pytest.fixture
def program(trakt, folder):  # noqa: F811 - the fixture
    """The command over an SQLite store with a token that has expired."""
    program = Program(trakt, folder / "t.db", kind="sqlite")
    program.keep_expired()
    return program


def unsent(program):
    with closing(program.store()) as store:
        return program.trakt.refreshes == [] and store.load(program.login).pending_refresh is None


@pytest.mark.slow
def test_nothing_is_sent_over_a_folder_that_cannot_be_synced(program, strace):  # noqa: F811 - the fixture
    within = strace(program.path.parent, "fsync:error=EIO")
    for _ in range(3):
        done = program("token", within=within)
        assert (done.returncode, "cannot be synced to the disk: Input/output error" in done.stderr) == (1, True)
    assert unsent(program)
    assert "wrong" in [level for level, _, _ in program.doctor(within)]
    assert program("token").returncode == 0


@pytest.mark.slow
def test_a_database_that_is_mounted_as_a_single_file_is_refused(program, tmp_path, namespace):  # noqa: F811 - the fixture
    """Its log would lie in the container, and what is in it would be lost to the others."""
    mounted = tmp_path / "container"
    mounted.mkdir()
    (mounted / "t.db").touch(0o600)
    bind = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    within = [*namespace, "sh", "-c", bind, "sh", program.path, mounted / "t.db"]
    done = program("token", within=within, env={"TRAKTAUTH_STORE": f"sqlite:{mounted}/t.db"})
    assert done.returncode == 1
    assert "is mounted as a single file" in done.stderr
    assert "mount the folder instead" in done.stderr
    assert unsent(program)


@pytest.mark.slow
@needs_root
@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_database_that_cannot_be_written_is_named_and_nothing_is_sent(closed):
    place = Path(tempfile.mkdtemp())  # where another user may enter
    path = place / "t.db"

    def begin():
        with closing(open_store(f"sqlite:{path}")) as store:
            try:
                store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
            except StoreFailed as error:
                return error.message
            return "begun"

    def sign_in():
        with closing(open_store(f"sqlite:{path}")) as store:
            signed_in(store)

    try:
        os.chown(place, NOBODY, NOBODY)
        in_child(sign_in, uid=NOBODY)
        (path if closed == "file" else place).chmod(0o400 if closed == "file" else 0o500)
        message = in_child(begin, uid=NOBODY)
        assert message.startswith(f"{path} cannot be ")
        assert "read-only" in message or "readonly" in message or "Permission denied" in message
        place.chmod(0o700)
        path.chmod(0o600)
        assert in_child(begin, uid=NOBODY) == "begun"
    finally:
        shutil.rmtree(place)


# ---------------------------------------------------------------- what error reporters see, and signals
def test_no_local_variable_of_a_failing_write_shows_a_token(store, path):
    signed_in(store)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TRIGGER broken BEFORE UPDATE OF payload ON traktauth_logins BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    for work in (
        lambda: store.apply(LOGIN, BeginRefresh(pending_refresh(1))),
        lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)),
    ):
        with pytest.raises(StoreFailed) as caught:
            work()
        shown = shown_with_locals(caught.value)
        assert "sqlite/store.py" in shown
        for secret in ("access-1", "access-2", "refresh-1", "refresh-2"):
            assert secret not in shown


def test_a_damaged_row_shows_no_token_in_a_local_variable(store, path):
    signed_in(store)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            'UPDATE traktauth_logins SET payload = replace(payload, \'"scope": "public"\', \'"scope": 7\')'
        )
    with pytest.raises(StoreFailed, match="damaged") as caught:
        store.load(LOGIN)
    shown = shown_with_locals(caught.value)
    for secret in ("access-1", "refresh-1"):
        assert secret not in shown


def test_what_is_not_a_file_is_refused_with_a_store_of_the_same_kind(tmp_path):
    with pytest.raises(StoreFailed, match="is a directory") as caught:
        open_store(f"sqlite:{tmp_path}").list_logins()
    assert caught.value.hint == "Name a file: --store sqlite:/PATH, or TRAKTAUTH_STORE"
