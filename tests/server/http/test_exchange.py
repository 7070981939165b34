"""The record of a request: its text, fingerprints, watchers and length, and what is counted."""

from __future__ import annotations

import asyncio

import pytest

from traktauth.server.errors import StorageUnavailable
from traktauth.server.http.exchange import APP, LENGTH, Exchange, ExchangeLog
from traktauth.server.oauth.request import ClientRequest
from traktauth.server.storage.repositories import TokenTable


def shown(path="/oauth/token", request=None):
    exchange = Exchange("POST", path, at=0)
    exchange.source = APP
    if request is not None:
        exchange.request = request
    return exchange


@pytest.mark.parametrize(
    ("error", "result"), [(StorageUnavailable("full"), "503 the database"), (RuntimeError("x"), "500")]
)
def test_an_exception_is_the_result(error, result):
    exchange = shown()
    exchange.fail(error)
    assert exchange.result().startswith(result)


@pytest.mark.parametrize(("is_kept", "length"), [(True, LENGTH), (False, 0)])
def test_the_log_has_a_limit(is_kept, length):
    log = ExchangeLog(is_kept=is_kept)
    for _ in range(LENGTH + 100):
        log.add(shown())
    assert len(log.kept) == length


def test_only_the_beginning_of_long_parameters_is_kept():
    exchange = shown(request=ClientRequest({f"p{n}": "x" * 60_000 for n in range(100)}, "app", ""))
    ExchangeLog(is_kept=True).add(exchange)
    assert sum(map(len, exchange.request.parameters.values())) < 5_000
    assert exchange.request.client_id == "app"


def test_the_repr_of_an_exchange_has_no_code_in_it():
    exchange = shown()
    exchange.location = "https://app.example/?code=c0de"
    assert "c0de" not in repr(exchange)


def test_a_watcher_hears_of_an_exchange_and_of_the_end():
    async def watch():
        log = ExchangeLog(is_kept=True)
        with log.watch() as changed:
            assert not changed.is_set()
            log.add(shown())
            assert changed.is_set()
            changed.clear()
            log.close()
            assert changed.is_set()
            assert log.is_closed

    asyncio.run(watch())


def test_what_was_rolled_back_is_not_counted(current, monkeypatch):
    login = current.login()
    current.renewed(login.refresh)

    def fail(*_):
        raise RuntimeError("a defect")

    with monkeypatch.context() as broken:
        broken.setattr(TokenTable, "revoke_family", fail)
        assert current.refresh(login.refresh).status == 500
    ledger = current.ledger()
    assert (ledger["rotations"], ledger["replays"], ledger["families_killed"]) == (1, 0, 0)
    assert current.refresh(login.refresh).status == 400
    assert current.ledger()["replays"] == 1
