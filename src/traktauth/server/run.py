"""Serve until told to stop: what `traktauth serve` does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import uvloop

from traktauth.server.listening import HttpServer, bound, url_of
from traktauth.server.upkeep import kept_tidy
from traktauth.server.wiring import build
from traktauth.server.workers import Workers

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from traktauth.server.settings import Settings
    from traktauth.server.wiring import Built
    from traktauth.server.workers import Post


BETWEEN_COLLECTIONS = 20_000
"""Objects made between two looks for garbage in cycles, of which requests leave next to none."""


def serve(settings: Settings, *, ready: Callable[[dict[str, Any]], None]) -> int:
    """Serve until SIGINT or SIGTERM; answers that are under way still leave, for half a minute or until the next one.

    Args:
        settings: how to run.
        ready: is told what to announce (`url`, `profile`, `client_id`, `client_secret`, `redirect_uris`, `users`,
            `control`) once connections are accepted.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: the seed, the faults or the rotation make no sense.
        OSError: the address cannot be listened on.
        StorageDown: the database cannot be used.
        RuntimeError: one of several workers could not start.
    """
    with contextlib.closing(bound(settings)) as listener:
        built = build(settings, url_of(settings, listener))

        def announce() -> None:
            ready(built.announcement)

        if settings.workers == 1:
            _serve(built, listener, started=announce)
        else:
            Workers(settings.workers, partial(_work, built, listener)).run(announce)
    return 0


def _work(built: Built, listener: socket.socket, post: Post) -> None:
    _serve(built, listener, started=post.started, life=post.life, tidies=post.number == 0)


def _serve(
    built: Built,
    listener: socket.socket,
    *,
    started: Callable[[], None],
    life: int | None = None,
    tidies: bool = True,
) -> None:
    """Serve until a signal comes, or *life* comes to its end; one process of several *tidies* the database."""

    async def served() -> None:
        server = HttpServer(built.application, started=started)
        gc.freeze()  # what is loaded by now stays as long as the process
        gc.set_threshold(BETWEEN_COLLECTIONS)
        loop = asyncio.get_running_loop()

        def told() -> None:
            (server.hurry if server.should_exit else server.stop)()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, told)
        if life is not None:
            loop.add_reader(life, server.stop)
        async with kept_tidy(built.realm) if tidies else contextlib.nullcontext():
            await server.serve([listener])

    with contextlib.closing(built):
        uvloop.run(served())
