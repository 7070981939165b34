"""Work that signals do not stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def uninterrupted(work: Callable[[], T]) -> T:
    """Do work that KeyboardInterrupt and other signals' exceptions do not stop; they are raised after it.

    It is done in a thread, as Python delivers signals to the main thread alone, and one that the interpreter waits
    for at its end.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - raised below
            failure.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, name="traktauth-renewal")
    stopped: BaseException | None = None
    try:
        thread.start()
    except RuntimeError:
        return work()  # no thread is to be had; better without protection than not at all
    except BaseException as error:
        if thread.ident is None:  # it never ran
            raise
        stopped = error
    while not done.is_set():
        try:
            done.wait()
        except BaseException as error:  # noqa: BLE001 - raised below
            stopped = stopped or error
    if stopped is not None:
        raise stopped
    if failure:
        raise failure[0]
    return outcome[0]
