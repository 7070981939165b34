"""Progress: one line on a terminal, and nothing without a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from traktauth.cli import store
from traktauth.cli.output import print_message
from traktauth.cli.store import counting


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _ticking(monkeypatch):
    """Let a quarter of a second pass whenever the clock is read."""
    ticks = iter(range(1000))
    monkeypatch.setattr(store.time, "monotonic", lambda: next(ticks) / 4)


@pytest.mark.parametrize(("total", "shown"), [(120, "9 of 120, 4/s, 27 s left"), (None, "9, 4/s")])
def test_a_terminal_shows_one_line_with_rate_and_time_that_is_gone_at_the_end(monkeypatch, total, shown):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(counting(range(9), total, shown=True)) == list(range(9))
    drawn = sys.stderr.getvalue()
    assert drawn.endswith(f"\r\x1b[K{shown}\r\x1b[K")
    assert "\n" not in drawn


def test_a_line_that_stays_has_room(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    for each in counting(range(9), 9, shown=True):
        if each == 5:
            print_message("a line that stays")
    assert "\r\x1b[Ka line that stays\n" in sys.stderr.getvalue()


@pytest.mark.parametrize(("stream", "shown"), [(io.StringIO, True), (Terminal, False), (lambda: None, True)])
def test_nothing_is_shown_without_a_terminal(monkeypatch, stream, shown):
    monkeypatch.setattr(sys, "stderr", stream())
    assert len(list(counting(range(9), 9, shown=shown))) == 9
    assert sys.stderr is None or sys.stderr.getvalue() == ""
