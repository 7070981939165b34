"""Progress: one line on a terminal, and nothing without a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from traktauth.cli import store
from traktauth.cli.output import print_message
from traktauth.cli.store import counting, describe_progress


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def ticking(monkeypatch):
    """Let a quarter of a second pass whenever the clock is read."""
    ticks = iter(range(1000))
    monkeypatch.setattr(store.time, "monotonic", lambda: next(ticks) / 4)


@pytest.mark.parametrize(
    ("done", "total", "seconds", "shown"),
    [
        (120, 5000, 3.0, "120 of 5000, 40/s, 2 min 2 s left"),
        (7, None, 2.0, "7, 4/s"),
        (0, 10, 0.0, "0 of 10, 0/s"),
        (12, 10, 1.0, "12 of 10, 12/s, 0 s left"),
    ],
)
def test_it_tells_how_far_how_fast_and_how_long(done, total, seconds, shown):
    assert describe_progress(done, total, seconds) == shown


def test_a_terminal_shows_one_line_that_is_gone_at_the_end(monkeypatch, ticking):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with counting(9, shown=True) as step:
        for _ in range(9):
            step()
    drawn = sys.stderr.getvalue()
    assert "\r\x1b[K9 of 9, " in drawn
    assert "\n" not in drawn
    assert drawn.endswith("\r\x1b[K")


def test_a_line_that_stays_has_room(monkeypatch, ticking):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with counting(9, shown=True) as step:
        for _ in range(5):
            step()
        print_message("a line that stays")
    assert "\r\x1b[Ka line that stays\n" in sys.stderr.getvalue()


@pytest.mark.parametrize(("stream", "shown"), [(io.StringIO, True), (Terminal, False), (lambda: None, True)])
def test_nothing_is_shown_without_a_terminal(monkeypatch, ticking, stream, shown):
    monkeypatch.setattr(sys, "stderr", stream())
    with counting(9, shown=shown) as step:
        for _ in range(9):
            step()
    assert sys.stderr is None or sys.stderr.getvalue() == ""
