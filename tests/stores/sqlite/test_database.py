"""Tokens in an SQLite database."""

from __future__ import annotations

import errno
import gc
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from traktauth.errors import StoreFailed
from traktauth.stores.open import open_store
from traktauth.stores.sqlite import connection as sqlite_connection
from traktauth.stores.sqlite.store import _failures
from traktauth.testing.store_contract.base import LOGIN, pair, signed_in


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "logins.db"


@pytest.fixture
def store(path):
    with closing(open_store(f"sqlite:{path}")) as store:
        yield store


def sql(path, statement, *values):
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def refused(path, words):
    """Every verb is refused in these words, and not a byte of the file is changed."""
    before = path.read_bytes()
    with closing(open_store(f"sqlite:{path}")) as store:
        for verb in (lambda: store.load(LOGIN), lambda: signed_in(store), store.list_logins, store.check_writable):
            with pytest.raises(StoreFailed, match=words):
                verb()
    assert path.read_bytes() == before
    # SQLite's own two neighbours are all that may be there beside it.
    assert {file.name for file in path.parent.iterdir()} <= {path.name, f"{path.name}-wal", f"{path.name}-shm"}


def test_file_and_folder_are_this_users_alone(store, path):
    old = os.umask(0)
    try:
        signed_in(store)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_a_commit_is_synced_to_the_write_ahead_log(store):
    signed_in(store)
    with store._connection() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_another_programs_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "music.db"
    sql(path, "CREATE TABLE songs (title TEXT)")
    refused(path, "another program's database")


def test_a_file_that_is_not_a_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Milk, bread, eggs\n" * 500)
    refused(path, "is another program's file, not a database")


def test_an_empty_file_is_taken_for_a_new_store(path):
    path.parent.mkdir()
    path.touch()
    with closing(open_store(f"sqlite:{path}")) as store:
        signed_in(store)
        assert store.list_logins() == [LOGIN]


def test_a_link_leads_to_the_file(store, path, tmp_path):
    signed_in(store)
    (tmp_path / "link.db").symlink_to(path)
    with closing(open_store(f"sqlite:{tmp_path}/link.db")) as linked:
        assert linked.identity == store.identity
        assert linked.load(LOGIN).token == pair(1)


def test_a_deleted_file_is_replaced_by_a_new_database(store, path):
    signed_in(store)
    for file in path.parent.iterdir():
        file.unlink()
    assert store.load(LOGIN).token is None
    signed_in(store)
    with closing(open_store(f"sqlite:{path}")) as other:
        assert other.load(LOGIN).token == pair(1)


def test_a_full_disk_fails_the_save_and_keeps_what_was_there(store, path):
    signed_in(store)
    store.close()
    code = f"""
import resource
from dataclasses import replace
from traktauth.errors import StoreFailed
from traktauth.models.changes import SaveToken
from traktauth.stores.open import open_store
from traktauth.testing.store_contract.base import LOGIN, pair
store = open_store("sqlite:{path}")
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    store.apply(LOGIN, SaveToken(replace(pair(2), access_token="x" * 200_000), after=1, at=1.0))
except StoreFailed as error:
    print(error.message)
print(store.load(LOGIN).generation)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be used" in done.stdout
    assert done.stdout.splitlines()[-1] == "1"


def fill(path):
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("CREATE TABLE t (c)")


def write_read_only(path):
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.execute("DELETE FROM traktauth_logins")


def damage(path):
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xaa" * (len(content) - 100))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT * FROM sqlite_master").fetchall()


def failing(number):
    def fail(path):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("work", "message", "fix"),
    [
        (fill, "full", "Free space for this user on its file system: df -h {folder}"),
        (failing(errno.ENOSPC), "No space left", "Free space for this user on its file system: df -h {folder}"),
        (failing(errno.EROFS), "Read-only file system", "Mount its file system for writing"),
        (write_read_only, "readonly", "mount their file system for writing: ls -ld {path} {folder}"),
        (damage, "malformed", "Restore the store from a backup"),
        (failing(errno.EIO), os.strerror(errno.EIO), "Check the disk"),
    ],
)
def test_a_disk_that_fails_is_named_with_its_fix(store, path, work, message, fix):
    signed_in(store)
    store.close()
    with pytest.raises(StoreFailed) as caught, _failures(str(path)):
        work(path)
    assert caught.value.message.startswith(f"{path} cannot be used: ")
    assert message in caught.value.message
    assert fix.format(path=path, folder=path.parent) in caught.value.hint


def test_a_connection_that_outlives_its_module_is_closed_without_an_error(tmp_path, monkeypatch):
    """As at the interpreter's end, which sets every name of a module to None."""
    connection = sqlite3.connect(tmp_path / "logins", factory=sqlite_connection.Connection)
    for name in ("sqlite3", "suppress"):
        monkeypatch.setattr(sqlite_connection, name, None)
    errors = []
    monkeypatch.setattr(sys, "unraisablehook", errors.append)
    del connection
    gc.collect()
    assert errors == []
