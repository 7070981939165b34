"""What each reply says of the service as a whole: it lives, it is busy, or it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.flow.effects import NoReply
from traktauth.keeper.events import Outage, Recovered
from traktauth.wire.faults import BUSY, error_code, retry_after
from traktauth.wire.tokens import exchange_refresh_token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from traktauth.keeper.breaker import Breaker
    from traktauth.keeper.events import Event
    from traktauth.models import App
    from traktauth.protocol import Service
    from traktauth.wire.messages import Reply, Request

_OK = 200
_SERVER_ERROR = 500
# No service has issued it, so refusing it spends nothing: the harmless question whether a service lives.
_NOBODYS_TOKEN = "a-keeper-asks-whether-you-are-there"


class Asking:
    """Sends requests, and tells the breaker how the service does.

    Args:
        send: sends one request.
        breaker: hears of failures and answers.
        tell: hears of outages.

    Attributes:
        asked_for: seconds for which the service asked to be left alone; 0 when it did not.
    """

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Reply | NoReply]],
        *,
        breaker: Breaker,
        tell: Callable[[Event], None],
    ) -> None:
        self._send = send
        self._breaker = breaker
        self._tell = tell
        self.asked_for = 0.0

    async def send(self, request: Request) -> Reply | NoReply:
        """Send one request."""
        reply = await self._send(request)
        if isinstance(reply, NoReply):
            self._failed(reply.reason)
        elif reply.status >= _SERVER_ERROR:
            self._failed(f"it answered {reply.status}")
        elif reply.status == BUSY:
            self.asked_for = max(self.asked_for, retry_after(reply))
        elif not _is_the_engines(reply):
            self._failed(f"something else answered in its place ({reply.status})")
        else:
            self._breaker.answered()
        return reply

    async def is_alive(self, app: App, service: Service) -> bool:
        """Ask the service whether it lives, with a question that spends nothing."""
        question = exchange_refresh_token(
            service,
            refresh_token=_NOBODYS_TOKEN,
            client_id=app.client_id,
            client_secret=app.client_secret,
            redirect_uri=app.redirect_uri,
        )
        reply = await self._send(question)
        if not isinstance(reply, NoReply) and reply.status == BUSY:
            self.asked_for = max(self.asked_for, retry_after(reply))
        elif isinstance(reply, NoReply) or reply.status == _OK or not _is_the_engines(reply):
            self._breaker.failed(asked=True)
            return False
        self._tell(Recovered(self._breaker.lives()))
        return True

    def _failed(self, why: str) -> None:
        if self._breaker.failed():
            self._tell(Outage(why))


def _is_the_engines(reply: Reply) -> bool:
    """Tell whether Trakt's engine wrote this, and no proxy, portal or error page: a pair, or a refusal with a code."""
    if reply.status == _OK:
        return "access_token" in reply.document()
    return reply.status < _SERVER_ERROR and error_code(reply) != ""
