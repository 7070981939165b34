"""Whether it lives, whether it can serve, and its numbers in Prometheus' text format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from traktauth.server.http.answers import Answer, in_json
from traktauth.server.http.application import got
from traktauth.server.storage.base import StorageDown

if TYPE_CHECKING:
    from traktauth.server.realm import Realm

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TOTALS = {
    "rotations": "Refresh tokens that were replaced.",
    "replays": "Used refresh tokens that came again.",
    "families_killed": "Families that a replay ended.",
}


def health_routes(realm: Realm) -> list[Route]:
    """Make the addresses that operators and their programs look at."""

    async def alive() -> Answer:
        return in_json(200, {"status": "ok"}, {"cache-control": "no-store"})

    async def ready() -> Answer:
        try:  # a full disk can still be read
            await realm.storage.write(lambda tables: tables.upkeep.remember("ready", ""))
        except StorageDown:
            return in_json(503, {"status": "the database cannot be used"}, {"retry-after": "5"})
        return in_json(200, {"status": "ok"}, {"cache-control": "no-store"})

    async def metrics() -> Answer:
        return Answer(200, exposed(realm.ledger.sums()).encode(), {"content-type": TEXT})

    return [Route(path, got(give)) for path, give in (("/healthz", alive), ("/readyz", ready), ("/metrics", metrics))]


def exposed(sums: dict[str, Any]) -> str:
    """Write the ledger's sums for Prometheus."""
    lines = ["# HELP local_trakt_requests_total Requests by address.", "# TYPE local_trakt_requests_total counter"]
    for name, count in sorted(sums["counts"].items()):
        method, path = name.split(" ", 1)
        number = count if isinstance(count, int) else sum(count.values())
        lines.append(f'local_trakt_requests_total{{method="{method}",path="{path}"}} {number}')
    for name, text in TOTALS.items():
        metric = f"local_trakt_{name}_total"
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} counter", f"{metric} {sums[name]}"]
    return "\n".join([*lines, ""])
