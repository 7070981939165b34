"""The request log: entries, fingerprints, watchers and its length."""

from __future__ import annotations

import asyncio

import pytest

from traktauth.server.http.request_log import (
    LENGTH,
    ControlResult,
    PageResult,
    RequestLog,
    fingerprint,
    format_entry,
)
from traktauth.server.oauth.request import ClientRequest
from traktauth.server.storage.base import StorageUnavailable


@pytest.mark.parametrize(
    ("error", "result"), [(StorageUnavailable("full"), "503 the database"), (RuntimeError("x"), "500")]
)
def test_an_exception_ends_an_entry(error, result):
    entry = RequestLog(kept=True).add(0, "GET", "/users/me")
    assert format_entry(entry).result == "in progress"
    entry.fail(error)
    assert format_entry(entry).result.startswith(result)
    assert format_entry(entry).is_error


@pytest.mark.parametrize(("kept", "length"), [(True, LENGTH), (False, 0)])
def test_the_log_has_a_limit(kept, length):
    log = RequestLog(kept=kept)
    for at in range(LENGTH + 100):
        log.add(at, "POST", "/oauth/token")
    assert len(log.entries) == length


def test_secrets_are_shown_as_fingerprints():
    request = ClientRequest({"grant_type": "refresh_token", "refresh_token": "s3cret"}, "app", "")
    line = format_entry(RequestLog(kept=True).add(0, "POST", "/oauth/token", request))
    assert line.parameters == f"grant_type=refresh_token refresh_token={fingerprint('s3cret')}"


def test_an_entry_keeps_only_the_beginning_of_long_parameters():
    log = RequestLog(kept=True)
    entry = log.add(0, "POST", "/oauth/token", ClientRequest({f"p{n}": "x" * 60_000 for n in range(100)}, "app", ""))
    assert sum(map(len, entry.request.parameters.values())) < 5_000
    assert entry.request.client_id == "app"


def test_the_repr_of_an_outcome_has_no_code_in_it():
    outcomes = [PageResult(302, "https://app.example/?code=c0de", "sean"), ControlResult({"code": "c0de"}, str.format)]
    assert "c0de" not in repr(outcomes)


def test_a_watcher_hears_of_a_new_outcome_and_of_the_end():
    async def watch():
        log = RequestLog(kept=True)
        entry = log.add(0, "GET", "/users/me")
        with log.watch() as changed:
            assert not changed.is_set()
            entry.finish(None)
            assert changed.is_set()
            changed.clear()
            log.close()
            assert changed.is_set()
            assert log.is_closed

    asyncio.run(watch())
