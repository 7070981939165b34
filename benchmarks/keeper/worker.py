"""One run in a process of its own, so that its time is its own. Reads a plan from stdin, prints what it took.

Both kinds send by the same means, as many at once: `bare` exchanges tokens and forgets them, `keep` is the keeper.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from itertools import islice

from traktauth import App
from traktauth.cli.keep.command import tune_gc
from traktauth.keeper import Keeper, KeeperConfig, RateLimit
from traktauth.keeper.driver import open_sender
from traktauth.models.service import find_service
from traktauth.stores.open import open_store
from traktauth.wire.token_endpoint import build_refresh_request, parse_token_response

IN_FLIGHT = 32
UNPACED = RateLimit(10**9, 0.0)


class Exchanges:
    """The same exchanges without a store."""

    def __init__(self, app, service, plan, send):
        self.app, self.service, self.send = app, service, send
        self.tokens = iter(plan["tokens"])

    async def work(self, count):
        tokens = list(islice(self.tokens, count))
        return sum(await asyncio.gather(*[self._some(tokens[number::IN_FLIGHT]) for number in range(IN_FLIGHT)]))

    async def _some(self, tokens):
        for token in tokens:
            request = build_refresh_request(self.service, self.app, token)
            parse_token_response(await self.send(request), sent_at=time.time())
        return len(tokens)

    async def close(self):
        pass


class Renewals:
    """The keeper."""

    def __init__(self, app, service, plan, send):
        self.plan, self.send = KeeperConfig(app, service, rate_limit=UNPACED, in_flight=IN_FLIGHT), send
        self.store = open_store(plan["store"])

    async def work(self, count):
        summary = await Keeper(self.store, self.plan, send=self.send).run_once(count)
        if summary.refreshed != count or summary.tried != count:
            raise SystemExit(f"not all were refreshed: {summary}")
        return summary.refreshed

    async def close(self):
        self.store.close()


async def measured(kind, app, service, plan):
    async with open_sender(service.token) as send:
        worker = kind(app, service, plan, send)
        await worker.work(plan["warm"])
        began, spent = time.perf_counter(), time.process_time()
        done = await worker.work(plan["count"])
        took, spent = time.perf_counter() - began, time.process_time() - spent
        await worker.close()
    return {"done": done, "seconds": took, "cpu": spent}


def main():
    plan = json.loads(sys.stdin.read())
    app = App(plan["client_id"], client_secret=plan["client_secret"], redirect_uri=plan["redirect_uri"])
    tune_gc()  # as the command does, for both kinds
    kind = {"bare": Exchanges, "keep": Renewals}[plan["do"]]
    told = asyncio.run(measured(kind, app, find_service(plan["base"]), plan))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**told, "resident": resident}))


if __name__ == "__main__":
    main()
