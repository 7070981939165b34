"""An outage of Trakt's token endpoint: the command says "later", and no login is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.recording_proxy import RecordingProxy
from traktauth.models import app_entry
from traktauth.models.changes import SwapProbe

TOKEN = "/oauth/token"
PAGE = b"<!doctype html><title>Just a moment...</title>"
OUTAGES = ["503", "captcha", "cut"]
FOR_EVER = 1000


@pytest.fixture
def proxy(local):
    with RecordingProxy(local.base) as proxy:
        yield proxy


def begin(proxy, outage):
    if outage == "cut":
        proxy.drop(TOKEN, times=FOR_EVER)
    else:
        proxy.answer(TOKEN, 200 if outage == "captcha" else int(outage), PAGE, times=FOR_EVER)


def let_the_interval_pass(store, login):
    """As if the last probe had been made so much earlier."""
    app = app_entry(login)
    probe = store.load(app).probe
    assert 0 < probe.wait <= 20
    assert store.apply(app, SwapProbe(probe, replace(probe, at=probe.at - probe.wait)))


def nothing_was_replayed(local):
    ledger = local.ledger()
    return (ledger["replays"], ledger["families_killed"]) == (0, 0)


@pytest.mark.parametrize("outage", OUTAGES)
def test_calls_in_an_outage_say_later_and_the_first_one_that_is_due_after_it_succeeds(command, local, proxy, outage):
    command.at(proxy.base)
    command.keep_real(local, left=-1)
    begin(proxy, outage)
    for _ in range(3):
        outcome = command("token")
        assert (outcome.status, outcome.out) == (5, "")
    assert proxy.count(TOKEN) == 2, "the refresh, and one probe"
    proxy.restore()
    assert command("token").status == 5, "the probe interval is not over"
    let_the_interval_pass(command.store, command.login())
    assert command("token").status == 0
    assert command.record().generation == 2
    assert local.ledger()["rotations"] == 1
    assert nothing_was_replayed(local)
