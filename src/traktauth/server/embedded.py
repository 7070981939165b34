"""A local Trakt in this process, in a thread of its own: for tests and the demo."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any, Self

import uvloop

from traktauth.server.listening import HttpServer, bound, url_of
from traktauth.server.wiring import build

if TYPE_CHECKING:
    import socket
    from types import TracebackType

    from traktauth.server.settings import Settings
    from traktauth.server.wiring import Built

GRACE_SECONDS = 0.02
"""Whoever ends a test has no answers to wait for."""


class Embedded:
    """A local Trakt, from `with` to its end.

    Attributes:
        settings: how it runs.
        url: its origin, while it runs.
        announcement: what `traktauth serve` would print.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = ""
        self.announcement: dict[str, Any] = {}
        self._built: Built | None = None
        self._server: HttpServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start it; it accepts connections when this returns.

        Raises:
            ValueError: the seed, the faults or the rotation make no sense.
            OSError: the address cannot be listened on.
            StorageDown: the database cannot be used.
        """
        listener = bound(self.settings)
        self.url = url_of(self.settings, listener)
        try:
            built = build(self.settings, self.url)
        except BaseException:
            listener.close()
            raise
        self.announcement = built.announcement
        self._built = built
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(built, listener, started), name="local-trakt", daemon=True
        )
        self._thread.start()
        started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and let go of its port, thread and database."""
        if self._loop is not None and self._server is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._server.stop)
        if self._thread is not None:
            self._thread.join()

    def _run(self, built: Built, listener: socket.socket, started: threading.Event) -> None:
        try:
            uvloop.run(self._served(built, listener, started))
        finally:
            started.set()
            listener.close()
            built.realm.storage.close()

    async def _served(self, built: Built, listener: socket.socket, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = HttpServer(built.application, started=started.set, grace=GRACE_SECONDS)
        await self._server.serve([listener])
