"""What version 1 of the stored record and of the tables left in each store is opened, and saved in the present form."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import keyring
import psycopg
import pytest
import redis
from keyring.backend import KeyringBackend

from traktauth.errors import StoreFailed
from traktauth.models import HistoryEntry, LoginKey, PendingRefresh, Probe, Record, Sender, Token, User
from traktauth.models.changes import BeginRefresh, SaveToken, SetRefreshable
from traktauth.models.record import FORMAT, HistoryOutcome
from traktauth.stores.database.lease import steady_clock
from traktauth.stores.database.schema import RENAMED_COLUMNS, VERSION
from traktauth.stores.keyring import ENTRY
from traktauth.stores.open import open_store
from traktauth.stores.postgres.table_creation import schema_for
from traktauth.stores.text_store import TextStore

FIXTURES = Path(__file__).parent / "formats" / "1"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ENVIRONMENT = {"TRAKTAUTH_SEAL_KEY": KEY}
NEW_NAMES = RENAMED_COLUMNS[2]
ATTIC = Sender("attic", 12, 4711, "boot", "pid:[1]")


def login(account):
    return LoginKey("trakt", "app", account)


def token(generation):
    return Token(
        f"access-{generation}",
        refresh_token=f"refresh-{generation}",
        expires_in=604800,
        created_at=1_700_000_000,
        expires_at=1_700_000_000.0 + generation * 1000,
        scope="public",
        generation=generation,
    )


def entry(generation, **more):
    return HistoryEntry(generation, token(generation).fingerprint, 1_700_000_000.0 + generation, **more)


def pending(generation, **more):
    return PendingRefresh(generation, 1, 1_700_000_000.125 + generation, ATTIC, **more)


by_attic = {"host": "attic", "pid": 12}
RECORDS = {
    "pending": (
        Record(
            3,
            token(3),
            pending_refresh=pending(3, unconfirmed=True),
            saved_at=1_700_000_003.0,
            user=User("sean", "u-1"),
        ),
        (
            entry(1, outcome=HistoryOutcome.REFRESHED),
            entry(2, **by_attic, outcome=HistoryOutcome.REFRESHED),
            entry(3, **by_attic, outcome=HistoryOutcome.SENT),
        ),
    ),
    "refused": (
        Record(
            1,
            token(1),
            refreshable=False,
            not_refreshable_reason="Trakt refused its refresh token",
            saved_at=1_700_000_001.0,
        ),
        (entry(1, outcome=HistoryOutcome.NOT_REFRESHABLE, detail="Trakt refused its refresh token"),),
    ),
    "moved": (
        Record(1, moved_to="redis://elsewhere/0"),
        (entry(1, outcome=HistoryOutcome.MOVED, detail="redis://elsewhere/0"),),
    ),
    "moving": (
        Record(1, token(1), pending_refresh=pending(1, moving_to="sqlite:/new.db"), saved_at=1_700_000_001.0),
        (entry(1, outcome=HistoryOutcome.SENT),),
    ),
    "signed out": (Record(2), (entry(1, outcome=HistoryOutcome.SIGNED_OUT),)),
    "rolled back": (
        Record(5, token(5), saved_at=1_700_000_005.0),
        (entry(1, outcome=HistoryOutcome.ROLLED_BACK), entry(5, rolled_back_to=1)),
    ),
    "signed in again": (
        Record(2, token(2), saved_at=1_700_000_002.0, rejected_at=1_700_000_009.0),
        (entry(1, outcome=HistoryOutcome.SIGNED_IN), entry(2)),
    ),
    "erased": (Record(2), ()),
    "": (Record(probe=Probe(5.5, "failed", 20.0, failures=2, reason="it answered 503")), ()),
}


class Texts(TextStore):
    """A store of texts in a dictionary, which may be filled from outside."""

    def __init__(self, texts):
        super().__init__("texts:")
        self.texts = texts

    def read(self, key):
        return self.texts.get(key)

    def swap(self, key, old, new):
        found = self.texts.get(key) == old
        if found:
            self.texts[key] = new
        return found

    def keys(self):
        return self.texts

    @contextmanager
    def locked(self, key, timeout):
        yield True


class Keyring(KeyringBackend):
    """A keyring that holds the fixtures' key."""

    priority = 1

    def get_password(self, service, username):
        return KEY if username == ENTRY else None

    def set_password(self, service, username, password):
        raise AssertionError("the key is there")


def rows(kind):
    return json.loads((FIXTURES / f"{kind}-rows.json").read_text())


def fill_file(path, kind):
    shutil.copy(FIXTURES / kind, path)
    path.chmod(0o600)


def fill_sqlite(path, kind, version=1):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FIXTURES / "sqlite.sql").read_text())
        connection.execute(f"PRAGMA user_version = {version}")
        for row in rows(kind):
            names = ", ".join(row)
            connection.execute(
                f"INSERT INTO traktauth_logins ({names}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
            )
        connection.commit()
    path.chmod(0o600)


def fill_postgres(address, kind):
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute((FIXTURES / "postgres.sql").read_text())
        for row in rows(kind):
            marks = ", ".join("%s::int::boolean" if name == "renewable" else "%s" for name in row)
            text = f"INSERT INTO traktauth_logins ({', '.join(row)}) VALUES ({marks})"
            connection.execute(text, [*row.values()])


def redis_member(row):
    return json.dumps([row["realm"], row["client_id"], row["account"]])


def fill_redis(client, prefix, kind):
    client.set(f"{{{prefix}}}:schema", "1")
    for row in rows(kind):
        member = redis_member(row)
        fields = {name: "" if value is None else value for name, value in row.items()}
        for name in ("realm", "client_id", "account"):
            del fields[name]
        client.hset(f"{{{prefix}}}:login:{member}", mapping=fields)
        client.sadd(f"{{{prefix}}}:logins", member)


def check(store):
    """Check every record, then that it can be changed, and that the rest is as it was."""
    for account, (record, history) in RECORDS.items():
        found = store.load(login(account))
        assert (found, found.history) == (record, history), account
    assert {each.account for each in store.list_logins()} == set(RECORDS) - {"", "erased"}
    assert store.apply(login("signed in again"), BeginRefresh(pending(2)))
    assert store.apply(login("pending"), SaveToken(token(4), 3, 1_700_000_004.0))
    assert store.apply(login("refused"), SetRefreshable(1, None))


def check_again(store):
    assert store.load(login("signed in again")).pending_refresh == pending(2)
    saved = store.load(login("pending"))
    assert (saved.token, saved.pending_refresh, saved.user) == (token(4), None, User("sean", "u-1"))
    assert saved.history[-2:] == (entry(3, **by_attic, outcome=HistoryOutcome.REFRESHED), entry(4, **by_attic))
    assert store.load(login("refused")).refreshable
    assert store.load(login("moved")) == RECORDS["moved"][0]


@pytest.mark.parametrize("kind", ["tokens.json", "sealed.json"])
def test_a_file_is_opened(tmp_path, kind):
    path = tmp_path / "tokens.json"
    fill_file(path, kind)
    address = f"{'sealed+' if kind == 'sealed.json' else ''}file:{path}"
    check(open_store(address, environment=ENVIRONMENT))
    document = json.loads(path.read_text())
    formats = {member["account"]: member["format"] for member in document["logins"]}
    assert (document["format"], formats["pending"], formats["moved"]) == (FORMAT, FORMAT, 1), "an entry keeps its form"
    check_again(open_store(address, environment=ENVIRONMENT))


def test_the_file_of_a_keyring_is_opened(tmp_path, monkeypatch):
    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    try:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        path = Path(open_store("keyring:").path)
        path.parent.mkdir(exist_ok=True)
        fill_file(path, "sealed.json")
        check(open_store("keyring:"))
        check_again(open_store("keyring:"))
    finally:
        keyring.set_keyring(before)


def test_a_store_of_texts_is_opened():
    texts = Texts({})
    for document in json.loads((FIXTURES / "tokens.json").read_text())["logins"]:
        key = LoginKey(document["realm"], document["client_id"], document["account"])
        texts.texts[text_key(key)] = json.dumps(document)
    records = {account: RECORDS[account] for account in RECORDS if account != "erased"}
    for account, (record, history) in records.items():
        found = texts.load(login(account))
        assert (found, found.history) == (record, history), account
    assert texts.apply(login("pending"), SaveToken(token(4), 3, 1_700_000_004.0))
    assert json.loads(texts.texts[text_key(login("pending"))])["format"] == FORMAT


def text_key(key):
    from hashlib import sha256  # noqa: PLC0415 - as the store does

    return sha256(json.dumps([key.realm, key.client_id, key.account]).encode()).hexdigest()


@pytest.mark.parametrize("kind", ["plain", "sealed"])
def test_an_sqlite_database_is_migrated(tmp_path, kind):
    path = tmp_path / "tokens.db"
    fill_sqlite(path, kind)
    address = f"{'sealed+' if kind == 'sealed' else ''}sqlite:{path}"
    with closing(open_store(address, environment=ENVIRONMENT)) as store:
        check(store)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        query = "SELECT notifications FROM traktauth_logins WHERE account = 'refused'"
        assert connection.execute(query).fetchone() == ('["dying"]',)
    with closing(open_store(address, environment=ENVIRONMENT)) as store:
        check_again(store)


def test_an_sqlite_database_that_an_earlier_version_uses_is_not_migrated(tmp_path):
    """That version could not save the token that it is getting."""
    path = tmp_path / "tokens.db"
    fill_sqlite(path, "plain")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE traktauth_logins SET lease_until = ? WHERE account = 'moving'", [steady_clock() + 20]
        )
        connection.commit()
    with closing(open_store(f"sqlite:{path}")) as store:
        with pytest.raises(StoreFailed, match="earlier version") as caught:
            store.load(login("refused"))
        assert (caught.value.temporary, "Stop every program" in caught.value.hint) == (True, True)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM traktauth_logins WHERE renewal IS NOT NULL").fetchone() == (
                2,
            )
            connection.execute("UPDATE traktauth_logins SET lease_until = NULL")
            connection.commit()
        check(store)


@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_an_sqlite_database_of_another_version_is_left_as_it_is(tmp_path, version):
    path = tmp_path / "tokens.db"
    fill_sqlite(path, "plain", version)
    before = path.read_bytes()
    with closing(open_store(f"sqlite:{path}")) as store, pytest.raises(StoreFailed, match="left as it is") as caught:
        store.load(login("refused"))
    assert (path.read_bytes(), "later one" in caught.value.hint) == (before, True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "sealed"])
def test_a_postgresql_is_migrated(postgres_address, kind):
    fill_postgres(postgres_address, kind)
    with psycopg.connect(postgres_address, autocommit=True) as raw:
        raw.execute("UPDATE traktauth_logins SET lease_until = extract(epoch FROM now()) + 20 WHERE account = 'moving'")
        address = f"{'sealed+' if kind == 'sealed' else ''}{postgres_address}"
        with closing(open_store(address, environment=ENVIRONMENT)) as store:
            with pytest.raises(StoreFailed, match="earlier version"):
                store.load(login("refused"))
            raw.execute("UPDATE traktauth_logins SET lease_until = NULL")
            check(store)
        assert raw.execute("SELECT version FROM traktauth_schema").fetchone() == (VERSION,)
        query = "SELECT notifications FROM traktauth_logins WHERE account = 'refused'"
        assert raw.execute(query).fetchone() == ('["dying"]',)
    with closing(open_store(address, environment=ENVIRONMENT)) as store:
        check_again(store)


@pytest.mark.slow
def test_a_role_that_may_not_change_the_tables_is_told_the_administrators_command(postgres_address, postgres_server):
    fill_postgres(postgres_address, "plain")
    with psycopg.connect(postgres_address, autocommit=True) as admin:
        (schema,) = admin.execute("SELECT current_schema()").fetchone()
        admin.execute(f"CREATE ROLE clerk_{schema} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data, pg_write_all_data")
        address = postgres_address.replace(f"//{admin.info.user}", f"//clerk_{schema}")
        address = address.replace(postgres_server.url.split(":")[2].partition("@")[0], "x", 1)
        try:
            with closing(open_store(address)) as store:
                with pytest.raises(StoreFailed, match="may not change it") as caught:
                    store.load(login("refused"))
                assert caught.value.hint.endswith("traktauth store schema --migrate-from 1")
                admin.execute(schema_for(migrate_from=1))
                check(store)
        finally:
            admin.execute(f"DROP ROLE clerk_{schema}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "sealed"])
def test_a_redis_is_migrated(redis_server, redis_address, kind):
    prefix = redis_address.partition("prefix=")[2]
    address = f"{'sealed+' if kind == 'sealed' else ''}{redis_address}"
    with closing(redis.Redis.from_url(redis_server.url, decode_responses=True)) as raw:
        fill_redis(raw, prefix, kind)
        lease = f"{{{prefix}}}:lease:{json.dumps(['trakt', 'app', 'moving'])}"
        raw.set(lease, "a program of the earlier version")
        with closing(open_store(address, environment=ENVIRONMENT)) as store:
            with pytest.raises(StoreFailed, match="earlier version"):
                store.load(login("refused"))
            raw.delete(lease)
            check(store)
        assert raw.get(f"{{{prefix}}}:schema") == str(VERSION)
        fields = raw.hgetall(f"{{{prefix}}}:login:{json.dumps(['trakt', 'app', 'refused'])}")
        assert (fields["notifications"], fields.keys() & NEW_NAMES.keys()) == ('["dying"]', set())
    with closing(open_store(address, environment=ENVIRONMENT)) as store:
        check_again(store)
