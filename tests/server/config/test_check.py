"""`--check`: everything is read and judged, nothing is made."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import psycopg
import pytest

from traktauth.server.config.check import check_config, redact_url
from traktauth.server.config.settings import Settings
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.storage.base import StorageUnavailable

SEED = {"apps": [{"client_id": "a", "client_secret": "s", "redirect_uris": ["x:/y"]}], "users": []}


def test_the_result_describes_what_would_be_served(tmp_path):
    settings = Settings(
        profile="classic",
        database=f"sqlite:{tmp_path / 'db'}",
        seed=SEED,
        faults=[{"path": "/oauth/token", "status": 503}],
    )
    assert check_config(settings) == {
        "profile": "classic",
        "measured_on": "Doorkeeper 5.6.6 on Rails 7.2.2",
        "rotation": "until-used",
        "strict": False,
        "database": {"address": f"sqlite:{tmp_path / 'db'}", "state": "new"},
        "apps": 1,
        "users": 0,
        "faults": 1,
        "responses": 0,
    }
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_a_folder_that_does_not_exist_is_refused_and_nothing_is_made(tmp_path):
    settings = Settings(port=0, database=f"sqlite:{tmp_path / 'my typo' / 'db'}")
    for start in (lambda: check_config(settings), EmbeddedServer(settings).__enter__):
        with pytest.raises(StorageUnavailable, match="my typo does not exist") as raised:
            start()
        assert raised.value.hint == f"Make the folder: mkdir -p '{tmp_path / 'my typo'}'"
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_the_default_database_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr("traktauth.server.config.settings.user_data_path", lambda _name: tmp_path / "a" / "b")
    assert check_config(Settings())["database"]["state"] == "new"
    with EmbeddedServer(Settings(port=0)):
        assert (tmp_path / "a" / "b" / "local-trakt.sqlite").exists()


def test_a_database_that_has_been_served_is_ready_and_stays_as_it_was(tmp_path):
    database = f"sqlite:{tmp_path / 'db'}"
    with EmbeddedServer(Settings(port=0, database=database)):
        pass
    before = (tmp_path / "db").read_bytes()
    assert check_config(Settings(database=database))["database"]["state"] == "ready"
    assert (tmp_path / "db").read_bytes() == before


def test_also_while_it_is_being_served(tmp_path):
    database = f"sqlite:{tmp_path / 'db'}"
    with EmbeddedServer(Settings(port=0, database=database)) as server:
        server.sign_in("sean")
        assert check_config(Settings(database=database))["database"]["state"] == "ready"


def foreign(path):
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE cats (name TEXT)")
    raw.close()


def newer(path):
    with EmbeddedServer(Settings(port=0, database=f"sqlite:{path}")):
        pass
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = '999' WHERE name = 'schema'")
    raw.close()


def text(path):
    path.write_text("not a database, but long enough to be mistaken for one " * 20)


def served_before(path):
    with EmbeddedServer(Settings(port=0, database=f"sqlite:{path}", seed=SEED)):
        pass


def changed(*statements):
    def make(path):
        served_before(path)
        with contextlib.closing(sqlite3.connect(path)) as raw, raw:
            for statement in statements:
                raw.execute(statement)

    return make


def view(path):
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE VIEW cats AS SELECT 'Tom' AS name")


def meta_alone(path):
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        raw.execute("INSERT INTO meta VALUES ('schema', '1')")


def damaged(path):
    """Overwrite the pages behind the first, which holds the schema."""
    served_before(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 30)


def schema(value):
    return changed(f"UPDATE meta SET value = '{value}' WHERE name = 'schema'")


UNUSABLE = {
    "foreign": (foreign, "tables of another program"),
    "a foreign view": (view, "tables of another program"),
    "newer": (newer, "newer version"),
    "text": (text, "not a database of SQLite"),
    "one byte": (lambda path: path.write_bytes(b"x"), "not a database of SQLite"),
    "meta alone": (meta_alone, "lacks the table app, person"),
    "a table dropped": (changed("DROP TABLE token_pairs"), "lacks the table token_pairs"),
    "a column dropped": (changed("ALTER TABLE token_pairs DROP COLUMN scope"), r"lacks the column token_pairs\.scope"),
    "schema abc": (schema("abc"), "is 'abc', not a number"),
    "schema empty": (schema(""), "is '', not a number"),
    "schema 0": (schema("0"), "is '0', not a number"),
    "schema endless": (schema("9" * 5000), "not a number"),
}
"""Files that a local Trakt cannot be served from, and why."""


@pytest.mark.parametrize(
    ("make", "why"),
    [
        *UNUSABLE.values(),
        (damaged, "malformed|damaged"),
        (lambda path: path.mkdir(), "it is a folder; give a file in it$"),
    ],
    ids=[*UNUSABLE, "damaged pages", "folder"],
)
def test_a_database_that_cannot_be_used_is_found_out(tmp_path, make, why):
    make(tmp_path / "db")
    with pytest.raises(StorageUnavailable, match=why) as caught:
        check_config(Settings(database=f"sqlite:{tmp_path / 'db'}"))
    assert str(tmp_path / "db") in str(caught.value)


def test_a_file_with_damaged_pages_is_refused_at_the_start(tmp_path):
    damaged(tmp_path / "db")
    with (
        pytest.raises(StorageUnavailable, match="malformed"),
        EmbeddedServer(Settings(port=0, database=f"sqlite:{tmp_path / 'db'}")),
    ):
        pass


@pytest.mark.parametrize(("make", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_is_not_ours_is_neither_served_nor_changed(tmp_path, make, why):
    make(tmp_path / "db")
    before = (tmp_path / "db").read_bytes()
    with (
        pytest.raises(StorageUnavailable, match=why),
        EmbeddedServer(Settings(port=0, database=f"sqlite:{tmp_path / 'db'}")),
    ):
        pass
    assert (tmp_path / "db").read_bytes() == before


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system limits no file's size")
@pytest.mark.parametrize("there", [False, True])
def test_a_disk_without_room_is_found_out(tmp_path, there):
    if there:
        served_before(tmp_path / "db")
    program = """
import resource, sys
from traktauth.server.config.check import check_config
from traktauth.server.config.settings import Settings
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    check_config(Settings(database=sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""
    command = [sys.executable, "-c", program, f"sqlite:{tmp_path / 'db'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    why = f"nothing can be written in {tmp_path}: File too large"
    assert done.stdout == f"StorageUnavailable The database {tmp_path / 'db'} cannot be used: {why}\n"


def test_a_path_through_a_file_is_found_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable, match="cannot be written"):
        check_config(Settings(database=f"sqlite:{tmp_path / 'file' / 'db'}"))


@pytest.mark.parametrize("name", ["seed", "faults"])
@pytest.mark.parametrize("content", ["{", '"x"', '{"apps": 5}', '[{"path": 5}]'])
def test_files_that_make_no_sense_are_found_out(tmp_path, name, content):
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(ValueError, match=r"seed|fault"):
        check_config(Settings(database="memory:", **{name: str(tmp_path / "file.json")}))


def test_a_log_in_no_folder_is_found_out(tmp_path):
    with pytest.raises(ValueError, match="access_log"):
        check_config(Settings(database="memory:", access_log=tmp_path / "none" / "log"))


def test_a_postgresql_is_looked_at_and_left_as_it_is(postgres_address):
    assert check_config(Settings(database=postgres_address))["database"]["state"] == "new"
    assert check_config(Settings(database=postgres_address))["database"]["state"] == "new"
    with EmbeddedServer(Settings(port=0, database=postgres_address)):
        pass
    assert check_config(Settings(database=postgres_address))["database"]["state"] == "ready"


@pytest.fixture
def role(postgres_address):
    """A role that may use the schema and no more: its name and address."""
    name = f"r{os.urandom(6).hex()}"
    schema = postgres_address.rpartition("%3D")[2]
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2'")
        admin.execute(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
    yield SimpleNamespace(name=name, address=postgres_address.replace("//traktauth:", f"//{name}:"))
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        admin.execute(f"DROP OWNED BY {name}")
        admin.execute(f"DROP ROLE {name}")


def refused(address, why):
    """Whether it is refused both by the check and by the start."""
    with pytest.raises(StorageUnavailable, match=why):
        check_config(Settings(database=address))
    with pytest.raises(StorageUnavailable, match=why), EmbeddedServer(Settings(port=0, database=address, seed=SEED)):
        pass
    return True


@pytest.mark.slow
@pytest.mark.parametrize("there", [False, True])
def test_a_postgresql_that_is_read_only_is_found_out(postgres_address, there):
    if there:
        with EmbeddedServer(Settings(port=0, database=postgres_address, seed=SEED)):
            pass
    assert refused(f"{postgres_address}%20-cdefault_transaction_read_only%3Don", "read-only transaction")


def test_a_role_that_may_not_make_tables_is_found_out(role):
    assert refused(role.address, "permission denied for schema")


def test_a_role_that_may_only_read_is_found_out(role, postgres_address):
    with EmbeddedServer(Settings(port=0, database=postgres_address, seed=SEED)):
        pass
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        schema = postgres_address.rpartition("%3D")[2]
        admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role.name}")
    with pytest.raises(StorageUnavailable, match="permission denied for table"):
        check_config(Settings(database=role.address))


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DROP TABLE token_pairs", "lacks the table token_pairs"),
        ("UPDATE meta SET value = 'abc' WHERE name = 'schema'", "is 'abc', not a number"),
        ("ALTER TABLE codes DROP COLUMN scope", r"lacks the column codes\.scope"),
    ],
)
def test_a_postgresql_whose_tables_are_damaged_is_found_out(postgres_address, statement, why):
    with EmbeddedServer(Settings(port=0, database=postgres_address)):
        pass
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        admin.execute(statement)
    assert refused(postgres_address, why)


def test_another_programs_table_in_a_postgresql_is_found_out(postgres_address):
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        admin.execute("CREATE TABLE person (theirs TEXT)")
    assert refused(postgres_address, "another program")


def test_a_postgresql_that_is_not_there_is_found_out():
    with pytest.raises(StorageUnavailable):
        check_config(Settings(database="postgresql://u:s3cret@127.0.0.1:1/none"))


def test_the_password_of_a_database_is_not_shown():
    assert redact_url("postgresql://u:s3cret@host:5/name?password=s3cret") == "postgresql://host:5/name"
    assert redact_url("sqlite:/a/b") == "sqlite:/a/b"


def test_a_place_that_cannot_be_is_named(tmp_path):
    with pytest.raises(ValueError, match="it is a folder"):
        check_config(Settings(database="memory:", access_log=str(tmp_path)))
    with pytest.raises(ValueError, match=r"host no\.such\.host\.invalid cannot be found"):
        check_config(Settings(database="memory:", host="no.such.host.invalid", insecure=True, plain_http=True))
