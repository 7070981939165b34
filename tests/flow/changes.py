"""Changes of a record as a flow applies them, compared without the time and the process.

`talk.expect(Begin(1, 1))` expects that exact change, `talk.expect(Begin)` any of its kind; the change is returned.
"""

from __future__ import annotations

from traktauth.flow.effects import Apply
from traktauth.models import changes


class _Expected:
    kind = changes.Change

    def __init__(self, *parts, **named):
        self._parts = (*parts, *named.values())

    def matches(self, change):
        return isinstance(change, self.kind) and self.parts_of(change) == self._parts

    def __repr__(self):
        return f"{type(self).__name__}{self._parts}"


class Begin(_Expected):
    kind = changes.BeginRefresh

    @staticmethod
    def parts_of(change):
        return change.pending_refresh.generation, change.pending_refresh.sending


class Cancel(_Expected):
    kind = changes.CancelRefresh

    @staticmethod
    def parts_of(change):
        return change.pending_refresh.generation, change.pending_refresh.sending, change.before


class Save(_Expected):
    kind = changes.SaveToken

    @staticmethod
    def parts_of(change):
        return change.token, change.after


class Mark(_Expected):
    kind = changes.SetRefreshable

    @staticmethod
    def parts_of(change):
        return change.generation, change.reason


class MarkUnconfirmed(_Expected):
    kind = changes.SetUnconfirmed

    @staticmethod
    def parts_of(change):
        return change.pending_refresh.generation, change.pending_refresh.sending


class MarkRejected(_Expected):
    kind = changes.RejectToken

    @staticmethod
    def parts_of(change):
        return (change.generation,)


class Forget(_Expected):
    kind = changes.DeleteToken

    @staticmethod
    def parts_of(change):
        return (change.generation,)


class SwapProbe(_Expected):
    kind = changes.SwapProbe

    @staticmethod
    def parts_of(change):
        return change.before, change.after


def is_change(expected):
    return isinstance(expected, _Expected | changes.Change) or (
        isinstance(expected, type) and issubclass(expected, _Expected)
    )


def check_change(found, expected):
    """Check that an effect applies the expected change, and return that change."""
    assert isinstance(found, Apply), f"{found} instead of {expected}"
    if isinstance(expected, changes.Change):
        is_expected = found.change == expected
    elif isinstance(expected, type):
        is_expected = isinstance(found.change, expected.kind)
    else:
        is_expected = expected.matches(found.change)
    assert is_expected, f"{found.change} instead of {expected}"
    return found.change
