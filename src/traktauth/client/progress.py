"""How far an exchange has come: whether a byte of a request may have left this machine."""

from __future__ import annotations

import threading
from typing import Any

from traktauth.flow.terms import REQUEST_LIMIT
from traktauth.stores.leases import steady_clock


class GivenUp(Exception):
    """Nobody waits for this exchange any more, and it must not begin now."""


class Progress:
    """Whether a byte of a request may have left this machine, as the HTTP library's trace tells."""

    def __init__(self) -> None:
        self._began = steady_clock()
        self._lock = threading.Lock()
        self._traced = False
        self._started = False
        self.given_up = False

    def may_have_left(self, *, never: bool = False) -> bool:
        """Tell whether a byte may have left; a library without a trace tells by its error that none `never` did."""
        return self._started or not (self._traced or never)

    def give_up(self) -> bool:
        """Keep the request from leaving from now on; tell whether it may have left before."""
        with self._lock:
            self.given_up = True
        return self.may_have_left()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note an event; raise GivenUp where a request is about to leave that nobody waits for."""
        self._traced = True
        if event.endswith("send_request_headers.started") and not _to_proxy(info):
            with self._lock:
                # A process that was stopped finds its time over here, before whoever waits for it does.
                if self.given_up or steady_clock() - self._began > REQUEST_LIMIT:
                    raise GivenUp
                self._started = True

    async def atrace(self, event: str, info: dict[str, Any]) -> None:
        """Same as `trace`, for async clients."""
        self.trace(event, info)


def _to_proxy(info: dict[str, Any]) -> bool:
    """Tell whether what is traced asks a proxy for a tunnel, through which nothing has gone yet."""
    return getattr(info.get("request"), "method", None) == b"CONNECT"
