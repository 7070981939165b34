"""The circuit breaker: stop sending refreshes when the service fails, probe it, and start again slowly.

Each refresh that is sent during an outage may be one whose response is lost. A keeper therefore starts with one request
at a time; one uncertain failure stops all but those in progress, and until the service works again only probes are
sent, which spend nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from traktauth.client.driver.bound_store import BoundStore
from traktauth.errors import TryLater
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import NoResponse
from traktauth.flow.probe import check_endpoint
from traktauth.keeper.config import KeeperContext
from traktauth.keeper.driver import KeeperDriver
from traktauth.keeper.events import Outage, Recovered
from traktauth.wire.error_responses import error_code, retry_after
from traktauth.wire.messages import Request, Response

# Seconds.
PAUSE_AFTER_OUTAGE = 60.0  # the next steps of a scheduler send nothing for so long after one has found an outage
_FIRST_PROBE = 2.0
_MIN_WAIT = 0.1
_TIMER_RESOLUTION = 0.001  # a shorter wait counts as none


class CircuitBreaker:
    """Decides whether, and how many at once, refreshes may be sent.

    Args:
        max_in_flight: concurrent requests while the service works.
        monotonic: returns seconds.

    Attributes:
        allowed: how many concurrent requests are allowed now.
    """

    def __init__(self, max_in_flight: int, monotonic: Callable[[], float]) -> None:
        self._max_in_flight = max_in_flight
        self._monotonic = monotonic
        self._next_probe = 0.0
        self._failing_since: float | None = None
        self.allowed = 1

    @property
    def is_open(self) -> bool:
        """Whether the service counts as failing."""
        return self._failing_since is not None

    def open_for(self) -> float | None:
        """Return for how many seconds the service has been failing; None while it works."""
        return None if self._failing_since is None else self._monotonic() - self._failing_since

    def seconds_until_probe(self) -> float:
        """Return the seconds until the next probe."""
        left = self._next_probe - self._monotonic()
        return left if left > _TIMER_RESOLUTION else 0.0

    def record_failure(self) -> bool:
        """Count a failure of the service; return whether it is the first of an outage.

        Requests in progress when an outage begins fail together, which means nothing more than one failure.
        """
        is_first = self._failing_since is None
        if is_first:
            self._failing_since = self._monotonic()
            self.delay_probe(_FIRST_PROBE)
        self.allowed = 1
        return is_first

    def record_success(self) -> None:
        """Count a response: twice as many concurrent requests as before are allowed."""
        if self._failing_since is None:
            self.allowed = min(self._max_in_flight, self.allowed * 2)

    def delay_probe(self, seconds: float) -> None:
        """Set the next probe to some seconds from now."""
        self._next_probe = self._monotonic() + max(seconds, _MIN_WAIT)

    def close(self) -> float:
        """Count the service as working again; return how many seconds it failed."""
        seconds = self.open_for() or 0.0
        self._failing_since = None
        return seconds


class HealthAwareSender:
    """Sends requests, and tells a circuit breaker from each response whether the service works.

    Args:
        send: sends one request.
        breaker: the circuit breaker.
        context: reports outages.

    Attributes:
        retry_after: seconds for which the service asked not to be called; 0 if it did not ask.
    """

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Response | NoResponse]],
        *,
        breaker: CircuitBreaker,
        context: KeeperContext,
    ) -> None:
        self._send = send
        self._breaker = breaker
        self._context = context
        self._failed_at = 0.0
        self.retry_after = 0.0

    async def send(self, request: Request) -> Response | NoResponse:
        """Send one request."""
        reply = await self._send(request)
        if isinstance(reply, NoResponse):
            self._record_failure(reply.reason)
        elif reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._record_failure(f"it answered {reply.status}")
        elif reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            self.retry_after = max(self.retry_after, retry_after(reply))
        elif not _is_from_token_endpoint(reply):
            self._record_failure(f"something else answered in its place ({reply.status})")
        else:
            self._breaker.record_success()
        return reply

    async def probe(self, bound_store: BoundStore, flow_context: FlowContext) -> bool:
        """Return whether a probe, made here or by another process of the store, shows that the endpoint works.

        Raises:
            AppRejected: Trakt refuses the app.
            StoreFailed: the probe cannot be stored.
        """
        try:
            driver = KeeperDriver(bound_store, self._send, self._context.in_thread)
            await driver.run(check_endpoint(flow_context, since=self._failed_at))
        except TryLater as error:
            if error.status == HTTPStatus.TOO_MANY_REQUESTS:
                self.retry_after = max(self.retry_after, error.retry_after)
            self._breaker.delay_probe(error.retry_after)
            return False
        self._context.on_event(Recovered(self._breaker.close()))
        return True

    def _record_failure(self, reason: str) -> None:
        self._failed_at = self._context.config.clock()
        if self._breaker.record_failure():
            self._context.on_event(Outage(reason))


def _is_from_token_endpoint(reply: Response) -> bool:
    """Return whether Trakt's engine wrote a response, and not a proxy or a portal: a token, or an OAuth error."""
    if reply.status == HTTPStatus.OK:
        return "access_token" in reply.document()
    return reply.status < HTTPStatus.INTERNAL_SERVER_ERROR and error_code(reply) != ""
