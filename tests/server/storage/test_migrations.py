"""A database of an older version is brought up to date; what it holds stays valid."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import time
from pathlib import Path

import psycopg
import pytest

from traktauth.server.storage.base import StorageUnavailable
from traktauth.server.storage.postgres.schema import TYPES
from traktauth.server.storage.schema import COLUMNS, MIGRATIONS, VERSION
from traktauth.server.storage.sqlite import SqliteFile

VERSION_1 = Path(__file__).with_name("version_1.sql").read_text()
"""A dump of a SQLite file that version 1 wrote, after a login and a refresh."""
REFRESH_TOKEN = "lMLuwdN1U7Jzz7w4GfPROtmL6ckL8c7S2"
CLIENT = {"client_id": "a-client", "client_secret": "a-secret"}


def make_version_1(path):
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.executescript(VERSION_1)
    path.chmod(0o600)


@pytest.fixture
def file(tmp_path):
    make_version_1(tmp_path / "trakt.db")
    return tmp_path / "trakt.db"


def columns_of(path):
    with contextlib.closing(sqlite3.connect(path)) as raw:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            table: tuple(column for (column,) in raw.execute("SELECT name FROM pragma_table_info(?)", (table,)))
            for table in tables
            if not table.startswith("sqlite_")
        }


def test_every_older_version_has_a_migration():
    assert sorted(MIGRATIONS) == list(range(1, VERSION))


def test_a_migrated_file_has_the_tables_of_a_new_one(file, tmp_path):
    for path in (file, tmp_path / "new.db"):
        SqliteFile(path, list).close()
    assert columns_of(file) == columns_of(tmp_path / "new.db") == COLUMNS
    with contextlib.closing(sqlite3.connect(file)) as raw:
        assert raw.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() == (str(VERSION),)


def test_a_login_of_version_1_can_be_refreshed(start, file):
    client = start(database=f"sqlite:{file}", profile="classic", rotation="once", seed=None)
    reply = client.post("/oauth/token", grant_type="refresh_token", refresh_token=REFRESH_TOKEN, **CLIENT)
    assert reply.status == 200
    assert client.post("/oauth/token", grant_type="refresh_token", refresh_token=REFRESH_TOKEN, **CLIENT).status == 400


def test_a_backup_of_version_1_that_is_put_in_place_is_migrated(start, file, tmp_path):
    backup = tmp_path / "backup.db"
    make_version_1(backup)
    client = start(database=f"sqlite:{file}", profile="classic", rotation="once", seed=None)
    assert client.post("/oauth/token", grant_type="refresh_token", refresh_token=REFRESH_TOKEN, **CLIENT).status == 200
    os.replace(backup, file)  # noqa: PTH105 - an atomic rename
    time.sleep(0.2)  # the server looks for another file every tenth of a second
    assert client.post("/oauth/token", grant_type="refresh_token", refresh_token=REFRESH_TOKEN, **CLIENT).status == 200


def test_a_failed_migration_leaves_the_file_as_it_was(file):
    with contextlib.closing(sqlite3.connect(file)) as raw:
        raw.execute("CREATE TABLE clients (theirs TEXT)")
        raw.commit()
    before = columns_of(file)
    with pytest.raises(StorageUnavailable):
        SqliteFile(file, list)
    assert columns_of(file) == before


def test_an_incomplete_database_of_version_1_is_refused(file):
    with contextlib.closing(sqlite3.connect(file)) as raw:
        raw.execute("DROP TABLE pair")
        raw.commit()
    with pytest.raises(StorageUnavailable, match="lacks the table pair"):
        SqliteFile(file, list)


@pytest.mark.slow
def test_a_postgresql_of_version_1_is_migrated(start, postgres_address):
    with psycopg.connect(postgres_address) as admin:
        for statement in VERSION_1.split(";\n"):
            if "sqlite_sequence" in statement or statement.strip() in ("BEGIN TRANSACTION", "COMMIT", ""):
                continue
            translated = re.sub(r"X'([0-9A-F]*)'", r"'\\x\1'", statement)
            for pattern, replacement in TYPES:
                translated = re.sub(pattern, replacement, translated)
            admin.execute(translated.encode())
        admin.execute("INSERT INTO meta VALUES ('lane 1', 'left over')")
        for table in ("pair", "family", "app", "person", "device"):
            admin.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 10)".encode())
    client = start(database=postgres_address, profile="classic", rotation="once", seed=None)
    reply = client.post("/oauth/token", grant_type="refresh_token", refresh_token=REFRESH_TOKEN, **CLIENT)
    assert reply.status == 200
    with psycopg.connect(postgres_address) as admin:
        found = {name for (name,) in admin.execute("SELECT name FROM meta").fetchall()}
    assert "lane 1" not in found
