"""Serve until told to stop: what `traktauth serve` does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import uvloop

from traktauth.server.app import build
from traktauth.server.process.file_descriptors import raise_limit
from traktauth.server.process.http_server import HttpServer, bind_socket, socket_origin
from traktauth.server.process.log_output import log_to_stderr
from traktauth.server.process.supervisor import Supervisor
from traktauth.server.storage.purge import run_purge

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from traktauth.server.app import Built
    from traktauth.server.config.settings import Settings
    from traktauth.server.middleware.access_log import LoggedRequest
    from traktauth.server.process.supervisor import WorkerContext


BETWEEN_COLLECTIONS = 20_000
"""Objects made between two looks for garbage in cycles, of which requests leave next to none."""


def serve(
    settings: Settings,
    *,
    ready: Callable[[dict[str, Any]], None],
    show_request: Callable[[LoggedRequest], None] | None = None,
) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP.

    Answers that are under way still leave, for half a minute or until the next signal.

    Args:
        settings: how to run.
        ready: is told what to announce (`url`, `profile`, `client_id`, `client_secret`, `redirect_uris`, `users`,
            `control`) once connections are accepted.
        show_request: is called with each request that was served, in the process that has served it.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: the seed, the faults or the rotation make no sense.
        OSError: the address cannot be listened on.
        StorageUnavailable: the database cannot be used.
        RuntimeError: one of several workers could not start.
    """
    raise_limit()
    with log_to_stderr(processes=settings.workers), contextlib.closing(bind_socket(settings)) as listener:
        built = build(settings, socket_origin(settings, listener), show_request=show_request)

        def announce() -> None:
            ready(built.announcement)

        if settings.workers == 1:
            _serve(built, listener, started=announce)
        else:
            Supervisor(settings.workers, partial(_work, built, listener)).run(announce)
    return 0


def _work(built: Built, listener: socket.socket, post: WorkerContext) -> None:
    _serve(built, listener, started=post.started, parent_pipe=post.parent_pipe, tidies=post.number == 0)


def _serve(
    built: Built,
    listener: socket.socket,
    *,
    started: Callable[[], None],
    parent_pipe: int | None = None,
    tidies: bool = True,
) -> None:
    """Serve until a signal comes, or *parent_pipe* is closed; one process of several *tidies* the database."""

    async def serve_all() -> None:
        server = HttpServer(
            built.application, built.context.settings, started=started, stopping=built.context.request_log.close
        )
        gc.freeze()  # what is loaded by now stays as long as the process
        gc.set_threshold(BETWEEN_COLLECTIONS)
        loop = asyncio.get_running_loop()

        def handle_signal() -> None:
            (server.stop_now if server.should_exit else server.stop)()

        hangup = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
        for number in (signal.SIGINT, signal.SIGTERM, *hangup):
            loop.add_signal_handler(number, handle_signal)
        if parent_pipe is not None:
            loop.add_reader(parent_pipe, server.stop)
        context = built.context
        seconds = context.policy.rotation.purge_seconds
        cleanup = run_purge(context.storage, context.clock, purge_seconds=seconds)
        async with cleanup if tidies else contextlib.nullcontext():
            await server.serve([listener])

    with contextlib.closing(built):
        uvloop.run(serve_all())
