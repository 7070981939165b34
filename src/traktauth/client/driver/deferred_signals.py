"""SIGTERM and SIGHUP during a refresh: a program without a handler ends when the new token is saved, not before."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

# What ends a program that has no handler for it: `docker stop` and systemd send the first, a closed terminal the other.
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no SIGHUP

_calls: set[object] = set()  # of the main thread, during which the handler is set
_work: set[object] = set()  # in any thread: between the recording of a sending and the saving of its response
_arrived: list[int] = []  # signals that wait for the end of the work


@contextmanager
def shielded_work() -> Generator[None]:
    """Mark work that a signal must not end."""
    mark = object()
    _work.add(mark)
    try:
        yield
    finally:
        _work.discard(mark)


@contextmanager
def deferring_signals() -> Generator[None]:
    """Let signals that would end the program wait for the end of shielded work.

    Only the main thread can set a handler, so calls in other threads are not protected. A signal that the program
    handles or ignores is left to it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    call = object()
    try:
        _calls.add(call)
        with suppress(ValueError):  # in a subinterpreter
            for number in _ENDING:
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, _handle)
        yield
    finally:
        _calls.discard(call)
        with suppress(ValueError):  # the same, and an abandoned coroutine that another thread closes
            if not _calls:
                for number in _ENDING:
                    if signal.getsignal(number) is _handle:
                        signal.signal(number, signal.SIG_DFL)
            if not (_calls and _work):
                while _arrived:
                    signal.raise_signal(_arrived.pop())


def _handle(number: int, _frame: object) -> None:
    if _work:
        _arrived.append(number)
        return
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _forget() -> None:
    """In a forked child, the parent's calls and work do not exist: a signal ends it at once."""
    _calls.clear()
    _work.clear()
    _arrived.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget)
