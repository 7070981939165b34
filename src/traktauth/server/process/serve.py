"""Serve until told to stop, and check what would be served: what `traktauth serve` does."""

from __future__ import annotations

import contextlib
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from traktauth.display import escape
from traktauth.server.app import PROFILES, build, read_files
from traktauth.server.http.exchange import Exchange
from traktauth.server.process.server_thread import ServerThread, bind_socket, socket_origin
from traktauth.server.settings import SettingError, Settings, default_database
from traktauth.server.storage.database import MEMORY, is_initialized, path_of

LOGGER = "traktauth.server"
FORMAT = "%(asctime)s %(message)s"
BETWEEN_COLLECTIONS = 20_000
"""Objects made between two collections of garbage in cycles, of which requests leave next to none."""


def check_config(settings: Settings) -> dict[str, Any]:
    """Return what would be served, or raise what would keep it from starting.

    `database` has its `address` and `state`: `new`, or `ready` where this version has made it. `apps` and `users` are
    numbers of the seed, None without one.
    """
    profile = PROFILES[settings.profile]
    seed, faults, responses = read_files(settings)
    _check_place(settings)
    address = settings.database_address
    return {
        "profile": profile.name,
        "measured_on": profile.measured_on,
        "rotation": settings.rotation or profile.rotation,
        "database": {"address": address, "state": _database_state(address)},
        "apps": None if seed is None else len(seed.apps),
        "users": None if seed is None else len(seed.users),
        "faults": len(faults),
        "responses": sum(map(len, responses.values())),
    }


def _check_place(settings: Settings) -> None:
    """Check where it would listen, and log."""
    try:
        socket.getaddrinfo(settings.host.strip("[]"), settings.port)
    except OSError as error:
        raise SettingError("{host} {given} cannot be found: {why}", given=settings.host, why=error.strerror) from error
    if settings.access_log is None:
        return
    log = Path(settings.access_log).absolute()
    if log.is_dir() or not log.parent.is_dir():
        why = "it is a folder" if log.is_dir() else "its folder does not exist"
        raise SettingError("{access_log} {given} cannot be written: {why}", given=settings.access_log, why=why)


def _database_state(address: str) -> str:
    """Return the state of a database without creating it: `new` or `ready`."""
    if address == MEMORY:
        return "new"
    has_tables = is_initialized(path_of(address), needs_folder=address != default_database(), thorough=True)
    return "ready" if has_tables else "new"


def raise_limit() -> None:
    """Raise this process's limit of open files as far as it may be raised."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows; a limit that cannot be raised
        import resource  # noqa: PLC0415 - not on every system

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class SafeFormatter(logging.Formatter):
    """A formatter whose lines a terminal can show: what clients send may be in them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        return escape(super().format(record), keep="\n")


@contextlib.contextmanager
def log_to_stderr() -> Generator[None]:
    """Write what the server logs to standard error, as long as the block lasts; of uvicorn's log errors alone."""
    uvicorn = logging.getLogger("uvicorn.error")
    level = uvicorn.level
    uvicorn.setLevel(logging.ERROR)
    logger = logging.getLogger(LOGGER)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter(FORMAT))
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated
        uvicorn.setLevel(level)


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

    def handle(_number: int, _frame: object) -> None:
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
