"""`--check`: everything is read and judged, nothing is made."""

from __future__ import annotations

import sqlite3

import pytest

from traktauth.server.checking import checked, shown
from traktauth.server.embedded import Embedded
from traktauth.server.settings import Settings
from traktauth.server.storage.base import StorageDown

SEED = {"apps": [{"client_id": "a", "client_secret": "s", "redirect_uris": ["x:/y"]}], "users": []}


def test_what_would_be_served_is_told(tmp_path):
    settings = Settings(
        profile="classic", database=f"sqlite:{tmp_path / 'new' / 'db'}", seed=SEED, faults=[{"path": "/oauth/token"}]
    )
    assert checked(settings) == {
        "profile": "classic",
        "measured_on": "Doorkeeper 5.6.6 on Rails 7.2.2",
        "rotation": "until-used",
        "strict": False,
        "database": {"address": f"sqlite:{tmp_path / 'new' / 'db'}", "state": "new"},
        "apps": 1,
        "users": 0,
        "faults": 1,
    }
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_has_been_served_is_ready_and_stays_as_it_was(tmp_path):
    database = f"sqlite:{tmp_path / 'db'}"
    with Embedded(Settings(port=0, database=database)):
        pass
    before = (tmp_path / "db").read_bytes()
    assert checked(Settings(database=database))["database"]["state"] == "ready"
    assert (tmp_path / "db").read_bytes() == before


def test_also_while_it_is_being_served(tmp_path):
    database = f"sqlite:{tmp_path / 'db'}"
    with Embedded(Settings(port=0, database=database)) as server:
        server.sign_in("sean")
        assert checked(Settings(database=database))["database"]["state"] == "ready"


def foreign(path):
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE cats (name TEXT)")
    raw.close()


def newer(path):
    with Embedded(Settings(port=0, database=f"sqlite:{path}")):
        pass
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = '999' WHERE name = 'schema'")
    raw.close()


def text(path):
    path.write_text("not a database, but long enough to be mistaken for one " * 20)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (foreign, "another program"),
        (newer, "newer version"),
        (text, "not a database"),
        (lambda path: path.mkdir(), "written"),
    ],
    ids=["foreign", "newer", "text", "folder"],
)
def test_a_database_that_cannot_be_used_is_found_out(tmp_path, make, why):
    make(tmp_path / "db")
    with pytest.raises(StorageDown, match=why):
        checked(Settings(database=f"sqlite:{tmp_path / 'db'}"))


@pytest.mark.parametrize("make", [foreign, newer, text], ids=["foreign", "newer", "text"])
def test_what_is_not_ours_is_neither_served_nor_changed(tmp_path, make):
    make(tmp_path / "db")
    before = (tmp_path / "db").read_bytes()
    with pytest.raises(StorageDown), Embedded(Settings(port=0, database=f"sqlite:{tmp_path / 'db'}")):
        pass
    assert (tmp_path / "db").read_bytes() == before


def test_a_path_through_a_file_is_found_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageDown, match="cannot be written"):
        checked(Settings(database=f"sqlite:{tmp_path / 'file' / 'db'}"))


@pytest.mark.parametrize("name", ["seed", "faults"])
@pytest.mark.parametrize("content", ["{", '"x"', '{"apps": 5}', '[{"path": 5}]'])
def test_files_that_make_no_sense_are_found_out(tmp_path, name, content):
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(ValueError, match=r"seed|fault"):
        checked(Settings(database="memory:", **{name: str(tmp_path / "file.json")}))


def test_a_log_in_no_folder_is_found_out(tmp_path):
    with pytest.raises(ValueError, match="access_log"):
        checked(Settings(database="memory:", access_log=tmp_path / "none" / "log"))


def test_a_postgresql_is_looked_at_and_left_as_it_is(postgres_address):
    assert checked(Settings(database=postgres_address))["database"]["state"] == "new"
    assert checked(Settings(database=postgres_address))["database"]["state"] == "new"
    with Embedded(Settings(port=0, database=postgres_address)):
        pass
    assert checked(Settings(database=postgres_address))["database"]["state"] == "ready"


def test_a_postgresql_that_is_not_there_is_found_out():
    with pytest.raises(StorageDown):
        checked(Settings(database="postgresql://u:s3cret@127.0.0.1:1/none"))


def test_no_password_of_a_database_is_told():
    assert shown("postgresql://u:s3cret@host:5/name?password=s3cret") == "postgresql://host:5/name"
    assert shown("sqlite:/a/b") == "sqlite:/a/b"


def test_a_place_that_cannot_be_is_named(tmp_path):
    with pytest.raises(ValueError, match="it is a folder"):
        checked(Settings(database="memory:", access_log=str(tmp_path)))
    with pytest.raises(ValueError, match=r"host no\.such\.host\.invalid cannot be found"):
        checked(Settings(database="memory:", host="no.such.host.invalid", insecure=True))
