from __future__ import annotations

import pytest

from traktauth.cli.times import format_deadline, format_duration, format_time


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3601, "1 h"),
        (7260, "2 h 1 min"),
        (604799, "6 d 23 h"),
    ],
)
def test_a_duration_is_reported_in_its_two_largest_units(seconds, words):
    assert format_duration(seconds) == words


@pytest.mark.parametrize("at", [1e18, -1e18, float("inf"), float("nan")])
def test_a_moment_beyond_the_calendar_is_reported_all_the_same(at):
    assert format_time(at) == "an invalid date"


def test_a_moment_that_is_near_is_reported_to_the_second():
    assert format_time(0, exact=True).count(":") == 2
    assert format_deadline(1000.0, 990.0).endswith("(10 s)")
    assert format_deadline(1000.0, 990.0).count(":") == 2
    assert format_deadline(10000.0, 990.0).count(":") == 1
