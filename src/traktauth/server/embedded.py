"""A local Trakt in this process, in a thread of its own: for tests and the demo."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any, Self

import uvloop

from traktauth.server.control import people, states
from traktauth.server.faults import read_faults
from traktauth.server.listening import HttpServer, bound, url_of
from traktauth.server.wiring import build

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable
    from types import TracebackType

    from traktauth.server.clock import Clock
    from traktauth.server.control.door import Call
    from traktauth.server.realm import Realm
    from traktauth.server.settings import Settings
    from traktauth.server.wiring import Built

GRACE_SECONDS = 0.02
"""Whoever ends a test has no answers to wait for."""
NOT_RUNNING = "this server has not been started, or has ended: use it within its `with`"


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
        self._loop = None

    @property
    def clock(self) -> Clock:
        """The server's clock; calling it gives its time, as `Trakt(…, clock=)` wants it."""
        return self._realm.clock

    @property
    def ledger(self) -> dict[str, Any]:
        """What has happened since the last reset, as `GET /_control/ledger` has it."""
        return self._done(states.ledger, {})

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> float:
        """Move the clock, back where the sum is less than 0; give the time it shows then, in seconds since 1970.

        Raises:
            ValueError: it would show a time before 1970-01-01 or after 9000-01-01; it stays as it was.
        """
        return self._realm.clock.advance(((days * 24 + hours) * 60 + minutes) * 60 + seconds)

    def fail_next(self, path: str, **fault: Any) -> None:  # noqa: ANN401 - the members of a fault, as over HTTP
        """Let the next answer on a path fail; members as in `PUT /_control/faults`. Faults take turns.

        Raises:
            ValueError: a member makes no sense.
        """
        for one in read_faults([{"path": path, **fault}]):
            self._realm.faults.add(one)

    def sign_in(self, username: str, *, client_id: str | None = None) -> dict[str, Any]:
        """Sign a user in without a browser: `access_token`, `refresh_token`, `expires_in`, `username`.

        A user who does not exist is made; without *client_id* it is for the first app.

        Raises:
            ValueError: there is no such app, or the user's name is none.
        """
        said = {"client_id": client_id or self._announced["client_id"], "count": 1, "username": username}
        tokens: list[dict[str, Any]] = self._done(states.tokens, said)["tokens"]
        return tokens[0]

    def authorize(self, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - the members of a call, as over HTTP
        """Say where a browser would end, as `POST /_control/authorize` has it.

        Raises:
            ValueError: a member is missing, or makes no sense.
        """
        return self._done(people.authorize, said)

    def reset(self) -> None:
        """Forget tokens, codes, faults and counts, keep apps and users, put the clock back."""
        self._done(states.reset, {})

    @property
    def _announced(self) -> dict[str, Any]:
        if not self.announcement:
            raise RuntimeError(NOT_RUNNING)
        if self.announcement["client_id"] is None:
            raise ValueError("this server has no app: seed one")
        return self.announcement

    @property
    def _realm(self) -> Realm:
        if self._built is None:
            raise RuntimeError(NOT_RUNNING)
        return self._built.realm

    def _done(self, call: Call, said: dict[str, Any]) -> dict[str, Any]:
        """Have a control call done on the server's own loop."""
        if self._loop is None:
            raise RuntimeError(NOT_RUNNING)
        doing = asyncio.run_coroutine_threadsafe(_as_coroutine(call(self._realm, said)), self._loop)
        return doing.result()

    def _run(self, built: Built, listener: socket.socket, started: threading.Event) -> None:
        try:
            uvloop.run(self._served(built, listener, started))
        finally:
            started.set()
            listener.close()
            built.close()

    async def _served(self, built: Built, listener: socket.socket, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = HttpServer(built.application, started=started.set, grace=GRACE_SECONDS)
        await self._server.serve([listener])


async def _as_coroutine(awaitable: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await awaitable
