"""Liveness, readiness, and metrics in Prometheus' text format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from traktauth.server.messages import HttpResponse, get_only, json_response
from traktauth.server.storage.base import StorageUnavailable

if TYPE_CHECKING:
    from traktauth.server.http.context import ServerContext

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TOTALS = {
    "rotations": "Refresh tokens that were replaced.",
    "replays": "Used refresh tokens that were sent again.",
    "families_killed": "Families that a replay revoked.",
}


def health_routes(context: ServerContext) -> list[Route]:
    """Return the routes for operators."""

    async def alive() -> HttpResponse:
        return json_response(200, {"status": "ok"}, {"cache-control": "no-store"})

    async def ready() -> HttpResponse:
        try:  # a full disk can still be read
            context.database.write(lambda db: db.settings.set("ready", ""))
        except StorageUnavailable:
            return json_response(503, {"status": "the database cannot be used"}, {"retry-after": "5"})
        return json_response(200, {"status": "ok"}, {"cache-control": "no-store"})

    async def metrics() -> HttpResponse:
        return HttpResponse(200, to_prometheus(context.exchanges.ledger()).encode(), {"content-type": TEXT})

    return [Route("/healthz", get_only(alive)), Route("/readyz", get_only(ready)), Route("/metrics", get_only(metrics))]


def to_prometheus(sums: dict[str, Any]) -> str:
    """Write the counters for Prometheus."""
    lines = ["# HELP local_trakt_requests_total Requests by address.", "# TYPE local_trakt_requests_total counter"]
    for name, count in sorted(sums["counts"].items()):
        method, path = name.split(" ", 1)
        number = count if isinstance(count, int) else sum(count.values())
        lines.append(f'local_trakt_requests_total{{method="{method}",path="{path}"}} {number}')
    for name, text in TOTALS.items():
        metric = f"local_trakt_{name}_total"
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} counter", f"{metric} {sums[name]}"]
    return "\n".join([*lines, ""])
