"""Work in forked children: as another user, or to be killed in the middle."""

from __future__ import annotations

import os
import pickle
import signal
import warnings


def fork():
    """Fork; Python warns of threads, which the child here does without."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def in_child(work, *, uid=None):
    """Return what `work` returns in a forked child, run by the user `uid`; its error is raised here."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        os.close(reading)
        signal.alarm(60)  # a child that hangs must not be waited for
        try:
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            outcome = (True, work())
        except BaseException as error:  # noqa: BLE001 - raised in the parent
            outcome = (False, error)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps(outcome))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    good, value = pickle.loads(content)
    if not good:
        raise value
    return value
