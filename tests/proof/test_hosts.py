"""Three hosts that share a database and nothing else, one with a clock of its own; and databases that go away."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from proof.hosts import Absent, hosts
from proof.worker_processes import ready, refresh_in_rounds
from support.postgres import PostgresServer
from support.redis import RedisServer
from traktauth import App, Trakt
from traktauth.errors import StoreFailed
from traktauth.flow import common
from traktauth.models import LoginKey, Token
from traktauth.models.changes import SaveToken
from traktauth.stores.open import open_store

pytestmark = pytest.mark.slow

PROCESSES = 8
APART = 300.0  # seconds between the clocks of two hosts


@pytest.mark.parametrize("address", ["redis", "postgres"], indirect=True)
def test_three_hosts_whose_clocks_differ_refresh_once_a_round(group, address, tmp_path):
    ports = [urlsplit(group.proxy.base).port, urlsplit(address).port]
    off = [0.0, APART, -20.0]
    at = [place % 3 for place in range(PROCESSES)]
    try:
        with hosts(3, tmp_path, ports) as places:
            workers = [
                group.start(("blocking", "async")[number % 2], prefix=places[host], offset=off[host])
                for number, host in enumerate(at)
            ]
            ready(*workers)
            refresh_in_rounds(workers, group.proxy, group.engine, [off[host] for host in at])
    except Absent as absent:
        pytest.skip(str(absent))


# ---------------------------------------------------------------- a database that goes away in the middle of a refresh
@pytest.fixture(params=["redis", "postgres"])
def database(request, tmp_path):
    """A server of its own, that can be killed, and started again over what it had made durable."""
    if request.param == "redis":
        request.getfixturevalue("redis_server")  # skipped where it does not exist
        server = RedisServer(tmp_path)
    else:
        request.getfixturevalue("postgres_server")
        server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def login(strict_trakt, database):
    pair = strict_trakt.pair()
    key = LoginKey(strict_trakt.base, "client-id", "default")
    token = Token(
        pair["access_token"], refresh_token=pair["refresh_token"], expires_in=100, expires_at=100, generation=1
    )
    with closing(open_store(database.url)) as store:
        assert store.apply(key, SaveToken(token, after=0, at=0.0))
    return key


@pytest.fixture
def trakt(strict_trakt, database, login):
    app = App("client-id", client_secret="secret", redirect_uri="http://127.0.0.1:9876/callback")
    with Trakt(app, service=strict_trakt.base, store=database.url, clock=lambda: 101.0) as trakt:
        yield trakt


def test_a_database_that_is_restarted_in_the_middle_of_a_refresh_costs_nothing(trakt, strict_trakt, database, login):
    killed = threading.Event()
    strict_trakt.before.append(lambda: (database.kill(), killed.set()))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(trakt.token)
        assert killed.wait(60)
        time.sleep(1.0)
        database.start()
        renewed = asked.result(60)
    assert renewed.generation == 2
    with closing(open_store(database.url)) as store:
        record = store.load(login)
    assert record.token == renewed  # saved before it was used
    assert record.pending_refresh is None
    assert (len(strict_trakt.refreshes), strict_trakt.killed) == (1, 0)


def test_a_database_that_is_gone_for_longer_loses_no_token(trakt, strict_trakt, database, login, monkeypatch):
    monkeypatch.setattr(common, "SAVE_TIMEOUT", 1.0)
    strict_trakt.before.append(database.kill)
    with pytest.raises(StoreFailed) as failed:
        trakt.token()
    assert failed.value.kept
    assert trakt.token().generation == 2  # from memory
    database.start()
    assert trakt.token().generation == 2
    with closing(open_store(database.url)) as store:
        assert store.load(login).generation == 2
    assert (len(strict_trakt.refreshes), strict_trakt.killed) == (1, 0)


def test_a_database_that_is_cut_off_in_the_middle_of_a_refresh_is_waited_for(
    trakt, strict_trakt, database, monkeypatch
):
    """It answers nothing for a while, as behind a broken line, and then goes on."""

    def cut():
        database.pause()
        threading.Timer(1.5, database.resume).start()

    strict_trakt.before.append(cut)
    assert trakt.token().generation == 2
    assert (len(strict_trakt.refreshes), strict_trakt.killed) == (1, 0)
