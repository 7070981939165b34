"""Tokens that could not be saved: held for the whole process, and saved in the background."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress

from traktauth.client.driver.shield import start_thread
from traktauth.log_fields import log_fields
from traktauth.models import Token

# Seconds between two tries: the first pause, doubled up to the longest.
_FIRST_PAUSE = 0.5
_MAX_PAUSE = 30.0
_AT_THE_END = 5.0  # seconds in which a program that ends goes on trying


class Unsaved:
    """A token that could not be saved.

    Attributes:
        token: the token.
        after: the generation that it follows.
        save: saves it, from any thread, or raises; None if only the next call can.
        is_sign_in: whether it is the first token of a new sign-in.
    """

    __slots__ = ("after", "is_sign_in", "save", "token")

    def __init__(
        self, token: Token, after: int, save: Callable[[], None] | None = None, *, is_sign_in: bool = False
    ) -> None:
        self.token = token
        self.after = after
        self.save = save
        self.is_sign_in = is_sign_in

    def try_to_save(self) -> bool:
        """Save it; return False if the store still fails."""
        if self.save is None:
            return False
        try:
            self.save()
        except Exception:  # noqa: BLE001 - it is tried again, or reported at the end
            return False
        return True


# By place and login: whatever object of this process asks next has them too, or it would send a refresh token that is
# spent.
held: dict[Hashable, Unsaved] = {}
_lock = threading.Lock()
_more = threading.Event()
_saver = threading.Lock()  # held while a thread saves for the whole process
_is_registered = False


def find(place: Hashable) -> Unsaved | None:
    """Return the token that is held for a login."""
    return held.get(place)


def hold(place: Hashable, unsaved: Unsaved) -> None:
    """Hold a token, and begin to save it in the background."""
    global _is_registered  # noqa: PLW0603 - once a process
    held[place] = unsaved
    if not _is_registered:
        _is_registered = True
        atexit.register(_end)
    if unsaved.save is not None:
        _save_in_background()


def drop(place: Hashable, unsaved: Unsaved) -> None:
    """Let go of a token that was saved, or that a newer one has passed."""
    if held.get(place) is unsaved:
        held.pop(place, None)


def _save_in_background() -> None:
    with _lock:
        _more.set()
        if _saver.acquire(blocking=False) and not start_thread(
            _save_until_nothing_is_held, name="traktauth-save", daemon=True
        ):
            _saver.release()


def _save_until_nothing_is_held() -> None:
    pause = _FIRST_PAUSE
    while True:
        with _lock:
            if not held:
                _saver.release()
                return
            if _more.is_set():
                pause = _FIRST_PAUSE
            _more.clear()
        _more.wait(pause)
        pause = min(2 * pause, _MAX_PAUSE)
        _save_all()


def _save_all(until: float = float("inf")) -> None:
    for place, unsaved in list(held.items()):
        if time.monotonic() < until and unsaved.try_to_save():
            drop(place, unsaved)


def _end() -> None:
    """Save what is held at the end of the program, or tell that it is lost with it."""
    until = time.monotonic() + _AT_THE_END
    _save_all(until)
    while held and any(unsaved.save for unsaved in held.values()) and time.monotonic() < until:
        time.sleep(_FIRST_PAUSE)
        _save_all(until)
    if held:
        for unsaved in held.values():
            _log_loss(
                f"the new token {unsaved.token.fingerprint} could not be saved and ends with this program; when the "
                "old access token expires, a new sign-in is required"
            )


def _log_loss(message: str) -> None:
    """Log an error that the user must see, also if the program has set up no logging."""
    import logging  # noqa: PLC0415 - few programs need it

    from traktauth.client.driver.unheard_log import show_unheard  # noqa: PLC0415 - the same

    logger = logging.getLogger("traktauth")
    with suppress(Exception):
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())  # or Python itself writes it to stderr, once more
        logger.error("%s", message, extra=log_fields("token-lost"))
        show_unheard(message, logging.ERROR)


def _begin_anew() -> None:
    """In a forked child, go on saving: the parent's thread is not there."""
    global _lock, _more, _saver
    _lock, _more, _saver = threading.Lock(), threading.Event(), threading.Lock()
    if held:
        _save_in_background()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_anew)
