"""Why requests are answered 503: told once when it begins, and once when it is over."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import psycopg
import pytest

from server.conftest import SEED, Client
from server.process.test_serve import PROGRAM
from server.test_disk_full import Elsewhere
from traktauth.server.process.log_output import log_to_stderr
from traktauth.server.storage.base import StorageUnavailable
from traktauth.server.storage.outage import Outage
from traktauth.server.storage.sqlite import connection

BEGAN = "Requests are answered 503, as the database cannot be used: "
ENDED = "The database works again after "


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outage(clock):
    return Outage(clock)


@pytest.fixture
def reported(caplog):
    caplog.set_level(logging.INFO, "traktauth.server")
    return lambda: [record.getMessage() for record in caplog.records]


def test_many_failures_are_one_line_and_their_end_is_another(outage, clock, reported):
    for _ in range(500):
        outage.note_failure("write", StorageUnavailable("connection refused\nDETAIL: not for the log"))
        clock.now += 0.1
    outage.note_success("write")
    outage.note_success("write")
    assert reported() == [f"{BEGAN}connection refused", f"{ENDED}50.0 s, in which it failed 500 times"]


def test_an_outage_lasts_while_only_reading_works(outage, clock, reported):
    for _ in range(9):
        outage.note_failure("write", StorageUnavailable("disk full"))
        outage.note_success("read")
    assert reported() == [f"{BEGAN}disk full"]


@pytest.mark.parametrize("error", ["\x1b]0;title\x07", "row\u202e"])
def test_a_reason_is_shown_without_what_a_terminal_obeys(outage, reported, error):
    outage.note_failure("read", StorageUnavailable(error))
    assert reported()[0].isprintable()


def test_a_database_that_fails_for_every_second_request_does_not_fill_the_log(outage, clock, reported):
    for _ in range(20_000):  # an hour and more
        outage.note_failure("write", StorageUnavailable("malformed"))
        outage.note_success("write")
        clock.now += 0.2
    assert len(reported()) < 10


def test_each_outage_that_threads_see_begins_once_and_ends_once(reported):
    outage = Outage(itertools.count(0.0, 100.0).__next__)

    def see():
        for _ in range(300):
            outage.note_failure("write", StorageUnavailable("gone"))
            outage.note_success("write")

    threads = [threading.Thread(target=see) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    lines = reported()
    assert len(lines) > 2
    assert all(line.startswith(BEGAN) for line in lines[::2])
    assert all(line.startswith(ENDED) for line in lines[1::2])
    assert len(lines) % 2 == 0


def served(database):
    """A server in a process of its own on *database*; its standard error when it has ended."""
    known = {"port": 0, "database": database, "control": True, "seed": SEED}
    command = [sys.executable, "-c", PROGRAM, json.dumps(known)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    return errors.splitlines()


def is_outage(lines, reason):
    first, second = lines
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "
    return bool(re.match(f"{when}{BEGAN}.*{reason}", first) and re.match(f"{when}{ENDED}", second))


@pytest.mark.slow
def test_a_crashed_postgresql_is_reported_on_stderr_with_the_drivers_words(own_server):
    with served(own_server.url) as process:
        client = Client(Elsewhere(json.loads(process.stdout.readline())["url"]))
        login = client.login()
        own_server.kill()
        assert [client.refresh(login.refresh).status for _ in range(5)] == [503] * 5
        own_server.start()
        assert client.use(client.renewed(login.refresh).access) == 200
        assert is_outage(ended(process), "refused")


def test_a_file_that_is_gone_is_reported_on_stderr(tmp_path):
    with served(f"sqlite:{tmp_path / 'db'}") as process:
        client = Client(Elsewhere(json.loads(process.stdout.readline())["url"]))
        login = client.login()
        away = (tmp_path / "db").rename(tmp_path / "away")
        time.sleep(2 * connection.LOOK_SECONDS)
        assert [client.refresh(login.refresh).status for _ in range(5)] == [503] * 5
        away.rename(tmp_path / "db")
        assert client.use(client.renewed(login.refresh).access) == 200
        assert is_outage(ended(process), "the database file is gone: No such file or directory")


def test_a_server_that_is_well_says_nothing(tmp_path):
    with served(f"sqlite:{tmp_path / 'db'}") as process:
        client = Client(Elsewhere(json.loads(process.stdout.readline())["url"]))
        assert client.use(client.renewed(client.login().refresh).access) == 200
        assert ended(process) == []


def test_lines_of_several_processes_name_theirs(capsys):
    with log_to_stderr(processes=2):
        logging.getLogger("traktauth.server.storage").warning("told")
    logging.getLogger("traktauth.server.storage").debug("not told")
    assert re.fullmatch(r"\S+ \S+ \[\d+\] told\n", capsys.readouterr().err)


def in_sqlite(path):
    def run(statement):
        with contextlib.closing(sqlite3.connect(path)) as raw, raw:
            raw.execute(statement)

    return run


def in_postgresql(address):
    def run(statement):
        with psycopg.connect(address, autocommit=True) as raw:
            raw.execute(statement)

    return run


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("statement", ["DROP TABLE token_pairs", "DROP TABLE families", "DROP TABLE clients"])
def test_readyz_fails_where_every_token_request_would(start, tmp_path, request, database, statement, reported):
    if database == "sqlite":
        address, change = f"sqlite:{tmp_path / 'db'}", in_sqlite(tmp_path / "db")
    else:
        address = request.getfixturevalue("postgres_address")
        change = in_postgresql(address)
    client = start(database=address)
    login = client.login()
    assert client.get("/readyz").status == 200
    change(statement)
    assert [client.refresh(login.refresh).status for _ in range(3)] == [503] * 3
    assert [client.get("/readyz").status for _ in range(3)] == [503] * 3
    assert len(reported()) == 1
    assert client.get("/healthz").status == 200
    with pytest.raises(StorageUnavailable, match=r"lacks the table (token_pairs|families|clients)"):
        start(database=address)


def test_readyz_fails_where_a_column_is_missing(start, tmp_path):
    client = start(database=f"sqlite:{tmp_path / 'db'}")
    in_sqlite(tmp_path / "db")("ALTER TABLE token_pairs DROP COLUMN scope")
    assert client.get("/readyz").status == 503


def test_readyz_changes_nothing(start, tmp_path):
    client = start(database=f"sqlite:{tmp_path / 'db'}")
    client.login()

    def rows():
        with contextlib.closing(sqlite3.connect(tmp_path / "db")) as raw:
            tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {table: raw.execute(f"SELECT * FROM {table}").fetchall() for table in sorted(tables)}

    assert client.get("/readyz").status == 200
    before = rows()
    assert client.get("/readyz").status == 200
    assert rows() == before
