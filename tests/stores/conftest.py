"""Servers of databases, one of each for the whole run, and a corner of its own for each test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support.engines import Missing
from support.redis import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator


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
