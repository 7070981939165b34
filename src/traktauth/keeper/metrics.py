"""A keeper's metrics for Prometheus, served at `/metrics` on a port of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from traktauth.errors import StoreFailed
from traktauth.keeper.events import Event, Outage, Recovered
from traktauth.keeper.keeper import Keeper

_COUNT_TIMEOUT = 10.0  # seconds; Prometheus waits as long by default


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
        self._keeper = keeper

    def count(self, event: Event) -> None:
        """Count an event."""
        self._events.labels(event.kind).inc()
        if isinstance(event, Outage | Recovered):
            self._outage.set(isinstance(event, Outage))

    def serve(self, port: int, host: str = "127.0.0.1") -> tuple[int, Callable[[], None]]:
        """Serve the metrics in a thread; return the port (0 picks a free one) and a function that stops it.

        Call it in the keeper's event loop, which counts the logins.

        Raises:
            OSError: the port is taken.
        """
        self.registry.register(LoginCollector(self._keeper, asyncio.get_running_loop()))
        server, thread = start_http_server(port, host, self.registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop


class LoginCollector(Collector):
    """Counts the logins of a keeper's store when Prometheus asks; without a sample if the store cannot be read.

    Args:
        keeper: the keeper.
        loop: the event loop that it runs in.
    """

    def __init__(self, keeper: Keeper, loop: asyncio.AbstractEventLoop) -> None:
        self._keeper = keeper
        self._loop = loop

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metric without samples."""
        yield GaugeMetricFamily("traktauth_keeper_logins", "Logins in the store, by state.", labels=["state"])

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metric."""
        counting = asyncio.run_coroutine_threadsafe(self._keeper.count_states(), self._loop)
        try:
            states = counting.result(_COUNT_TIMEOUT)
        except (StoreFailed, TimeoutError, CancelledError):
            counting.cancel()
            return
        for gauge in self.describe():
            for state, count in asdict(states).items():
                gauge.add_metric([state], count)
            yield gauge
