"""What a store remembers of a login: a new sign-in is recorded as one, whatever became of the token before."""

from __future__ import annotations

import pytest

from traktauth import LoginRequired, Trakt, TryLater
from traktauth.models.record import HistoryOutcome

DAYS_BEFORE_EXPIRY = 5


@pytest.fixture
def trakt(server):
    with Trakt(server.app, service=server.url, store="memory:", clock=server.clock) as trakt:
        server.sign_in_at(trakt, "sean")
        yield trakt


def sign_in_again(trakt, server):
    trakt.login("paste", prompt=lambda step: server.browse(step.url, username="mary") if hasattr(step, "url") else None)


def history(trakt):
    record = trakt.store.load(trakt.config.key)
    return [(entry.generation, entry.process, entry.outcome, entry.detail) for entry in record.history]


def test_a_sign_in_after_a_refused_refresh_keeps_the_reason_and_is_recorded_as_a_sign_in(trakt, server):
    server.expire("refresh", trakt.token().refresh_token)
    with pytest.raises(LoginRequired):
        trakt.refresh()
    sign_in_again(trakt, server)
    refused = (1, None, HistoryOutcome.NOT_REFRESHABLE, "Trakt refused its refresh token")
    assert history(trakt) == [refused, (2, None, None, None)]
    assert trakt.status().username == "mary"


def test_a_sign_in_after_an_unconfirmed_refresh_is_recorded_as_a_sign_in(trakt, server):
    server.advance(days=DAYS_BEFORE_EXPIRY)
    server.fail_next("/oauth/token", drop="after")
    with pytest.raises(TryLater):
        trakt.refresh()
    sign_in_again(trakt, server)
    assert history(trakt) == [(1, None, HistoryOutcome.SIGNED_IN, None), (2, None, None, None)]
