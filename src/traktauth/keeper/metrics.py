"""A keeper's metrics for Prometheus, served at `/metrics` on a port of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from traktauth.keeper.events import Outage, Recovered

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.keeper.events import Event
    from traktauth.keeper.keeper import Keeper


class Metrics:
    """Counts a keeper's events; the other values are read when Prometheus scrapes them.

    Args:
        keeper: the keeper to observe.
    """

    def __init__(self, keeper: Keeper) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter("traktauth_keeper_events", "Events, by kind.", ["kind"], registry=self.registry)
        self._outage = Gauge("traktauth_keeper_outage", "1 while the service is failing.", registry=self.registry)
        in_flight = Gauge("traktauth_keeper_in_flight", "Refreshes in progress.", registry=self.registry)
        in_flight.set_function(lambda: keeper.in_flight)
        tried = Gauge("traktauth_keeper_logins", "Logins worked on since the start.", registry=self.registry)
        tried.set_function(lambda: keeper.summary.tried)

    def count(self, event: Event) -> None:
        """Count an event."""
        self._events.labels(event.kind).inc()
        if isinstance(event, Outage | Recovered):
            self._outage.set(isinstance(event, Outage))

    def serve(self, port: int, host: str = "127.0.0.1") -> tuple[int, Callable[[], None]]:
        """Serve the metrics in a thread; return the port (0 picks a free one) and a function that stops it.

        Raises:
            OSError: the port is taken.
        """
        server, thread = start_http_server(port, host, self.registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop
