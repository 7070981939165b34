"""A local Trakt in this process, in a thread of its own: for tests and the demo."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import parse_qsl, urljoin, urlsplit

from starlette.types import ASGIApp

from traktauth.models import App
from traktauth.protocol import OUT_OF_BAND
from traktauth.server.app import Built, build, read_files
from traktauth.server.clock import Clock
from traktauth.server.control import calls
from traktauth.server.http.context import ServerContext
from traktauth.server.http.faults import read_faults
from traktauth.server.process.server_thread import ServerThread, bind_socket, socket_origin
from traktauth.server.settings import Settings

T = TypeVar("T")
NOT_RUNNING = "this server has not been started, or has ended: use it within its `with`"


class EmbeddedServer:
    """A local Trakt, from `with` to its end.

    Attributes:
        settings: how it runs.
        url: its origin, while it runs.
        announcement: what `traktauth serve` would print.
        origins: further origins whose requests end here, such as `https://trakt.tv` behind a proxy.
    """

    def __init__(self, settings: Settings) -> None:
        read_files(settings)
        self.settings = settings
        self.url = ""
        self.announcement: dict[str, Any] = {}
        self.origins: set[str] = set()
        self._built: Built | None = None
        self._thread: ServerThread | None = None

    def __enter__(self) -> Self:
        """Start it; it accepts connections when this returns.

        Raises:
            ValueError: the seed, the faults or the rotation make no sense.
            OSError: the address cannot be listened on, or no more files can be opened.
            StorageUnavailable: the database cannot be used.
        """
        listener = bind_socket(self.settings)
        self.url = socket_origin(self.settings, listener)
        try:
            built = build(self.settings, self.url)
        except BaseException:
            listener.close()
            raise
        self.announcement = built.announcement
        self._built = built
        self._thread = ServerThread(built, listener)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and let go of its port, thread and database."""
        if self._thread is not None:
            self._thread.abort()
            self._thread = None

    @property
    def app(self) -> App:
        """Return the first app, as a client knows it; out of band where it has no address.

        Raises:
            RuntimeError: the server has not been started.
            ValueError: its seed has no app.
        """
        announced = self._announced
        addresses: list[str] = announced["redirect_uris"] or [OUT_OF_BAND]
        secret: str | None = announced["client_secret"]
        return App(announced["client_id"], client_secret=secret, redirect_uri=addresses[0])

    @property
    def clock(self) -> Clock:
        """The server's clock; calling it gives its time, as `Trakt(…, clock=)` wants it."""
        return self._context.clock

    @property
    def ledger(self) -> dict[str, Any]:
        """What has happened since the last reset, as `GET /_control/ledger` has it."""
        return self._run(calls.ReadLedger())

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> float:
        """Move the clock, back where the sum is less than 0; give the time it shows then, in seconds since 1970.

        Raises:
            ValueError: it would show a time before 1970-01-01 or after 9000-01-01; it stays as it was.
        """
        return self._context.clock.advance(((days * 24 + hours) * 60 + minutes) * 60 + seconds)

    def fail_next(self, path: str, **fault: Any) -> None:
        """Make the next response on a path fail; members as in `PUT /_control/faults`. Faults apply in order.

        Raises:
            ValueError: a member makes no sense, or this server does not have that OAuth path.
        """
        context = self._context
        context.faults.extend(read_faults([{"path": path, **fault}], context.profile.oauth_paths))

    def clear_faults(self) -> None:
        """Remove the faults that wait for their turn."""
        self._context.faults.clear()

    def sign_in(self, username: str, *, client_id: str | None = None) -> dict[str, Any]:
        """Sign a user in without a browser; return the token response as a dict.

        It has `access_token`, `refresh_token`, `expires_in`, `created_at` and `username`. A user who does not exist is
        made; without *client_id* it is for the first app.

        Raises:
            ValueError: the app is unknown, or the user's name is invalid.
        """
        app = client_id or self._announced["client_id"]
        call = calls.CreateTokens.read({"client_id": app, "count": 1, "username": username})
        tokens: list[dict[str, Any]] = self._run(call)["tokens"]
        return tokens[0]

    def authorize(self, **members: Any) -> dict[str, Any]:
        """Return where a browser would end, as `POST /_control/authorize` does.

        Raises:
            ValueError: a member is missing, or makes no sense.
        """
        return self._run(calls.Authorize.read(members))

    def browse(self, url: str, username: str = "sean", decision: Literal["approve", "deny"] = "approve") -> str:
        """Return the address where a browser would end, from an authorize address on: the app's, with code and state.

        Nothing is sent to the app: give the address to the app's test client. An out-of-band code is in the query of
        the page that shows it.

        Args:
            url: an authorize address of this server.
            username: who signs in and decides; a user who does not exist is made.
            decision: `approve` or `deny`.

        Raises:
            ValueError: the address is not one of this server, or the browser would end on an error page.
        """
        return self.run(self.browse_async(url, username, decision))

    async def browse_async(self, url: str, username: str, decision: Literal["approve", "deny"] = "approve") -> str:
        """Do as `browse` does; called in the server's own event loop.

        Raises:
            ValueError: the address is not one of this server, or the browser would end on an error page.
        """
        if not isinstance(url, str) or not url:  # pyright: ignore[reportUnnecessaryIsInstance] - a response, say
            raise ValueError(f"browse() needs an authorize address, such as {self.url}/oauth/authorize?…, not {url!r}")
        self._check_origin(url)
        parts = urlsplit(url)
        native = self._context.profile.native_authorize
        if parts.path not in ("/oauth/authorize", native):
            raise ValueError(f"{parts.path or '/'} is not an authorize address; browse() begins at /oauth/authorize")
        members = {**dict(parse_qsl(parts.query, keep_blank_values=True)), "username": username, "decision": decision}
        if parts.path == native:
            members["via"] = "native"
        end = await calls.run_call(self._context, calls.Authorize.read(members))
        location: str | None = end["location"]
        if location is None:
            shown = end.get("message") or end.get("error") or "a page without a redirect"
            raise ValueError(f"Trakt does not redirect the browser back to the app: {shown}")
        return urljoin(self.url, location)

    def approve_device(self, user_code: str, username: str = "sean") -> None:
        """Enter a user code at the activation page, and approve.

        Raises:
            ValueError: no such code is waiting for an answer.
        """
        self._run(calls.DecideDevice(user_code=user_code, username=username, decision="approve"))

    def deny_device(self, user_code: str, username: str = "sean") -> None:
        """Enter a user code at the activation page, and deny.

        Raises:
            ValueError: no such code is waiting for an answer.
        """
        self._run(calls.DecideDevice(user_code=user_code, username=username, decision="deny"))

    def expire(self, kind: Literal["access", "refresh", "code", "device"], value: str | None) -> None:
        """Expire one token or code now.

        Args:
            kind: `access`, `refresh`, `code` or `device`.
            value: the token, the code or the device code; None, as of a token without a refresh token, is refused.

        Raises:
            ValueError: the kind, token or code is unknown.
        """
        if value is None:
            raise ValueError(f"There is no {kind} token or code to expire")
        self._run(calls.Expire.read({"kind": kind, "value": value}))

    def sign_out(self, username: str) -> None:
        """Sign a user out on the web: browsers must sign in again, tokens stay valid as they do at Trakt.

        Raises:
            ValueError: the user is unknown.
        """
        self._run(calls.SignUserOut(username=username))

    def disconnect(self, username: str) -> None:
        """Disconnect every app from a user's account, as they do on Trakt's page of connected apps: all tokens end.

        Raises:
            ValueError: the user is unknown.
        """
        self._run(calls.Disconnect(username=username))

    def knows_app(self, client_id: str) -> bool:
        """Return whether there is an app with this client id; called in the server's own event loop."""
        return self._context.database.read(lambda db: db.clients.by_client_id(client_id)) is not None

    async def approve_polled(self, device_code: str, username: str) -> None:
        """Approve a device code, if it waits for a decision; called in the server's own event loop."""
        context = self._context
        device = context.database.read(lambda db: db.device_codes.by_token(device_code))
        if device is not None and device.status == "pending" and device.expires > context.clock():
            approval = calls.DecideDevice(user_code=device.user_code, username=username, decision="approve")
            await calls.run_call(context, approval)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's own event loop, and return its result."""
        if self._thread is None:
            coroutine.close()
            raise RuntimeError(NOT_RUNNING)
        return self._thread.run(coroutine)

    async def listen(self, wrap: Callable[[ASGIApp], ASGIApp], tls: ssl.SSLContext | None = None) -> asyncio.Server:
        """Serve on a further port of 127.0.0.1; called in the server's own event loop.

        Args:
            wrap: makes the application of that port from the server's.
            tls: the TLS settings; None: plain HTTP.

        Raises:
            OSError: no port is free.
        """
        if self._thread is None or self._built is None:
            raise RuntimeError(NOT_RUNNING)
        return await self._thread.listen(wrap(self._built.application), tls)

    def reset(self) -> None:
        """Forget tokens, codes, faults and counts, keep apps and users, put the clock back."""
        self._run(calls.Reset())

    def _check_origin(self, url: str) -> None:
        """Check that an address is one of this server."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" not in {self._announced["url"], self.url, *self.origins}:
            raise ValueError(
                f"{parts.scheme}://{parts.netloc} is not this local Trakt: give the program service={self.url!r}, "
                f"or set TRAKTAUTH_SERVICE={self.url}"
            )

    @property
    def _announced(self) -> dict[str, Any]:
        if not self.announcement:
            raise RuntimeError(NOT_RUNNING)
        if self.announcement["client_id"] is None:
            raise ValueError("this server has no app: seed one")
        return self.announcement

    @property
    def _context(self) -> ServerContext:
        if self._built is None:
            raise RuntimeError(NOT_RUNNING)
        return self._built.context

    def _run(self, call: calls.Call) -> dict[str, Any]:
        """Run a control call in the server's own event loop."""
        return self.run(calls.run_call(self._context, call))
