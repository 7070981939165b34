"""Tokens in Redis."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest
import redis

from support.process import free_port
from support.redis import DURABLE, RedisServer
from support.stores import Closing
from traktauth.errors import StoreFailed
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.open import open_async_store, open_store
from traktauth.stores.redis import durability, scripts
from traktauth.testing import AsyncStoreContract, StoreContract
from traktauth.testing.store_contract.async_adapter import BlockingAdapter
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh, signed_in


class OnRedis(Closing):
    @pytest.fixture(autouse=True)
    def _server(self, redis_server):
        self.url = redis_server.url

    def address(self, place):
        return f"{self.url}?prefix={place.parent.name}-{place.name}"


class TestRedis(OnRedis, StoreContract):
    def open_store(self, place):
        return self.opened(open_store(self.address(place)))


class TestRedisForAsyncio(OnRedis, AsyncStoreContract):
    def open_store(self, place):
        return self.opened(super().open_store(place))

    def open_async_store(self, place):
        return open_async_store(self.address(place))


@pytest.fixture(params=["blocking", "async"])
def opened(request):
    """Open a store, blocking or async, and close it when the test ends."""
    stores = []

    def open_at(address):
        store = open_store(address) if request.param == "blocking" else BlockingAdapter(open_async_store(address))
        stores.append(store)
        return store

    yield open_at
    for store in stores:
        store.close()


@pytest.fixture
def prefix(redis_address):
    return redis_address.partition("prefix=")[2]


@pytest.fixture
def raw(redis_server):
    with closing(redis.Redis.from_url(redis_server.url)) as client:
        yield client


@pytest.fixture
def own_server(tmp_path, redis_server):
    """Start a Redis that this test may mistreat: `own_server("--appendonly", "no")`."""
    servers = []

    def start(*settings):
        folder = tmp_path / f"redis-{len(servers)}"
        folder.mkdir()
        servers.append(RedisServer(folder, *settings))
        return servers[-1]

    yield start
    for server in servers:
        server.resume()
        server.kill()


def test_nothing_of_a_password_is_shown(redis_server):
    url = f"redis://sean:hunter2@127.0.0.1:{redis_server.port}/3?prefix=x"
    with closing(open_store(url)) as store:
        assert store.address == f"redis://127.0.0.1:{redis_server.port}/3?prefix=x"
        with pytest.raises(StoreFailed) as caught:
            store.load(LOGIN)
        assert "hunter2" not in f"{caught.value!r} {caught.value.hint} {store!r} {store.database!r} {store.identity}"


@pytest.mark.parametrize("opening", [open_store, open_async_store])
@pytest.mark.parametrize("rest", ["sean:hunter2@host:port", "sean:hunter2@[::1", "h?cache=soon", "h?cache=-1"])
def test_an_address_that_is_none_is_refused_without_its_password(opening, rest):
    with pytest.raises(ValueError, match="address") as caught:
        opening(f"redis://{rest}")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("opening", [open_store, open_async_store])
@pytest.mark.parametrize("rest", ["h/logins", "h/1/2", "h/-1", "h/1x", "h/%31/a"])
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_database_that_is_no_number_is_refused_with_what_would_be_right(opening, scheme, rest):
    with pytest.raises(ValueError, match="numbers, so its address ends in one: redis://HOST:PORT/0") as caught:
        opening(f"{scheme}://{rest}")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "database"), [("redis://h", None), ("redis://h/", None), ("redis://h/7", 7), ("unix:///r.sock?db=7", 7)]
)
def test_a_database_is_named_by_its_number(opened, url, database):
    assert opened(url).identity[4] == database


def test_a_wrong_password_is_reported(own_server, opened):
    server = own_server(*DURABLE, "--requirepass", "right")
    for password in ("wrong@", ""):
        store = opened(server.url.replace("//", f"//:{password}" if password else "//"))
        with pytest.raises(StoreFailed, match=r"password|uthentication"):
            store.load(LOGIN)
    store = opened(server.url.replace("//", "//:right@"))
    signed_in(store)
    assert store.load(LOGIN).token == pair(1)


def test_a_missing_database_is_reported(redis_server, opened):
    with pytest.raises(StoreFailed, match="DB index is out of range"):
        opened(f"redis://127.0.0.1:{redis_server.port}/99").load(LOGIN)


def test_a_missing_server_is_reported(opened):
    store = opened(f"redis://127.0.0.1:{free_port()}/0")
    for verb in (
        lambda: store.load(LOGIN),
        lambda: signed_in(store),
        store.list_logins,
        store.check_writable,
        store.durability_warnings,
    ):
        with pytest.raises(StoreFailed, match="cannot be reached"):
            verb()
    with pytest.raises(StoreFailed), store.lock(LOGIN, 0.0):
        pass


def test_a_later_versions_schema_is_left_as_it_is(redis_address, opened, raw, prefix):
    raw.set(f"{{{prefix}}}:schema", "3")
    store = opened(redis_address)
    for verb in (lambda: store.load(LOGIN), lambda: signed_in(store), store.check_writable):
        with pytest.raises(StoreFailed, match="has the schema 3; this version of traktauth knows 2"):
            verb()
    assert raw.keys(f"{{{prefix}}}*") == [f"{{{prefix}}}:schema".encode()]


@pytest.mark.parametrize("put", ["text", "kind"])
def test_another_programs_keys_are_left_as_they_are(redis_address, opened, raw, prefix, put):
    if put == "text":
        raw.set(f"{{{prefix}}}:schema", "music")
    else:
        raw.rpush(f"{{{prefix}}}:schema", "music")
    with pytest.raises(StoreFailed, match="another program") as caught:
        signed_in(opened(redis_address))
    assert "prefix=" in caught.value.hint
    assert raw.keys(f"{{{prefix}}}*") == [f"{{{prefix}}}:schema".encode()]


def test_another_kind_of_key_in_a_logins_place_is_left_as_it_is(redis_address, opened, raw, prefix):
    store = opened(redis_address)
    signed_in(store, OTHERS[0])
    key = f'{{{prefix}}}:login:["trakt", "app", "default"]'
    raw.set(key, "music")
    with pytest.raises(StoreFailed, match="cannot do it"):
        signed_in(store)
    assert raw.get(key) == b"music"
    assert store.load(OTHERS[0]).token == pair(1)


@pytest.mark.parametrize(
    ("field", "value"),
    [("payload", "{"), ("generation", "many"), ("refreshable", "7"), ("format", "3"), ("pending_refresh", "[]")],
)
def test_a_damaged_row_is_reported_and_the_others_are_served(redis_address, opened, raw, prefix, field, value):
    store = opened(redis_address)
    signed_in(store)
    signed_in(store, OTHERS[0])
    key = f'{{{prefix}}}:login:["trakt", "app", "default"]'
    raw.hset(key, field, value)
    before = raw.hgetall(key)
    for verb in (lambda: store.load(LOGIN), lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))):
        with pytest.raises(StoreFailed, match=r"damaged|has the format 3") as caught:
            verb()
        assert caught.value.of_one
    assert store.load(OTHERS[0]).token == pair(1)
    assert store.list_logins() == sorted([LOGIN, OTHERS[0]])
    assert raw.hgetall(key) == before


def test_a_missing_library_is_named():
    code = """
import sys
sys.modules["redis"] = None
from traktauth.stores.open import open_async_store, open_store
from traktauth.errors import StoreFailed
for opening in (open_store, open_async_store):
    try:
        opening("redis://:hunter2@127.0.0.1")
    except StoreFailed as error:
        print(error.message, error.hint)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.count("needs redis") == said.count("pip install 'traktauth[redis]'") == 2
    assert "hunter2" not in said


# ---------------------------------------------------------------- a server that comes and goes
def test_a_store_heals_when_its_server_is_back(own_server, opened):
    server = own_server()
    store = opened(server.url)
    signed_in(store)
    server.kill()
    with pytest.raises(StoreFailed, match="cannot be reached"):
        store.load(LOGIN)
    server.start()
    assert store.load(LOGIN).token == pair(1), "and a power cut has lost nothing"
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    server.kill()
    server.start()
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)), "the dead connection is replaced within the call"
    assert opened(server.url).load(LOGIN).token == pair(2)


def test_a_server_that_does_not_answer_is_not_waited_for_long(own_server, opened):
    server = own_server()
    store = opened(f"{server.url}?socket_timeout=0.2")
    signed_in(store)
    server.pause()
    began = time.monotonic()
    with pytest.raises(StoreFailed, match="cannot be reached"):
        store.load(LOGIN)
    assert time.monotonic() - began < 30
    server.resume()
    assert store.load(LOGIN).token == pair(1)


def test_an_address_that_never_answers_is_not_waited_for_long(opened):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        store = opened(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0?socket_timeout=0.2")
        with pytest.raises(StoreFailed, match="cannot be reached"):
            store.load(LOGIN)


def test_a_swap_whose_answer_was_lost_counts_as_done(redis_address, opened, monkeypatch):
    """Redis had done it; the driver repeats it, and finds the row changed."""
    store = opened(redis_address)
    signed_in(store)
    monkeypatch.setattr(scripts, "SWAP", scripts.SWAP.replace("done[n] = 1", "done[n] = 0"))
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert not store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert store.load(LOGIN).token == pair(2)


def test_the_lease_of_a_dead_holder_ends_by_itself(redis_address, monkeypatch):
    monkeypatch.setattr("traktauth.stores.database.operations.LEASE", 0.3)
    with closing(open_store(redis_address)) as store:
        lock = store.lock(LOGIN, 0.0)
        assert lock.__enter__()
        monkeypatch.setattr("traktauth.stores.database.operations.LEASE", 120.0)  # of the next holder
        began = time.monotonic()
        with store.lock(LOGIN, 60.0) as held:
            assert held
            assert time.monotonic() - began > 0.25
            lock.__exit__(None, None, None)  # the dead one comes back late, and takes no other lease away
            with store.lock(LOGIN, 0.0) as again:
                assert not again


def test_a_lease_that_cannot_be_released_ends_by_itself(own_server, opened):
    server = own_server()
    with opened(server.url).lock(LOGIN, 0.0) as held:
        assert held
        server.kill()


def test_a_store_goes_on_in_a_forked_child(redis_address):
    with closing(open_store(redis_address)) as store:
        signed_in(store)
        child = os.fork()
        if child == 0:
            good = False
            try:
                good = store.load(LOGIN).token == pair(1) and store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
            finally:
                os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store.load(LOGIN).token == pair(2)


# ---------------------------------------------------------------- reads from the cache
def test_a_cached_read_asks_no_server(redis_address, opened, monkeypatch):
    store, other = opened(f"{redis_address}&cache=60"), opened(redis_address)
    signed_in(other)
    assert store.load(LOGIN).token == pair(1)
    assert store.peek(LOGIN).token == pair(1)
    assert other.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert store.load(LOGIN).token == pair(1), "what others do is seen later"


def test_a_cached_read_is_dropped_before_anything_is_sent(redis_address, opened):
    store, other = opened(f"{redis_address}&cache=60"), opened(redis_address)
    signed_in(other)
    store.load(LOGIN)
    assert other.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    with store.lock(LOGIN, 0.0) as held:
        assert held
        assert store.load(LOGIN).token == pair(2)
    assert other.apply(LOGIN, SaveToken(pair(3), after=2, at=1.0))
    assert not store.apply(LOGIN, BeginRefresh(pending_refresh(2))), "the right to send is given by the server alone"
    assert store.load(LOGIN).token == pair(3)


# ---------------------------------------------------------------- how durable it is
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (DURABLE, []),
        (("--appendonly", "no"), ["appendonly yes"]),
        (("--appendonly", "yes", "--appendfsync", "everysec"), ["appendfsync always"]),
        ((*DURABLE[:4], "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"), ["maxmemory-policy noeviction"]),
        (
            ("--appendonly", "yes", "--appendfsync", "always", "--rename-command", "CONFIG", ""),
            ["CONFIG GET is forbid"],
        ),
    ],
)
def test_a_server_that_may_lose_logins_is_reported_once(own_server, opened, caplog, monkeypatch, settings, words):
    monkeypatch.setattr(durability, "_warned", set())
    server = own_server(*settings)
    with caplog.at_level(logging.WARNING, "traktauth"):
        for store in (opened(server.url), opened(server.url)):
            signed_in(store, generation=store.load(LOGIN).generation + 1)
            problems = store.durability_warnings()
    assert len(problems) == len(words)
    assert all(word in problem for word, problem in zip(words, problems, strict=True))
    assert [record.getMessage() for record in caplog.records] == [f"{server.url}: {problem}" for problem in problems]


def test_a_full_server_fails_check_and_save_and_keeps_what_was_there(own_server, opened):
    server = own_server()
    store = opened(server.url)
    signed_in(store)
    with closing(redis.Redis.from_url(server.url)) as admin:
        admin.config_set("maxmemory", "100kb")
    for verb in (store.check_writable, lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))):
        with pytest.raises(StoreFailed, match="maxmemory"):
            verb()
    assert store.load(LOGIN).token == pair(1)


@pytest.mark.slow
def test_a_replica_is_read_and_gives_no_right_to_send(own_server, opened):
    primary = own_server()
    signed_in(opened(primary.url))
    replica = own_server(*DURABLE, "--replicaof", "127.0.0.1", str(primary.port))
    with closing(redis.Redis.from_url(replica.url)) as admin:
        deadline = time.monotonic() + 120
        while not admin.exists("{traktauth}:schema") and time.monotonic() < deadline:
            time.sleep(0.02)
    store = opened(replica.url)
    assert store.load(LOGIN).token == pair(1)
    for verb in (store.check_writable, lambda: store.apply(LOGIN, BeginRefresh(pending_refresh(1)))):
        with pytest.raises(StoreFailed, match="is a replica and takes no writes") as caught:
            verb()
        assert caught.value.temporary
        assert "primary" in caught.value.hint
    assert store.durability_warnings() == ["This Redis is a replica and takes no writes: name the primary"]


def test_temporary_errors_are_distinguished_from_lasting_ones(own_server, opened):
    server = own_server(*DURABLE, "--requirepass", "right")
    full = own_server(*DURABLE, "--maxmemory", "1")
    cases = {
        f"redis://127.0.0.1:{free_port()}": True,
        full.url: True,
        server.url: False,
        server.url.replace("//", "//:wrong@"): False,
        server.url.replace("//", "//:right@").replace("/0", "/99"): False,
    }
    for address, temporary in cases.items():
        with pytest.raises(StoreFailed) as caught:
            opened(address).check_writable()
        assert caught.value.temporary is temporary, caught.value


def test_nothing_of_a_row_is_shown_by_an_error(redis_address, opened, raw, prefix):
    store = opened(redis_address)
    store.load(LOGIN)
    raw.set(f'{{{prefix}}}:login:["trakt", "app", "default"]', "music")
    with pytest.raises(StoreFailed) as caught:
        store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    assert caught.value.__context__ is None
    assert caught.value.__cause__.__traceback__ is None


# ---------------------------------------------------------------- a server that went back
def doctor(address):
    """Return what `traktauth doctor` says of a store whose logins are those of these tests."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRAKTAUTH_")},
        "TRAKTAUTH_STORE": address,
        "TRAKTAUTH_CLIENT_ID": "app",
        "TRAKTAUTH_SERVICE": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "traktauth", "doctor"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60).stdout


@pytest.mark.slow
def test_a_token_is_saved_and_doctor_tells_if_redis_was_emptied_in_mid_refresh(own_server, opened):
    store = opened(own_server().url)
    signed_in(store)
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(2)))
    with closing(redis.Redis.from_url(store.address)) as admin:
        admin.flushall()
    assert store.apply(LOGIN, SaveToken(pair(3), after=2, at=time.time())), "the only valid token"
    assert opened(store.address).load(LOGIN).token == pair(3)
    assert "default at trakt: the store went back by 2 generations before" in doctor(store.address)


@pytest.mark.slow
def test_a_token_is_saved_and_doctor_tells_if_a_replica_that_lags_took_over_in_mid_refresh(own_server, opened):
    primary = own_server()
    store = opened(primary.url)
    signed_in(store)
    replica = own_server(*DURABLE, "--replicaof", "127.0.0.1", str(primary.port))
    key = '{traktauth}:login:["trakt", "app", "default"]'
    with closing(redis.Redis.from_url(replica.url)) as admin:
        deadline = time.monotonic() + 120
        while not admin.exists(key) and time.monotonic() < deadline:
            time.sleep(0.02)
        admin.replicaof("NO", "ONE")  # what comes now is lost in the failover
        while any(admin.info("persistence")[f"aof_rewrite_{state}"] for state in ("in_progress", "scheduled")):
            time.sleep(0.02)
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(2)))
    primary.kill()
    replica.kill()
    replica.settings, replica.port = DURABLE, primary.port
    replica.start()
    assert store.load(LOGIN).generation == 1
    assert store.apply(LOGIN, SaveToken(pair(3), after=2, at=time.time())), "the only valid token"
    assert opened(store.address).load(LOGIN).token == pair(3)
    assert "default at trakt: the store went back by 1 generation before" in doctor(store.address)
