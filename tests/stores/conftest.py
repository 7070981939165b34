"""Servers of databases, one of each for the whole run, and a corner of its own for each test."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from support.engines import Missing
from support.postgres import PostgresServer, running_postgres
from support.redis import RedisServer
from traktauth.stores.open import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from traktauth.stores.base import TokenStore


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Run a Redis; tests take a prefix each."""
    try:
        server = RedisServer(tmp_path_factory.mktemp("redis"))
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.stop()


@pytest.fixture
def redis_address(redis_server: RedisServer) -> str:
    """Return the address of a store of this test's own."""
    return f"{redis_server.url}?prefix={os.urandom(6).hex()}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL; tests take a schema each."""
    yield from running_postgres()


@pytest.fixture
def postgres_schema(postgres_server: PostgresServer) -> Callable[[str], str]:
    """Make a schema, unless it is there, and return the address of a store in it: `postgres_schema("mine")`."""

    def make(name: str) -> str:
        with psycopg.connect(postgres_server.url, autocommit=True) as admin:
            admin.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}"'.encode())
        return f"{postgres_server.url}?options=-csearch_path%3D{name}"

    return make


@pytest.fixture
def postgres_address(postgres_schema: Callable[[str], str]) -> str:
    """Return the address of a store of this test's own."""
    return postgres_schema(f"s{os.urandom(6).hex()}")


@pytest.fixture
def opened() -> Iterator[Callable[[str], TokenStore]]:
    """Open stores, and close them when the test ends: `opened(address)`."""
    with ExitStack() as stores:
        yield lambda address: stores.enter_context(closing(open_store(address)))
