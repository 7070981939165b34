"""Servers on other hosts that others may read or reach."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from traktauth.stores.open import is_local
from traktauth.stores.postgres import driver
from traktauth.stores.redis.driver import connect, exposure


@pytest.mark.parametrize(
    ("host", "local"),
    [
        (None, True),
        ("", True),
        ("/run/postgresql", True),
        ("@abstract", True),
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("db", False),
        ("10.0.0.7", False),
        ("127.0.0.1.example.com", False),
        ("localhost.example.com", False),
        ("fe80::1", False),
    ],
)
def test_only_addresses_of_this_machine_are_local(host, local):
    assert is_local(host) is local


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("redis://127.0.0.1/0", []),
        ("unix:///run/redis.sock", []),
        ("rediss://:pw@db/0", []),
        ("redis://:pw@db/0", ["use rediss://"]),
        ("rediss://db/0", ["requirepass"]),
        ("redis://db/0", ["use rediss://", "requirepass"]),
    ],
)
def test_a_redis_on_another_host_wants_tls_and_a_password(address, words):
    found = exposure(connect(address, 1))
    assert len(found) == len(words)
    assert all(word in problem for word, problem in zip(words, found, strict=True))
    assert "pw" not in str(found).replace("password", "")


def connection(**settings):
    """Make something that has the settings that libpq says it uses."""
    options = [SimpleNamespace(keyword=name.encode(), val=value.encode()) for name, value in settings.items()]
    return SimpleNamespace(pgconn=SimpleNamespace(info=options))


@pytest.mark.parametrize(
    ("settings", "exposed"),
    [
        ({"host": "127.0.0.1", "sslmode": "prefer"}, False),
        ({"host": "/run/postgresql", "sslmode": "prefer"}, False),
        ({"host": "db", "sslmode": "prefer"}, True),
        ({"host": "db", "sslmode": "disable"}, True),
        ({"host": "db", "sslmode": "require"}, False),
        ({"host": "db", "sslmode": "verify-full"}, False),
        ({"host": "localhost,db", "sslmode": "prefer"}, True),
        ({"host": "db", "sslmode": "prefer", "gssencmode": "require"}, False),
    ],
)
def test_a_postgresql_on_another_host_wants_tls(settings, exposed):
    found = driver.exposure(connection(**settings))
    assert bool(found) is exposed
    assert all("sslmode=verify-full" in problem for problem in found)


@pytest.mark.slow
def test_a_connection_without_tls_is_among_the_durability_warnings(postgres_server, opened, monkeypatch):
    monkeypatch.setattr("traktauth.stores.open.is_local", lambda _host: False)
    store = opened(postgres_server.url)
    assert [problem for problem in store.durability_warnings() if "no TLS" in problem]
