"""Which store stands behind an address."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from contextlib import closing

import pytest

from traktauth.errors import StoreFailed
from traktauth.stores.file.store import FileStore
from traktauth.stores.memory import MemoryStore
from traktauth.stores.open import open_store, without_password


def test_memory_is_a_place_of_its_own_each_time():
    one, two = open_store("memory:"), open_store("memory:")
    assert isinstance(one, MemoryStore)
    assert one.identity != two.identity
    assert one.address == "memory:"


def test_a_file_is_named_by_its_path(tmp_path):
    store = open_store(f"file:{tmp_path}/a b.json")
    assert isinstance(store, FileStore)
    assert store.path == f"{tmp_path}/a b.json"
    assert open_store(store.address).identity == store.identity


def test_databases_that_differ_by_their_service_alone_are_two_places():
    """Or callers in one process would share a refresh, and a token that could not be saved."""
    one, two = (open_store(f"postgresql:///?service={name}") for name in ("one", "two"))
    assert one.identity != two.identity
    assert (one.address, two.address) == ("postgresql:///?service=one", "postgresql:///?service=two")
    assert open_store(one.address).identity == one.identity


def test_a_path_may_begin_at_home_or_here(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert open_store("file:~/x.json").path == open_store("file:x.json").path == f"{tmp_path}/x.json"


def test_a_user_without_home_is_asked_to_name_a_file(monkeypatch):
    def nobody(_):
        raise KeyError("no such user")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(StoreFailed, match="no home folder") as caught:
        open_store("file:")
    assert "TRAKTAUTH_STORE" in caught.value.hint_command


def test_home_unset_is_found_in_the_systems_list_of_users(monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert open_store("file:").path.startswith(pwd.getpwuid(os.getuid()).pw_dir)


@pytest.mark.parametrize(
    "address", ["", "memory", "memory:x", "file", "tokens.json", "carrier-pigeon:coop", "redis", "postgresql"]
)
def test_an_address_that_names_no_store_is_refused_with_those_that_do(address):
    with pytest.raises(ValueError, match=r"file:/PATH\.json"):
        open_store(address)


@pytest.mark.parametrize(
    "address",
    ["carrier-pigeon://user:hunter2@coop/1", "postgres:user:hunter2@coop", "user:hunter2@coop/1", "redis:hunter2@coop"],
)
def test_a_refused_address_is_shown_without_its_password(address):
    with pytest.raises(ValueError, match="coop") as caught:
        open_store(address)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("file:/a@b?c=d.json", "file:/a@b?c=d.json"),
        ("sealed+sqlite:/u:p@x", "sealed+sqlite:/u:p@x"),
        ("memory:", "memory:"),
        ("postgresql://db/app", "postgresql://db/app"),
        ("postgresql://app@db/app", "postgresql://app@db/app"),
        ("sealed+postgresql://app:hunter2@db:5432/app", "sealed+postgresql://app:***@db:5432/app"),
        ("redis://:hunter2@h/1?prefix=tv&connections=3", "redis://:***@h/1?prefix=tv&connections=3"),
        ("rediss://hunter2@h", "rediss://***@h"),
        ("unix:///run/r.sock?db=2&password=hunter2", "unix:///run/r.sock?db=2&password=***"),
        (
            "postgresql://h/x?user=app&password=hunter2&options=-csearch_path%3Dtv&sslpassword=hunter2",
            "postgresql://h/x?user=app&password=***&options=-csearch_path%3Dtv&sslpassword=***",
        ),
        # Not percent-encoded, so that it is not known where the password begins or ends.
        ("postgresql://app:hun@ter2@db/app", "postgresql://app:***@db/app"),
        ("postgresql://app:hun/ter2@db/app", "postgresql://app:***@db/app"),
        ("postgresql://app:hun?ter2@db/app", "postgresql://***"),
        ("postgresql://db/app?password=hun@ter2", "postgresql://***"),
        ("postgresql://hun/ter2@db", "postgresql://***"),
    ],
)
def test_an_address_is_shown_with_stars_for_its_passwords(address, shown):
    assert without_password(address) == shown


def test_a_path_with_a_nul_is_refused():
    with pytest.raises(ValueError, match="NUL"):
        open_store("file:/tmp/a\0b")


def test_a_store_is_taken_as_it_is():
    store = MemoryStore()
    assert open_store(store) is store


def test_a_blocking_store_is_opened_without_asyncio():
    code = "import sys; from traktauth.stores.open import open_store; open_store('file:/x'); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "traktauth.stores.file.store" in modules
    assert not {"asyncio", "sqlite3", "platformdirs"} & set(modules)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:Pa55$@wwqx@127.0.0.1/db",
        "postgresql://user:Pa55?wwqx@127.0.0.1/db",
        "postgresql://user:Pa55#wwqx@127.0.0.1/db",
        "postgresql://user:12/wwqx@127.0.0.1/db",
        "postgresql://127.0.0.1/db?user=Pa55@wwqx",
        "redis://Pa55?wwqx@127.0.0.1",
        "redis://:Pa55#wwqx@127.0.0.1",
        "redis://user:Pa55@wwqx@127.0.0.1/0",
        "rediss://:12/wwqx@127.0.0.1/0",
        "sealed+redis://:Pa55@wwqx@127.0.0.1/0",
    ],
)
def test_a_password_that_is_not_encoded_is_refused_and_not_shown(address):
    environment = {"TRAKTAUTH_SEAL_KEY": "k" * 43}
    with pytest.raises(ValueError, match=r"percent-encode .* @ is %40") as caught:
        open_store(address, environment=environment)
    assert "wwqx" not in str(caught.value)
    assert "Pa55" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://app:hunter2@db:5432/app", "postgresql://app@db:5432/app"),
        ("postgresql://app%40corp:p%40ss@db/app", "postgresql://app%40corp@db/app"),
        ("postgresql://db/app?user=app&password=hunter2&connections=3", "postgresql://db/app?user=app&connections=3"),
        (
            "postgresql://app@db/app?options=-csearch_path%3Dmine%20-cwork_mem%3D4MB&sslmode=require&sslkey=/hunter2",
            "postgresql://app@db/app?options=-csearch_path%3Dmine%20-cwork_mem%3D4MB&sslmode=require",
        ),
        ("redis://app:hunter2@db:6379/1?prefix=x", "redis://db:6379/1?prefix=x"),
    ],
)
def test_a_servers_address_is_shown_as_a_command_can_use_it_without_its_password(address, shown):
    with closing(open_store(address)) as store:
        assert store.address == shown
    with closing(open_store(shown)) as again:
        assert again.address == shown


@pytest.mark.parametrize("address", ["postgresql://h/x?connections={}", "redis://h/0?connections={}"])
@pytest.mark.parametrize("number", ["0", "-1", "many", "1001", "", "²"])
def test_a_malformed_number_of_connections_is_refused(address, number):
    with pytest.raises(ValueError, match="connections= in the store's address must be a number from 1 to 1000"):
        open_store(address.format(number))
