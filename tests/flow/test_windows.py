"""How fresh a token is: every margin is a share of its own life."""

from __future__ import annotations

import pytest

from flow.givens import NOW, YEAR
from traktauth.flow.windows import Window, window
from traktauth.models import Token

DAY = 86400


@pytest.mark.parametrize("life", [60, 3600, DAY, 7 * DAY, 7_889_237])
@pytest.mark.parametrize(
    ("share", "state"),
    [
        (1.0, Window.FRESH),
        (0.101, Window.FRESH),
        (0.1, Window.ADVISORY),
        (0.021, Window.ADVISORY),
        (0.02, Window.MANDATORY),
        (0.001, Window.MANDATORY),
        (0.0, Window.ENDED),
        (-5.0, Window.ENDED),
    ],
)
def test_a_tokens_window_depends_on_the_share_of_its_life_that_is_left(life, share, state):
    assert window(Token("a", expires_in=life, expires_at=life * share), 0.0) is state


def test_a_day_long_token_is_not_renewed_on_every_call():
    assert window(Token("a", expires_in=DAY, expires_at=NOW + DAY), NOW + DAY / 2) is Window.FRESH


def test_a_clock_that_was_set_back_is_noticed_by_more_life_than_there_ever_was():
    token = Token("a", expires_in=DAY, expires_at=NOW + DAY)
    assert window(token, NOW - YEAR) is Window.MANDATORY


def test_the_clocks_of_two_machines_may_differ_a_little():
    assert window(Token("a", expires_in=60, expires_at=NOW + 60), NOW - 3600) is Window.FRESH


def test_a_token_without_a_life_has_ended():
    assert window(Token("a", expires_in=0, expires_at=NOW), NOW) is Window.ENDED
