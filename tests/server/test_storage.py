"""The database: one contract for a file and for memory, then what only a file has to hold."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import subprocess
import sys

import pytest

from traktauth.server.app import build
from traktauth.server.errors import OAuthError, StorageUnavailable
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.process.serve import check_config
from traktauth.server.settings import Settings
from traktauth.server.storage.database import Database
from traktauth.server.storage.schema import Client

SEED = {"apps": [{"client_id": "a", "client_secret": "s", "redirect_uris": ["x:/y"]}], "users": []}


@pytest.fixture(params=["file", "memory"])
def database(request, tmp_path):
    address = f"sqlite:{tmp_path / 'db'}" if request.param == "file" else "memory:"
    with contextlib.closing(Database(address)) as database:
        yield database


def get(db):
    return db.settings.get("key")


def test_a_refusal_is_a_result_and_keeps_what_was_written(database):
    def refuse(db):
        db.settings.set("key", "kept")
        raise OAuthError(400, "invalid_grant", "no")

    with pytest.raises(OAuthError):
        database.write(refuse)
    assert database.read(get) == "kept"


def test_any_other_error_undoes_everything(database):
    def fail(db):
        db.settings.set("key", "lost")
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        database.write(fail)
    assert database.read(get) is None


@pytest.mark.parametrize("kind", ["app", "session"])
def test_the_row_id_of_a_deleted_row_is_not_used_again(database, kind):
    def make(db):
        if kind == "session":
            return db.sessions.create(1, "token", now=0, lifetime=1).id
        db.clients.save(Client(0, "id", "name", None, "", *[False] * 4, None))
        return db.clients.by_client_id("id").id

    first = database.write(make)
    database.write(lambda db: (db.sessions if kind == "session" else db.clients).delete(id=first))
    assert database.write(make) != first


def test_a_file_is_private_and_there_for_the_next_start(tmp_path):
    address = f"sqlite:{tmp_path / 'folder' / 'db'}"
    with contextlib.closing(Database(address, makes_folder=True)) as database:
        database.write(lambda db: db.settings.set("key", "first"))
        assert (tmp_path / "folder" / "db").stat().st_mode & 0o077 == 0
    with contextlib.closing(Database(address)) as database:
        assert database.read(get) == "first"


def test_a_token_is_not_in_the_file(tmp_path):
    with EmbeddedServer(Settings(port=0, database=f"sqlite:{tmp_path / 'db'}", seed=SEED)) as server:
        issued = server.sign_in("sean")
        code = server.authorize(client_id="a", redirect_uri="x:/y", username="sean")["code"]
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (issued["access_token"], issued["refresh_token"], code):
        assert secret.encode() not in content


def test_what_has_long_expired_is_purged_in_small_steps(current):
    made = current.control("tokens", client_id="first-app", count=30)["tokens"]
    context = current.server._built.context
    steps = []

    def purge(db):
        above = 0
        while above or not steps:
            above = db.purge_expired(before=context.clock() + 2_592_010, above=above, rows=10)
            steps.append(above)

    context.database.write(purge)
    assert len(steps) == 4
    assert current.use(made[0]["access_token"]) == 401
    assert current.ledger()["alive"] == {"access": 0, "refresh": 0}


# ---------------------------------------------------------------- a file that cannot be used
def other_program(path):
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE cats (name TEXT)")


def served_before(path):
    with EmbeddedServer(Settings(port=0, database=f"sqlite:{path}", seed=SEED)):
        pass


def of_format(value):
    def make(path):
        served_before(path)
        with contextlib.closing(sqlite3.connect(path)) as raw, raw:
            raw.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (value,))

    return make


def damaged(path):
    """Overwrite the pages behind the first, which holds the schema."""
    served_before(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 30)


UNUSABLE = {
    "another program's": (other_program, "tables of another program"),
    "an older format": (of_format("2"), "another version of traktauth"),
    "a newer format": (of_format("999"), "another version of traktauth"),
    "text": (lambda path: path.write_text("not a database " * 50), "not a database of SQLite"),
    "a folder": (lambda path: path.mkdir(), "it is a folder"),
    "damaged": (damaged, "malformed|damaged"),
}


@pytest.mark.parametrize(("make", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_database_that_cannot_be_used_is_refused_and_left_as_it_is(tmp_path, make, why):
    make(tmp_path / "db")
    before = (tmp_path / "db").read_bytes() if (tmp_path / "db").is_file() else None
    settings = Settings(port=0, database=f"sqlite:{tmp_path / 'db'}", seed=SEED)
    for start in (lambda: check_config(settings), EmbeddedServer(settings).__enter__):
        with pytest.raises(StorageUnavailable, match=why) as caught:
            start()
        if "version" in why:
            assert caught.value.hint.startswith("Delete this database")
    if before is not None:
        assert (tmp_path / "db").read_bytes() == before


def test_a_database_is_used_by_one_server_at_a_time(tmp_path):
    settings = Settings(port=0, database=f"sqlite:{tmp_path / 'db'}")
    with EmbeddedServer(settings):
        for start in (lambda: check_config(settings), EmbeddedServer(settings).__enter__):
            with pytest.raises(StorageUnavailable, match="another program has it open"):
                start()


def test_a_start_that_fails_leaves_the_database_free(tmp_path):
    address = f"sqlite:{tmp_path / 'db'}"
    with pytest.raises(ValueError, match="must be a method and a path") as failed:
        build(Settings(database=address, responses={"no path": 1}), "http://x")
    build(Settings(database=address), "http://x").close()
    assert failed.traceback  # the frames of the failure, and what they hold, are still there


def test_a_database_in_a_folder_that_does_not_exist_is_refused_and_nothing_is_made(tmp_path):
    settings = Settings(port=0, database=f"sqlite:{tmp_path / 'my typo' / 'db'}")
    for start in (lambda: check_config(settings), EmbeddedServer(settings).__enter__):
        with pytest.raises(StorageUnavailable, match="my typo does not exist") as raised:
            start()
        assert raised.value.hint == f"Make the folder: mkdir -p '{tmp_path / 'my typo'}'"
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_the_default_database_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr("traktauth.server.settings.user_data_path", lambda _name: tmp_path / "a" / "b")
    assert check_config(Settings())["database"]["state"] == "new"
    with EmbeddedServer(Settings(port=0)):
        assert (tmp_path / "a" / "b" / "local-trakt.sqlite").exists()


FULL_DISK = """
import resource, sys
from traktauth.server.settings import Settings
from traktauth.server.process.embedded import EmbeddedServer
import urllib.request, urllib.error
with EmbeddedServer(Settings(port=0, database=sys.argv[1])) as server:
    login = server.sign_in("sean")
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        server.sign_in("sean")
    except Exception as error:
        print(type(error).__name__)
    try:
        urllib.request.urlopen(server.url + "/readyz")
    except urllib.error.HTTPError as error:
        print(error.code)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    server.sign_in("sean")
    print(server.ledger["alive"], urllib.request.urlopen(server.url + "/readyz").status)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system limits no file's size")
def test_a_full_disk_is_a_503_and_costs_nothing_once_there_is_room(tmp_path):
    command = [sys.executable, "-c", FULL_DISK, f"sqlite:{tmp_path / 'db'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.splitlines() == ["StorageUnavailable", "503", "{'access': 2, 'refresh': 2} 200"], done.stderr
    assert done.stderr.count("Requests are answered 503") == 1
