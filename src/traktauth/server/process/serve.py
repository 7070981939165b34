"""Serve until told to stop: what `traktauth serve` does."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
from typing import TYPE_CHECKING, Any

from traktauth.server.app import build
from traktauth.server.process.file_descriptors import raise_limit
from traktauth.server.process.log_output import log_to_stderr
from traktauth.server.process.server_thread import ServerThread, bind_socket, socket_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from traktauth.server.http.exchange import Exchange
    from traktauth.server.settings import Settings

BETWEEN_COLLECTIONS = 20_000
"""Objects made between two collections of garbage in cycles, of which requests leave next to none."""


def serve(
    settings: Settings,
    *,
    ready: Callable[[dict[str, Any]], None],
    show_request: Callable[[Exchange], None] | None = None,
) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP.

    Responses in progress are finished, for half a minute or until the next signal.

    Args:
        settings: how to run.
        ready: is told what to announce (`url`, `profile`, `client_id`, `client_secret`, `redirect_uris`, `users`,
            `control`) once connections are accepted.
        show_request: is called with each request that was served.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: the seed, the faults or the rotation make no sense.
        OSError: the address cannot be listened on.
        StorageUnavailable: the database cannot be used.
    """
    raise_limit()
    with log_to_stderr(), contextlib.closing(bind_socket(settings)) as listener:
        built = build(settings, socket_origin(settings, listener), show_request=show_request)
        ended = threading.Event()
        server = ServerThread(built, listener, on_end=ended.set)
        with _signals(ended, server):
            gc.freeze()  # what is loaded by now stays as long as the process
            gc.set_threshold(BETWEEN_COLLECTIONS)
            server.start()
            try:
                ready(built.announcement)
                ended.wait()
            finally:
                server.stop()
    return 0


@contextlib.contextmanager
def _signals(ended: threading.Event, server: ServerThread) -> Generator[None]:
    """Let the first signal set *ended*, and the next one end the wait for responses."""

    def handle(number: int, frame: object) -> None:  # noqa: ARG001 - as handlers are called
        if ended.is_set():
            server.skip_grace()
        ended.set()

    hangup = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, *hangup)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
