"""`traktauth store`: logins brought elsewhere, a key made, and everything under it."""

from __future__ import annotations

import base64
import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from traktauth.models import PendingRefresh, Sender
from traktauth.models.changes import SaveToken
from traktauth.stores.encryption import key_id
from traktauth.stores.open import open_store

ACCOUNTS = ("default", "tv", "phone")


@pytest.fixture
def target(command):
    return f"sqlite:{command.folder}/new.db"


def move(command, target, *flags, **env):
    return command("store", "move", command.env["TRAKTAUTH_STORE"], target, *flags, **env)


def loaded(command, address, account="default"):
    with closing(open_store(address, environment=command.env)) as store:
        return store.load(command.login(account))


def events(outcome):
    return [json.loads(line) for line in outcome.out.splitlines()]


# ------------------------------------------------------------ move
def test_every_login_is_in_the_target_afterwards_and_each_is_reported(command, target):
    tokens = {account: command.keep(f"access-{account}-0123", account=account) for account in ACCOUNTS}
    outcome = move(command, target)
    assert outcome.status == 0
    assert sorted(outcome.out.splitlines()) == sorted(
        f"✓ {account} at http://127.0.0.1:9 (app cccccccc…): moved" for account in ACCOUNTS
    )
    assert outcome.err.splitlines() == [
        f"3 of 3 moved to {target}",
        f"→ Use it from now on: --store {target}, or TRAKTAUTH_STORE",
    ]
    for account, token in tokens.items():
        assert loaded(command, target, account).token == token
        assert command.record(account).token is None


def test_json_has_a_line_for_each_login_and_one_for_all(command, target):
    command.keep()
    command.keep(account="tv", pending_refresh=PendingRefresh(1, 1, time.time(), Sender("elsewhere", 1)))
    outcome = move(command, target, "--json")
    assert (outcome.status, outcome.err) == (5, "")
    first, second, summary = events(outcome)
    assert first == {
        "event": "login",
        "realm": "http://127.0.0.1:9",
        "client_id": "c" * 64,
        "account": "default",
        "outcome": "moved",
        "message": "moved",
    }
    assert (second["account"], second["outcome"]) == ("tv", "unconfirmed")
    assert (summary["event"], summary["from"], summary["to"]) == ("summary", f"file:{command.path}", target)
    assert (summary["moved"], summary["unconfirmed"], summary["newer"]) == (1, 1, 0)


def test_an_interrupted_move_is_shown_and_finished_by_the_next_move(command, target):
    token = command.keep(pending_refresh=PendingRefresh(1, 1, time.time(), Sender("here", 1), target))
    assert f"being moved to {target}" in command("status").out
    assert "to finish: traktauth store move" in command("status").out
    assert move(command, target).status == 0
    assert loaded(command, target).token == token


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["SAME", "SAME"], 2, "Both stores are one place"),
        (["SAME", "memory:"], 2, "memory: is lost when this command ends"),
        (["SAME", "shoebox:"], 2, "No store has the address"),
        (["SAME"], 2, "Missing argument 'TO'"),
        (["SAME", "redis://:hunter2@127.0.0.1:9"], 1, "127.0.0.1:9"),
        (["SAME", "sealed+sqlite:new.db"], 1, "No key to seal with"),
    ],
)
def test_what_cannot_be_moved_is_reported_in_two_lines_and_nothing_is_touched(command, words, status, message):
    token = command.keep()
    outcome = command("store", "move", *(command.env["TRAKTAUTH_STORE"] if w == "SAME" else w for w in words))
    first, second = outcome.err.splitlines()
    assert (outcome.status, outcome.out) == (status, "")
    assert message in first
    assert second.startswith("→ ")
    assert "hunter2" not in outcome.err
    assert (command.record().token, command.record().pending_refresh) == (token, None)


@pytest.mark.parametrize(("account", "client_id"), [("default", False), ("tv", True)])
def test_status_of_a_store_whose_only_login_was_moved_names_the_move(command, target, account, client_id):
    command.keep(account=account)
    move(command, target)
    if not client_id:
        del command.env["TRAKTAUTH_CLIENT_ID"]
    shown = command("status")
    assert shown.status == 4
    assert f"moved to {target}" in shown.out
    assert "This account has no login" not in shown.out
    assert "traktauth login" not in shown.err


def test_store_addresses_can_come_from_a_variable_a_file_or_standard_input(command, target):
    token = command.keep()
    source = command.env["TRAKTAUTH_STORE"]
    (command.folder / "address").write_text(f"{target}\n")
    assert command("store", "move", "env:OLD_STORE", f"@{command.folder}/address", OLD_STORE=source).status == 0
    assert loaded(command, target).token == token
    outcome = command("store", "move", "-", "-", stdin=f"{target}\n{source}\n")
    assert outcome.status == 0
    assert command.record().token == token


def test_a_wait_for_a_lock_is_reported(command, target):
    command.keep()
    with command.store.lock(command.login(), 0.0) as held:
        assert held
        moving = command.start("store", "move", command.env["TRAKTAUTH_STORE"], target, "--json")
        expected = json.loads(moving.stdout.readline())
    assert (expected["event"], expected["account"], expected["seconds"]) == ("waiting", "default", 34.0)
    moving.communicate(timeout=60)
    assert moving.returncode == 0


def test_a_store_without_logins_is_named(command, target):
    outcome = move(command, target)
    assert (outcome.status, outcome.out) == (0, "")
    assert outcome.err.startswith(f"file:{command.path} contains no login.")


# ------------------------------------------------------------ key
def test_key_prints_the_key_to_stdout_and_its_use_to_stderr(command):
    one, two = command("store", "key"), command("store", "key")
    key = one.out.strip()
    assert (one.status, one.out) == (0, f"{key}\n")
    assert len(base64.urlsafe_b64decode(key)) == 32
    assert one.out != two.out
    assert "TRAKTAUTH_SEAL_KEY" in one.err
    assert "traktauth store reseal" in one.err
    assert key not in one.err


def test_a_key_as_json_has_its_name(command):
    made = json.loads(command("store", "key", "--json").out)
    assert made["id"] == key_id(base64.urlsafe_b64decode(made["key"]))


@pytest.fixture
def examples(command):
    """The examples of the help, as functions that run them in a shell of their own."""
    shim = command.folder / "bin" / "traktauth"
    for folder in (shim.parent, command.folder / "home"):
        folder.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m traktauth "$@"\n')
    shim.chmod(0o755)
    env = {**command.env, "PATH": f"{shim.parent}:{command.env['PATH']}"}
    text = command("store", "key", "--help").out.partition("Examples:")[2]
    first, another = (
        part.replace("export TRAKTAUTH_SEAL_KEY_FILE=~/.traktauth.key", "") for part in text.split("# ")[1:]
    )
    scripts = [each.partition("\n")[2] for each in (first, another)]
    return [lambda script=each: subprocess.run(["sh", "-c", script], env=env, check=False) for each in scripts]


def test_the_examples_in_the_help_make_a_key_file_and_put_a_new_key_first(command, examples):
    first, another = examples
    path = command.folder / "home" / ".traktauth.key"
    assert another().returncode != 0, "no key exists yet"
    assert not path.exists()
    assert first().returncode == 0
    command.env["TRAKTAUTH_SEAL_KEY_FILE"] = str(path)
    old = path.read_text()
    command.keep()
    sealed = f"sealed+sqlite:{command.folder}/sealed.db"
    assert move(command, sealed).status == 0
    first()
    assert path.read_text() == old, "a key is never written over"
    assert another().returncode == 0
    new, kept = path.read_text().splitlines(keepends=True)
    assert (kept, path.stat().st_mode & 0o777) == (old, 0o600)
    outcome = command("store", "reseal", "--store", sealed)
    names = [key_id(base64.urlsafe_b64decode(key)) for key in (new, old)]
    assert f"1 sealed with the newest key, {names[0]};" in outcome.err
    assert outcome.err.endswith(f"  Not needed here any more, once every program has {names[0]}: the key {names[1]}\n")
    path.write_text(new)
    assert command("token", "--store", sealed).status == 0


# ------------------------------------------------------------ reseal
@pytest.fixture
def sealed(command):
    """A sealed store under an old key, with a login of which a part lies in clear."""
    old = command("store", "key").out.strip()
    address = f"sealed+sqlite:{command.folder}/logins.db"
    command.env |= {"TRAKTAUTH_SEAL_KEY": old}
    command.keep()
    assert command("store", "move", f"file:{command.path}", address).status == 0
    command.env["TRAKTAUTH_STORE"] = address
    return old


def key_names(command):
    with closing(sqlite3.connect(command.folder / "logins.db")) as database:
        (table,) = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%payload%'")]
        kept = [rest for (rest,) in database.execute(f"SELECT payload FROM {table}") if rest.strip()]
        return {json.loads(rest)["sealed"].split(".")[1] for rest in kept}


def test_reseal_encrypts_every_login_with_the_newest_key(command, sealed):
    new = command("store", "key").out.strip()
    command.env["TRAKTAUTH_SEAL_KEY"] = f"{new},{sealed}"
    outcome = command("store", "reseal")
    assert (outcome.status, outcome.out) == (0, "")
    name, other = (key_id(base64.urlsafe_b64decode(key)) for key in (new, sealed))
    assert outcome.err.splitlines() == [
        f"✓ 1 sealed with the newest key, {name}; 0 were already",
        f"  1 uses the key {name}",
        f"  Not needed here any more, once every program has {name}: the key {other}",
    ]
    assert key_names(command) == {name}
    assert command("token", TRAKTAUTH_SEAL_KEY=new).status == 0, "the old key can be thrown away"
    again = json.loads(command("store", "reseal", "--json").out)
    assert again == {"event": "summary", "key": name, "sealed": 0, "already": 1, "failed": 0, "keys": {name: 1}}


def test_a_key_that_is_still_needed_is_not_reported_as_unused(command, sealed):
    with closing(open_store(command.env["TRAKTAUTH_STORE"], environment=command.env)) as store:
        token = store.load(command.login()).token
        assert store.apply(command.login("tv"), SaveToken(token, after=0, at=time.time()))
    with closing(sqlite3.connect(command.folder / "logins.db")) as database, database:
        database.execute("UPDATE traktauth_logins SET generation = 9 WHERE account = 'tv'")
    new, unused = (command("store", "key").out.strip() for _ in range(2))
    command.env["TRAKTAUTH_SEAL_KEY"] = f"{new},{sealed},{unused}"
    names = [key_id(base64.urlsafe_b64decode(key)) for key in (new, sealed, unused)]
    outcome = command("store", "reseal")
    assert outcome.status == 1
    assert outcome.out == (
        "✗ tv at http://127.0.0.1:9 (app cccccccc…): "
        "The sealed login 'tv' at 'http://127.0.0.1:9' was changed, or is another login's; it is left as it is\n"
    )
    assert outcome.err.splitlines()[1:] == [
        f"! 1 sealed with the newest key, {names[0]}; 0 were already, 1 left unchanged",
        f"  1 uses the key {names[0]}",
        f"  1 uses the key {names[1]}",
        f"  Not needed here any more, once every program has {names[0]}: the key {names[2]}",
    ]
    one, summary = events(command("store", "reseal", "--json"))
    assert (one["event"], one["account"], one["key"]) == ("login", "tv", names[1])
    assert "traktauth login --account tv" in one["hint"]
    assert (summary["already"], summary["failed"], summary["keys"]) == (1, 1, {names[0]: 1, names[1]: 1})


def test_reseal_encrypts_plain_logins_only_with_take_plain(command):
    token = command.keep()
    new = command("store", "key").out.strip()
    command.env |= {"TRAKTAUTH_STORE": f"sealed+file:{command.path}", "TRAKTAUTH_SEAL_KEY": new}
    assert command("token").status == 1
    left = command("store", "reseal")
    assert left.status == 1
    assert "traktauth store reseal --take-plain" in left.err
    assert token.refresh_token in command.path.read_text(), "it is left as it is"
    taken = command("store", "reseal", "--take-plain")
    assert taken.status == 0
    assert "default at http://127.0.0.1:9 (app cccccccc…): it was not encrypted, and is sealed now" in taken.out
    assert token.refresh_token not in command.path.read_text()
    assert command("token").out.strip() == token.access_token


def test_reseal_refuses_a_store_that_is_not_sealed(command):
    outcome = command("store", "reseal")
    assert outcome.status == 2
    assert "Name the store as sealed+ADDRESS" in outcome.err
