"""Stores, an engine behind a proxy with worker processes, and a Trakt that ends every token of a replay."""

from __future__ import annotations

from contextlib import closing

import pytest

from client.strict_trakt import StrictTrakt
from proof.worker_processes import RefreshProxy, WorkerProcesses
from stores.conftest import postgres_address, postgres_schema, postgres_server, redis_address, redis_server

__all__ = ["postgres_address", "postgres_schema", "postgres_server", "redis_address", "redis_server"]


@pytest.fixture
def address(request, tmp_path):
    """The address of a store of the kind that the test names."""
    if request.param in {"redis", "postgres"}:
        return request.getfixturevalue(f"{request.param}_address")
    return f"{request.param}:{tmp_path}/logins"


@pytest.fixture
def group(start_better_auth_with, address):
    """Worker processes of a login in that store, at real better-auth: `group.engine` behind `group.proxy`."""
    engine = start_better_auth_with()
    with RefreshProxy(engine.base) as proxy, closing(WorkerProcesses(proxy.base, engine.app, address)) as group:
        group.proxy, group.engine = proxy, engine
        group.sign_in(lambda url: engine.land(url.replace(proxy.base, engine.base)))
        yield group


@pytest.fixture
def strict_trakt():
    server = StrictTrakt()
    yield server
    server.close()
