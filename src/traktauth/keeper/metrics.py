"""A keeper's numbers for Prometheus, at `/metrics` on a port of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from traktauth.keeper.events import Outage, Recovered

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.keeper.events import Event
    from traktauth.keeper.keeper import Keeper


class Metrics:
    """Counts a keeper's events and asks it for the rest when it is scraped.

    Args:
        keeper: whose numbers they are.
    """

    def __init__(self, keeper: Keeper) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter(
            "traktauth_keeper_events", "What a keeper has told, by kind.", ["kind"], registry=self.registry
        )
        self._outage = Gauge(
            "traktauth_keeper_outage", "1 while the service counts as failing.", registry=self.registry
        )
        on_the_wire = Gauge("traktauth_keeper_in_flight", "Renewals on the wire.", registry=self.registry)
        on_the_wire.set_function(lambda: keeper.in_flight)
        tried = Gauge("traktauth_keeper_logins", "Logins taken up since the start.", registry=self.registry)
        tried.set_function(lambda: keeper.tally.tried)

    def count(self, event: Event) -> None:
        """Count an event."""
        self._events.labels(type(event).__name__.lower()).inc()
        if isinstance(event, Outage | Recovered):
            self._outage.set(isinstance(event, Outage))

    def serve(self, port: int, host: str = "127.0.0.1") -> tuple[int, Callable[[], None]]:
        """Serve the numbers in a thread; return the port (with 0, one that was free) and what ends that.

        Raises:
            OSError: the port is taken.
        """
        server, thread = start_http_server(port, host, self.registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop
