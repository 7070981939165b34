"""An outage, in which something answers in the engine's place: no login of a fleet is lost."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest

from keeper.fleet_setup import DAY, clock
from keeper.virtual_fleet import scenario
from support.virtual import now
from traktauth import AppRejected
from traktauth.flow.effects import NoResponse
from traktauth.keeper import Expired, Expiring, Outage, RateLimit, Recovered
from traktauth.models import LoginKey, app_entry
from traktauth.wire.messages import Response

HTML = b"<!doctype html><title>Just a moment...</title>"
OUTAGES = {
    "500": Response(500, {}, b""),
    "502": Response(502, {}, HTML),
    "503": Response(503, {"retry-after": "1"}, HTML),
    "504": Response(504, {}, b""),
    "520": Response(520, {}, HTML),
    "captcha": Response(200, {"content-type": "text/html"}, HTML),
    "cut": NoResponse(sent=True, reason="the connection broke off"),
}


def is_probe(request):
    return not json.loads(request.body)["refresh_token"].startswith("R.")


@pytest.mark.slow
@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_a_fleet_whose_tokens_have_expired_comes_through_an_outage(outage):
    @scenario(200, spread=0.0)
    async def reported(fleet):
        async def fault(_request):
            return outage if now() < began + 1800 else None

        await wait_until(7.1 * DAY)
        began = now()
        fleet.fault = fault
        keepers = [fleet.keeper(), fleet.keeper()]
        await fleet.keep_for(3 * 3600, *keepers)
        assert [event for event in fleet.events if isinstance(event, Expired | Expiring)] == []
        assert fleet.trakt.dead == set()
        assert sum(keeper.summary.refreshed for keeper in keepers) == 200
        assert len(fleet.reported(Outage)) <= 2
        assert len(fleet.reported(Recovered)) <= 2

    reported()


@scenario(200, spread=0.0)
async def test_an_outage_in_the_middle_costs_no_login_either(fleet):
    """Those that were on the wire when it began are unconfirmed, and are sent again after a probe."""
    await wait_until(7.1 * DAY)

    async def fault(request):
        if len(fleet.trakt.sent) >= 100 and now() < began + 900:
            return OUTAGES["502"]
        return None

    began = now()
    fleet.fault = fault
    keeper = fleet.keeper()
    await fleet.keep_for(3 * 3600, keeper)
    assert keeper.summary.refreshed == 200
    assert keeper.summary.unconfirmed > 1
    assert (keeper.summary.expired, fleet.trakt.dead) == (0, set())


@scenario(20, spread=0.0)
async def test_probes_come_ever_more_rarely_and_are_shared_by_all_keepers(fleet):
    await wait_until(7.1 * DAY)
    probes, refreshes = [], []

    async def fault(request):
        (probes if is_probe(request) else refreshes).append(now())
        return OUTAGES["503"]

    fleet.fault = fault
    await fleet.keep_for(3600, *(fleet.keeper() for _ in range(3)))
    assert len(refreshes) <= 3, "one for each keeper, before it knew"
    pauses = [later - earlier for earlier, later in pairwise(probes)]
    assert min(pauses) >= 10
    assert 300 <= pauses[-1] <= 301
    assert len(probes) < 20


@scenario(20, spread=0.0)
async def test_a_429_to_a_probe_shows_no_health(fleet):
    await wait_until(7.1 * DAY)
    asked = []

    async def fault(request):
        asked.append((now(), is_probe(request)))
        if len(asked) == 1:
            return OUTAGES["502"]
        if now() < began + 600:
            return Response(429, {}, b"")
        return None

    began = now()
    fleet.fault = fault
    keeper = fleet.keeper()
    await fleet.keep_for(3600, keeper)
    during = [(at, probe) for at, probe in asked[1:] if at < began + 600]
    assert all(probe for _, probe in during), "nothing but probes"
    assert min(later - earlier for (earlier, _), (later, _) in pairwise(during)) >= 61
    assert keeper.summary.refreshed == 20


@scenario(5, spread=0.0)
async def test_an_app_that_a_probe_finds_refused_ends_the_keeper(fleet):
    await wait_until(7.1 * DAY)

    async def fault(request):
        if is_probe(request):
            return Response(401, {}, b'{"error": "invalid_client"}')
        return OUTAGES["502"]

    fleet.fault = fault
    with pytest.raises(AppRejected):
        await fleet.keep_for(600, fleet.keeper())
    assert fleet.trakt.sent == []


@scenario(3, spread=0.0)
async def test_steps_of_a_scheduler_find_the_probe_of_the_one_before(fleet):
    await wait_until(7.1 * DAY)
    probes = []

    async def fault(request):
        if is_probe(request):
            probes.append(now())
        return OUTAGES["502"]

    fleet.fault = fault
    for _ in range(5):
        await fleet.keeper(rate_limit=RateLimit(10**6, 0.0)).run_once(10)
        await wait_until(now() + 61)
    kept = (fleet.store.load(app_entry(LoginKey("trakt", "c" * 64, "any")))).probe
    assert kept is None or kept.at <= clock()
    assert len(probes) <= 5


async def wait_until(seconds):
    await asyncio.sleep(seconds - now())
