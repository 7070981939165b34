"""When a keeper refreshes a token: a little before its users would, and not all at once."""

from __future__ import annotations

import pytest

from traktauth.models import LoginKey, Token
from traktauth.models.refresh_window import ADVISORY_SHARE, SPREAD, due_at

DUE = [
    due_at(LoginKey("trakt", "the-app", str(n)), Token("a", expires_in=1000, expires_at=10_000.0)) for n in range(500)
]


def test_a_token_is_due_before_its_users_would_refresh_it():
    earliest, latest = 10_000 - 1000 * (ADVISORY_SHARE + SPREAD), 10_000 - 1000 * ADVISORY_SHARE
    assert earliest <= min(DUE)
    assert max(DUE) <= latest


def test_a_fleets_tokens_are_spread_over_the_whole_time():
    assert max(DUE) - min(DUE) > 0.9 * 1000 * SPREAD
    assert len(set(DUE)) > 490


def test_every_process_computes_the_same_time():
    token = Token("a", expires_in=1000, expires_at=10_000.0, generation=3)
    assert due_at(LoginKey("trakt", "the-app", "me"), token) == due_at(LoginKey("trakt", "the-app", "me"), token)


@pytest.mark.parametrize("life", [60, 86400, 7_889_237])
def test_the_margin_is_a_share_of_the_life(life):
    left = life - due_at(LoginKey("trakt", "the-app", "me"), Token("a", expires_in=life, expires_at=float(life)))
    assert ADVISORY_SHARE <= left / life <= ADVISORY_SHARE + SPREAD
