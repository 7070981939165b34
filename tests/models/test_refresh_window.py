"""How fresh a token is: every margin is a share of its own life."""

from __future__ import annotations

import pytest

from flow.setup import NOW, YEAR
from traktauth.models import Token
from traktauth.models.refresh_window import RefreshWindow, refresh_window

DAY = 86400


@pytest.mark.parametrize("life", [60, 3600, DAY, 7 * DAY, 7_889_237])
@pytest.mark.parametrize(
    ("share", "state"),
    [
        (1.0, RefreshWindow.FRESH),
        (0.101, RefreshWindow.FRESH),
        (0.1, RefreshWindow.ADVISORY),
        (0.021, RefreshWindow.ADVISORY),
        (0.02, RefreshWindow.MANDATORY),
        (0.001, RefreshWindow.MANDATORY),
        (0.0, RefreshWindow.EXPIRED),
        (-5.0, RefreshWindow.EXPIRED),
    ],
)
def test_a_tokens_window_depends_on_the_share_of_its_life_that_is_left(life, share, state):
    assert refresh_window(Token("a", expires_in=life, expires_at=life * share), 0.0) is state


def test_a_token_of_a_day_is_not_refreshed_on_every_call():
    assert refresh_window(Token("a", expires_in=DAY, expires_at=NOW + DAY), NOW + DAY / 2) is RefreshWindow.FRESH


def test_a_clock_that_was_set_back_is_noticed_by_more_life_than_there_ever_was():
    token = Token("a", expires_in=DAY, expires_at=NOW + DAY)
    assert refresh_window(token, NOW - YEAR) is RefreshWindow.MANDATORY


def test_the_clocks_of_two_machines_may_differ_a_little():
    assert refresh_window(Token("a", expires_in=60, expires_at=NOW + 60), NOW - 3600) is RefreshWindow.FRESH


def test_a_token_without_a_life_has_ended():
    assert refresh_window(Token("a", expires_in=0, expires_at=NOW), NOW) is RefreshWindow.EXPIRED
