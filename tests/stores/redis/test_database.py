"""Tokens in Redis."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import traceback
from contextlib import closing

import pytest
import redis

from support.process import free_port
from support.redis import DURABLE, RedisServer
from traktauth.errors import StoreFailed
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.open import open_store
from traktauth.stores.redis import driver
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh, signed_in

pytestmark = pytest.mark.slow


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


def test_no_output_shows_the_password(redis_server):
    url = f"redis://sean:hunter2@127.0.0.1:{redis_server.port}/3?prefix=x"
    with closing(open_store(url)) as store:
        assert store.address == f"redis://127.0.0.1:{redis_server.port}/3?prefix=x"
        with pytest.raises(StoreFailed) as caught:
            store.load(LOGIN)
        assert "hunter2" not in f"{caught.value!r} {caught.value.hint} {store!r} {store.identity}"


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


def test_a_key_of_another_type_in_place_of_a_login_is_left_as_it_is(redis_address, opened, raw, prefix):
    store = opened(redis_address)
    signed_in(store, OTHERS[0])
    key = f'{{{prefix}}}:login:["trakt", "app", "default"]'
    raw.set(key, "music")
    with pytest.raises(StoreFailed, match="cannot do it"):
        signed_in(store)
    assert raw.get(key) == b"music"
    assert store.load(OTHERS[0]).token == pair(1)


@pytest.mark.parametrize(("field", "value"), [("generation", "many"), ("refreshable", "7")])
def test_a_field_of_another_type_is_reported(redis_address, opened, raw, prefix, field, value):
    store = opened(redis_address)
    signed_in(store)
    raw.hset(f'{{{prefix}}}:login:["trakt", "app", "default"]', field, value)
    with pytest.raises(StoreFailed, match="damaged") as caught:
        store.load(LOGIN)
    assert caught.value.of_one


# ---------------------------------------------------------------- a server that comes and goes
def test_leaving_the_lock_while_the_server_is_gone_raises_nothing(own_server, opened):
    server = own_server()
    with opened(server.url).lock(LOGIN, 0.0) as held:
        assert held
        server.kill()


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
    monkeypatch.setattr(driver, "_warned", set())
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
        with pytest.raises(StoreFailed, match="maxmemory") as caught:
            verb()
        frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
        shown = [repr(frame.f_locals) for frame in frames if "stores/redis" in frame.f_code.co_filename]
        assert shown
        assert pair(2).access_token not in "\n".join(shown)
    assert store.load(LOGIN).token == pair(1)


def test_a_replica_is_read_but_begins_no_refresh(own_server, opened):
    primary = own_server()
    signed_in(opened(primary.url))
    replica = own_server(*DURABLE, "--replicaof", "127.0.0.1", str(primary.port))
    with closing(redis.Redis.from_url(replica.url)) as admin:
        while not admin.exists("{traktauth}:schema"):
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


def test_an_error_shows_nothing_of_a_row(redis_address, opened, raw, prefix):
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


def test_a_token_is_saved_and_doctor_reports_it_if_redis_was_emptied_during_a_refresh(own_server, opened):
    store = opened(own_server().url)
    signed_in(store)
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert store.apply(LOGIN, BeginRefresh(pending_refresh(2)))
    with closing(redis.Redis.from_url(store.address)) as admin:
        admin.flushall()
    assert store.apply(LOGIN, SaveToken(pair(3), after=2, at=time.time())), "the only valid token"
    assert opened(store.address).load(LOGIN).token == pair(3)
    assert "default at trakt: the store went back by 2 generations before" in doctor(store.address)
