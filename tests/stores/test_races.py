"""Many processes, one login, and a Trakt that ends every token of who sends a refresh token twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from client.strict_trakt import StrictTrakt
from traktauth.models import LoginKey, Token
from traktauth.models.changes import SaveToken
from traktauth.stores.encryption.seal_keys import new_key
from traktauth.stores.open import open_store

pytestmark = pytest.mark.slow

PROCESSES, ROUNDS = 8, 3
LIFE = 100
LEASE = 3.0  # seconds, more than a busy machine needs between the lock and the sending
KEY = new_key()


@pytest.fixture
def trakt():
    server = StrictTrakt()
    server.life = LIFE
    yield server
    server.close()


@pytest.fixture
def address(request, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", KEY)
    kind = request.param
    if kind in {"redis", "postgres"}:
        return request.getfixturevalue(f"{kind}_address")
    return f"{kind}:{tmp_path}/logins"


@pytest.fixture
def login(trakt, address):
    """Put a pair into the store that ends at 100 s."""
    pair = trakt.pair()
    key = LoginKey(trakt.base, "client-id", "default")
    token = Token(
        pair["access_token"], refresh_token=pair["refresh_token"], expires_in=LIFE, expires_at=LIFE, generation=1
    )
    with closing(open_store(address)) as store:
        assert store.apply(key, SaveToken(token, after=0, at=0.0))
    return key


@pytest.fixture
def start(trakt, address, login):
    """Start a process that asks for tokens: `start("async")`."""
    processes = []

    def start(kind, lease=30.0):
        command = [
            sys.executable,
            Path(__file__).with_name("refresh_program.py"),
            kind,
            address,
            trakt.base,
            str(lease),
        ]
        processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def tell(process, now):
    process.stdin.write(f"{now}\n")
    process.stdin.flush()


def answer(process):
    return json.loads(process.stdout.readline())


def ready(*processes):
    for process in processes:
        assert process.stdout.readline() == "ready\n"


def pending_refresh_of(address, login):
    with closing(open_store(address)) as store:
        return store.load(login).pending_refresh


@pytest.mark.parametrize("address", ["file", "sqlite"], indirect=True)  # the others: tests/proof/test_rounds.py
def test_eight_processes_refresh_once_a_round(trakt, start):
    processes = [start(kind) for kind in ("blocking", "async") * (PROCESSES // 2)]
    ready(*processes)
    for number in range(1, ROUNDS + 1):
        trakt.before.append(lambda: time.sleep(0.1))
        for process in processes:
            tell(process, number * 1000)
        answers = [answer(process) for process in processes]
        assert answers == [{"access": answers[0]["access"], "generation": number + 1}] * PROCESSES
        assert (len(trakt.refreshes), trakt.killed) == (number, 0)


@pytest.mark.parametrize(
    ("address", "kind"), [("sqlite", "blocking"), ("redis", "async"), ("postgres", "blocking")], indirect=["address"]
)
def test_what_a_killed_process_sent_is_not_sent_again_while_the_token_is_valid(trakt, start, address, login, kind):
    """Its lease of 100 s is not waited for either: that would end with TryLater."""
    holder, other = start(kind, lease=100.0), start(kind, lease=100.0)
    ready(holder, other)
    killed = threading.Event()
    trakt.before.append(lambda: killed.wait(60))
    tell(holder, LIFE - 1)
    assert trakt.arrived.wait(60)
    holder.kill()
    holder.wait()
    killed.set()
    tell(other, LIFE - 1)
    assert answer(other)["generation"] == 1  # the old one, which lives for a second
    assert len(trakt.refreshes) == 1
    assert pending_refresh_of(address, login).sending == 1
    tell(other, LIFE + 1)
    assert answer(other) == {"error": "LoginRequired", "reason": "reply-lost"}  # sent again, it was found spent
    assert trakt.refreshes.count("refresh-1-canary") == 2


@pytest.mark.parametrize("kind", ["blocking", "async"])
@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_holder_stopped_longer_than_its_lease_saves_late(trakt, start, address, login, kind):
    holder, other = start(kind, lease=LEASE), start(kind, lease=LEASE)
    ready(holder, other)
    stopped = threading.Event()
    trakt.before.append(lambda: stopped.wait(60))
    tell(holder, LIFE - 1)
    assert trakt.arrived.wait(60)
    holder.send_signal(signal.SIGSTOP)
    stopped.set()
    time.sleep(LEASE)
    tell(other, LIFE - 1)
    assert answer(other)["generation"] == 1
    assert len(trakt.refreshes) == 1
    holder.send_signal(signal.SIGCONT)
    assert answer(holder)["generation"] == 2
    tell(other, LIFE - 1)
    assert answer(other)["generation"] == 2
    assert (len(trakt.refreshes), trakt.killed) == (1, 0)
    assert pending_refresh_of(address, login) is None
