"""Records that only a key opens."""

from __future__ import annotations

import base64
import json
import os
import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from support.stores import Closing
from traktauth.errors import StoreFailed
from traktauth.models import Probe, Record, app_entry
from traktauth.models.changes import (
    BeginRefresh,
    SaveToken,
    SetRefreshable,
    SwapProbe,
)
from traktauth.models.record import FORMAT, erased_entry
from traktauth.stores import key_rotation
from traktauth.stores.encryption import AesGcmCipher, key_id, new_key, read_keys
from traktauth.stores.file.store import FileStore
from traktauth.stores.key_rotation import Resealed, key_ids, reseal
from traktauth.stores.open import open_store
from traktauth.stores.record_json import to_document
from traktauth.testing import StoreContract
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh, signed_in

OLD, NEW = new_key(), new_key()
OLD_ID, NEW_ID = (key_id(base64.urlsafe_b64decode(key)) for key in (OLD, NEW))
KINDS = {"file": "tokens.json", "sqlite": "tokens.db"}


class TestSealedFile(Closing, StoreContract):
    def open_store(self, place):
        return self.opened(open_store(f"sealed+file:{place}/tokens.json", environment={"TRAKTAUTH_SEAL_KEY": NEW}))


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def opened(kind, tmp_path):
    """Open the sealed store of this test with some keys: `opened(NEW, OLD)`."""
    stores = []

    def open_with(*keys, **more):
        environment = {"TRAKTAUTH_SEAL_KEY": ",".join(keys)}
        address = f"sealed+{kind}:{tmp_path}/{KINDS[kind]}"
        stores.append(open_store(address, environment=environment, **more))
        return stores[-1]

    yield open_with
    for store in stores:
        store.close()


def kept(tmp_path):
    return b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.suffix != ".db-shm")


COLUMNS = ("generation", "expires_at", "account", "refreshable", "pending_refresh", "moved_to")


def rewrite(kind, tmp_path, change):
    """Let another program rewrite the clear members and the sealed text of each login: `change({account: entry})`."""
    path = tmp_path / KINDS[kind]
    if kind == "file":
        document = json.loads(path.read_text())
        change({entry["account"]: entry for entry in document["logins"]})
        path.write_text(json.dumps(document))
        return
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM traktauth_logins WHERE revision <> 0")]
        entries = {
            row["account"]: {
                **row,
                **json.loads(row["payload"]),
                "pending_refresh": json.loads(row["pending_refresh"] or "null"),
            }
            for row in rows
        }
        change(entries)
        for account, entry in entries.items():
            pending = None if entry["pending_refresh"] is None else json.dumps(entry["pending_refresh"])
            payload = {name: value for name, value in entry.items() if name == "sealed" or name not in rows[0]}
            values = {name: entry[name] for name in COLUMNS} | {
                "payload": json.dumps(payload),
                "pending_refresh": pending,
            }
            setting = ", ".join(f"{name} = ?" for name in values)
            connection.execute(f"UPDATE traktauth_logins SET {setting} WHERE account = ?", (*values.values(), account))


def test_nothing_secret_stands_in_the_file(opened, tmp_path):
    store = opened(NEW)
    signed_in(store)
    store.apply(LOGIN, SetRefreshable(1, "Trakt refused it"))
    store.close()
    content = kept(tmp_path)
    for secret in (b"access-1", b"refresh-1", b"Trakt refused it", b"public", b"expires_in"):
        assert secret not in content
    for clear in (b"trakt", b"app", b"default", NEW_ID.encode()):
        assert clear in content


def test_an_unencrypted_login_is_readable_without_a_key(opened, tmp_path, kind):
    store = opened(NEW)
    signed_in(store)
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    store.close()
    seen = {}
    rewrite(kind, tmp_path, lambda entries: seen.update(entries["default"]))
    pending = seen["pending_refresh"]
    assert (pending["generation"], pending["sending"], pending["started_at"]) == (1, 1, 1_700_000_000.125)
    assert (pending["sender"]["host"], pending["sender"]["pid"]) == ("here", 1)
    assert (seen["generation"], seen["refreshable"], seen["expires_at"]) == (1, 1, pair(1).expires_at)


def test_no_nonce_is_used_twice(opened, tmp_path, kind):
    store = opened(NEW)
    seals = set()
    for generation in range(1, 30):
        signed_in(store, generation=generation)
        rewrite(kind, tmp_path, lambda entries: seals.add(entries["default"]["sealed"]))
    nonces = {base64.urlsafe_b64decode(seal.split(".")[2])[:12] for seal in seals}
    assert len(seals) == len(nonces) == 29
    assert all(re.fullmatch(rf"2\.{NEW_ID}\.[\w=-]+", seal) for seal in seals)


def test_the_first_key_seals_and_all_open(opened):
    signed_in(opened(OLD))
    store = opened(NEW, OLD)
    assert store.load(LOGIN).token == pair(1)
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert opened(NEW).load(LOGIN).token == pair(2)


def test_a_missing_key_is_named(opened):
    signed_in(opened(OLD))
    for keys in ((NEW,), ()):
        with pytest.raises(StoreFailed, match=OLD_ID) as caught:
            opened(*keys).load(LOGIN)
        assert "TRAKTAUTH_SEAL_KEY" in caught.value.hint
        with pytest.raises(StoreFailed):
            opened(*keys).apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert opened(OLD).load(LOGIN).token == pair(1)


def test_a_missing_key_does_not_lead_to_a_sign_in(opened):
    with pytest.raises(StoreFailed, match="No key to seal with") as caught:
        opened().check_writable()
    assert "traktauth store key" in caught.value.hint_command
    assert "traktauth store" not in caught.value.hint


def test_a_changed_sealed_text_is_reported(opened, tmp_path, kind):
    store = opened(NEW)
    signed_in(store)
    signed_in(store, OTHERS[0])
    store.close()

    def flip(entries):
        seal = entries["default"]["sealed"]
        entries["default"]["sealed"] = seal[:-5] + ("A" if seal[-5] != "A" else "B") + seal[-4:]

    rewrite(kind, tmp_path, flip)
    with pytest.raises(StoreFailed, match="was changed, or is another login's"):
        store.load(LOGIN)
    assert store.load(OTHERS[0]).token == pair(1)


@pytest.mark.parametrize(
    "seal", ["", "1", "1.", "1.{id}", "1.{id}.", "1.{id}.%%%", "1.{id}.AAAA", "2.{id}.AAAA", "3.{id}.AAAA"]
)
def test_a_malformed_sealed_text_is_reported(opened, tmp_path, kind, seal):
    store = opened(NEW)
    signed_in(store)
    rewrite(kind, tmp_path, lambda entries: entries["default"].update(sealed=seal.format(id=NEW_ID)))
    with pytest.raises(StoreFailed):
        store.load(LOGIN)


def test_swapped_records_are_noticed(opened, tmp_path, kind):
    store = opened(NEW)
    signed_in(store)
    signed_in(store, OTHERS[0])

    def swap(entries):
        one, two = entries["default"], entries["second"]
        one["sealed"], two["sealed"] = two["sealed"], one["sealed"]

    rewrite(kind, tmp_path, swap)
    for login in (LOGIN, OTHERS[0]):
        with pytest.raises(StoreFailed, match="another login's"):
            store.load(login)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("generation", 7),
        ("expires_at", 4e9),
        ("account", "mine"),
        ("refreshable", False),
        ("moved_to", "redis://evil.example/0"),
        ("pending_refresh", None),
        ("pending_refresh", {"generation": 1, "sending": 2, "started_at": 1.0, "sender": {"host": "evil", "pid": 1}}),
    ],
)
def test_what_a_record_is_bound_to_cannot_be_changed(opened, tmp_path, kind, member, value):
    store = opened(NEW)
    signed_in(store)
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    rewrite(kind, tmp_path, lambda entries: entries["default"].update({member: value}))
    (login,) = store.list_logins()
    for verb in (
        store.load,
        lambda login: store.apply(login, BeginRefresh(pending_refresh(1, 2))),
        lambda login: store.apply(login, SetRefreshable(1, None)),
    ):
        with pytest.raises(StoreFailed, match=f"The sealed login '{login.account}' at 'trakt' was changed") as caught:
            verb(login)
        assert caught.value.of_one


def test_unencrypted_members_beside_the_sealed_text_are_ignored(opened, tmp_path, kind):
    store = opened(NEW)
    signed_in(store)
    planted = {"saved_at": 7.0, "rejected_at": 7.0, "token": None, "history": []}
    rewrite(kind, tmp_path, lambda entries: entries["default"].update(planted))
    record = opened(NEW).load(LOGIN)
    assert (record.token, record.rejected_at, record.saved_at != 7.0, len(record.history)) == (pair(1), None, True, 1)


@pytest.mark.parametrize("planted", [{"token": pair(7)}, {"moved_to": "file:/planted.json"}], ids=["token", "moved"])
def test_of_an_erased_login_only_the_generation_is_read(tmp_path, planted):
    """Its entry is not sealed, so whoever can write the file could put anything into it."""
    path = tmp_path / "tokens.json"
    document = to_document(erased_entry(LOGIN), Record(generation=7, **planted))
    with closing(open_store(f"sealed+file:{path}", environment={"TRAKTAUTH_SEAL_KEY": NEW})) as store:
        signed_in(store)
        path.write_text(json.dumps({"format": FORMAT, "logins": [document]}))
        assert store.load(LOGIN) == Record(generation=7)


# A record as the first version sealed it: bound to less.
def test_a_login_sealed_in_another_version_is_refused(opened, tmp_path, kind):
    signed_in(opened(NEW))
    rewrite(kind, tmp_path, lambda entries: entries["default"].update(sealed="1" + entries["default"]["sealed"][1:]))
    with pytest.raises(StoreFailed, match="sealed in version '1'; this version of traktauth reads version 2"):
        opened(NEW).load(LOGIN)


def test_a_sealed_login_in_a_plain_store_is_reported_as_encrypted(opened, tmp_path, kind):
    signed_in(opened(NEW))
    with closing(open_store(f"{kind}:{tmp_path}/{KINDS[kind]}")) as plain:
        with pytest.raises(StoreFailed, match="encrypted") as caught:
            plain.load(LOGIN)
        assert "sealed+" in caught.value.hint


def test_a_plain_login_is_sealed_only_if_that_is_asked_for(opened, tmp_path, kind):
    with closing(open_store(f"{kind}:{tmp_path}/{KINDS[kind]}")) as plain:
        signed_in(plain)
    with pytest.raises(StoreFailed, match="unencrypted") as caught:
        opened(NEW).load(LOGIN)
    assert "traktauth store reseal --take-plain" in caught.value.hint_command
    assert "traktauth store" not in caught.value.hint
    address, environment = f"sealed+{kind}:{tmp_path}/{KINDS[kind]}", {"TRAKTAUTH_SEAL_KEY": NEW}
    (left,) = reseal(address, environment=environment)
    assert (left.login, left.changed, left.was_plain, left.key) == (LOGIN, False, False, None)
    assert "unencrypted" in left.error.message
    (taken,) = reseal(address, environment=environment, take_plain=True)
    assert taken == Resealed(LOGIN, changed=True, key=NEW_ID, was_plain=True)
    assert opened(NEW).load(LOGIN).token == pair(1)
    assert b"refresh-1" not in (tmp_path / KINDS["file"]).read_bytes() if kind == "file" else True


def test_a_whole_store_is_resealed_by_its_address(opened, tmp_path, kind):
    signed_in(opened(OLD))
    address = f"sealed+{kind}:{tmp_path}/{KINDS[kind]}"
    for keys, changed in (((OLD,), False), ((NEW, OLD), True), ((NEW,), False)):
        environment = {"TRAKTAUTH_SEAL_KEY": ",".join(keys)}
        assert list(reseal(address, environment=environment)) == [Resealed(LOGIN, changed, key_ids(environment)[0])]
    assert opened(NEW).load(LOGIN).token == pair(1)


def test_a_login_is_not_resealed_while_a_program_with_the_old_key_refreshes_it(opened, tmp_path, kind, monkeypatch):
    monkeypatch.setattr(key_rotation, "LOCK_TIMEOUT", 0.0)
    store = opened(OLD)
    signed_in(store)
    with store.lock(LOGIN, 0.0):
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
        address, keys = f"sealed+{kind}:{tmp_path}/{KINDS[kind]}", {"TRAKTAUTH_SEAL_KEY": f"{NEW},{OLD}"}
        (left,) = reseal(address, environment=keys)
        assert (left.changed, left.key) == (False, OLD_ID)
        assert "is refreshing" in left.error.message
        assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    (resealed,) = reseal(address, environment=keys)
    assert resealed.changed
    assert opened(NEW).load(LOGIN).token == pair(2)


def test_what_cannot_be_opened_is_named_with_its_key_and_all_else_is_resealed(opened, tmp_path, kind):
    for login in (LOGIN, OTHERS[0]):
        signed_in(opened(OLD), login)
    rewrite(kind, tmp_path, lambda entries: entries[OTHERS[0].account].update(generation=9))
    address = f"sealed+{kind}:{tmp_path}/{KINDS[kind]}"
    environment = {"TRAKTAUTH_SEAL_KEY": f"{NEW},{OLD}"}
    for changed in (True, False):
        found = {each.login: each for each in reseal(address, environment=environment)}
        damaged = found.pop(OTHERS[0])
        assert (damaged.changed, damaged.key) == (False, key_ids(environment)[1])
        assert "was changed" in damaged.error.message
        assert [(each.changed, each.key, each.error) for each in found.values()] == [(changed, NEW_ID, None)]


def test_what_is_damaged_under_the_newest_key_is_named_too(opened, tmp_path, kind):
    signed_in(opened(NEW))
    rewrite(kind, tmp_path, lambda entries: entries[LOGIN.account].update(generation=9))
    (damaged,) = reseal(f"sealed+{kind}:{tmp_path}/{KINDS[kind]}", environment={"TRAKTAUTH_SEAL_KEY": NEW})
    assert (damaged.key, damaged.error.of_one) == (NEW_ID, True)


def test_only_a_sealed_store_is_resealed(tmp_path):
    with pytest.raises(ValueError, match=r"sealed\+"):
        list(reseal(f"file:{tmp_path}/x"))


def test_address_and_repr_show_no_key(opened, kind):
    store = opened(NEW)
    assert store.address.startswith(f"sealed+{kind}:")
    assert NEW not in repr(AesGcmCipher([base64.urlsafe_b64decode(NEW)]))
    assert NEW_ID in repr(AesGcmCipher([base64.urlsafe_b64decode(NEW)]))


# ---------------------------------------------------------------- keys
@pytest.mark.parametrize(
    "form", [str, lambda key: key.rstrip("="), lambda key: key.replace("-", "+").replace("_", "/")]
)
def test_a_key_is_taken_in_every_base64(form):
    assert read_keys({"TRAKTAUTH_SEAL_KEY": f" {form(NEW)} ,{OLD},"}) == [
        base64.urlsafe_b64decode(NEW),
        base64.urlsafe_b64decode(OLD),
    ]


def test_keys_come_from_a_file_too(tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"{NEW}\n\n{OLD}\n")
    file.chmod(0o600)
    environment = {"TRAKTAUTH_SEAL_KEY_FILE": str(file)}
    assert [key_id(key) for key in read_keys(environment)] == [NEW_ID, OLD_ID]
    assert [key_id(key) for key in read_keys({**environment, "TRAKTAUTH_SEAL_KEY": OLD})] == [OLD_ID, NEW_ID, OLD_ID]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_refused(tmp_path, mode):
    file = tmp_path / "keys"
    file.write_text(NEW)
    file.chmod(mode)
    with pytest.raises(StoreFailed, match="Others can read") as caught:
        read_keys({"TRAKTAUTH_SEAL_KEY_FILE": str(file)})
    assert "chmod 600" in caught.value.hint


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_key_file_is_refused(tmp_path):
    file = tmp_path / "keys"
    file.write_text(NEW)
    file.chmod(0o600)
    os.chown(file, 65534, 65534)
    with pytest.raises(StoreFailed, match="belongs to another user"):
        read_keys({"TRAKTAUTH_SEAL_KEY_FILE": str(file)})


@pytest.mark.parametrize(
    "text", ["x", "hunter2hunter2", NEW[:-4], NEW + NEW, "é" * 44], ids=["short", "word", "cut", "twice", "not-ascii"]
)
def test_a_malformed_key_is_refused_and_not_shown(text):
    with pytest.raises(ValueError, match="does not hold a key of 32 bytes") as caught:
        read_keys({"TRAKTAUTH_SEAL_KEY": text})
    assert f" {text} " not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["sealed+memory:", "sealed+sealed+file:/x", "sealed+carrier-pigeon:coop", "sealed+"]
)
def test_what_cannot_be_sealed_is_refused(address):
    with pytest.raises(ValueError, match=r"memory:|No store"):
        open_store(address, environment={"TRAKTAUTH_SEAL_KEY": NEW})


def test_the_last_probe_is_readable_without_a_key_that_is_gone(tmp_path):
    """It holds no secret, and no login may depend on a key that was thrown away."""
    path, app = str(tmp_path / "tokens.json"), app_entry(LOGIN)
    probe = Probe(1.0, "failed", 10.0, failures=1, reason="it answered 503")
    assert FileStore(path, cipher=AesGcmCipher([os.urandom(32)])).apply(app, SwapProbe(None, probe))
    other = FileStore(path, cipher=AesGcmCipher([os.urandom(32)]))
    assert other.load(app).probe == probe
    assert other.apply(app, SwapProbe(probe, replace(probe, outcome="healthy")))
