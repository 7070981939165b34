"""The probe: what shows that the token endpoint works, how often it is made, who is told what."""

from __future__ import annotations

import json

import pytest

from flow.changes import SwapProbe
from flow.conversation import Conversation
from flow.setup import APP, DEAD, HTML, NOW, Clock, context, refused, reply
from traktauth.errors import AppRejected, TryLater
from traktauth.flow.effects import LoadProbe, LogMessage, NoResponse, Send, Sleep
from traktauth.flow.probe import check_endpoint
from traktauth.models import Probe


def probed(answer, *, clock=None, last=None):
    """A probe is made, after `last`, and answered."""
    talk = Conversation(check_endpoint(context(clock)))
    talk.expect(LoadProbe(), answer=last)
    claimed = talk.expect(SwapProbe, answer=True)
    assert (claimed.before, claimed.after.outcome) == (last, "pending")
    talk.expect(Send, answer=answer)
    kept = talk.expect(SwapProbe, answer=True)
    assert kept.before == claimed.after
    return talk, kept.after


def test_a_probe_is_a_refresh_with_a_made_up_token():
    bodies = []
    for _ in range(2):
        talk = Conversation(check_endpoint(context()))
        talk.expect(LoadProbe(), answer=None)
        talk.expect(SwapProbe, answer=True)
        bodies.append(json.loads(talk.expect(Send, answer=DEAD).request.body))
    assert bodies[0]["grant_type"] == "refresh_token"
    assert (bodies[0]["client_id"], bodies[0]["client_secret"]) == (APP.client_id, APP.client_secret)
    assert len(bodies[0]["refresh_token"]) >= 43


@pytest.mark.parametrize(
    "answer", [DEAD, refused(401, "invalid_grant", "session not found"), refused(400, "invalid_grant")]
)
def test_only_a_refusal_of_the_made_up_token_shows_that_the_endpoint_works(answer):
    talk, kept = probed(answer)
    assert talk.returns() is True
    assert kept == Probe(NOW, "healthy", 10.0)


GRANT = {"access_token": "a", "refresh_token": "r", "expires_in": 60}
FAILED = {
    "200": reply(200, GRANT),
    "captcha": reply(200, HTML),
    "302": reply(302, b"", location="https://elsewhere.example"),
    "401 without an error": reply(401),
    "403 page": reply(403, HTML),
    "403": reply(403, {"message": "no"}),
    "404": reply(404),
    "invalid_request": refused(400, "invalid_request"),
    "validation": reply(400, {"message": "…", "code": "VALIDATION_ERROR"}),
    "a code that is not OAuth's error": reply(400, {"code": "invalid_grant"}),
    "missing": refused(400, "invalid_grant", "Missing refresh_token"),
    "missing alone": refused(400, "invalid_grant", "Missing"),
    "invalid_grant with another status": refused(500, "invalid_grant"),
    "500": reply(500),
    "502": reply(502, HTML),
    "503": reply(503, HTML, retry_after="1"),
    "504": reply(504),
    "520": reply(520, HTML),
    "521": reply(521, HTML),
    "cut": NoResponse(sent=True, reason="the connection broke off"),
    "refused": NoResponse(sent=False, reason="no connection"),
}


@pytest.mark.parametrize("answer", FAILED.values(), ids=FAILED)
def test_anything_else_does_not_and_is_reported_with_the_time_of_the_next(answer):
    talk, kept = probed(answer)
    assert talk.expect(LogMessage).warning
    error = talk.raises(TryLater)
    assert error.retry_after == kept.wait == 10.0
    assert (kept.at, kept.outcome, kept.failures) == (NOW, "failed", 1)
    assert kept.reason in error.message


@pytest.mark.parametrize(
    "answer", [refused(401, "invalid_client"), refused(400, "invalid_client"), refused(403, "unauthorized_client")]
)
def test_an_app_that_is_refused_is_reported_to_the_next_caller_too(answer):
    talk, kept = probed(answer)
    error = talk.raises(AppRejected)
    again = Conversation(check_endpoint(context()))
    again.expect(LoadProbe(), answer=kept)
    assert again.raises(AppRejected).error == error.error


@pytest.mark.parametrize(("headers", "wait"), [({}, 61), ({"retry_after": "120"}, 120), ({"retry_after": "1"}, 10)])
def test_after_a_429_nothing_is_sent_for_as_long_as_trakt_says_or_61_seconds(headers, wait):
    talk, kept = probed(reply(429, **headers))
    error = talk.raises(TryLater)
    assert (error.retry_after, error.status, kept.outcome, kept.wait) == (wait, 429, "limited", wait)


def test_probes_that_fail_come_ever_more_rarely_up_to_five_minutes():
    clock, last, waits = Clock(), None, []
    for _ in range(8):
        _, last = probed(reply(503), clock=clock, last=last)
        waits.append(last.wait)
        clock.pass_by(last.wait)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]
    _, healthy = probed(DEAD, clock=clock, last=last)
    clock.pass_by(10)
    assert probed(reply(503), clock=clock, last=healthy)[1].wait == 10, "and an outage later begins anew"


def test_failures_of_long_ago_do_not_count():
    clock = Clock()
    last = Probe(NOW, "failed", 300.0, 9, "it answered 503")
    clock.pass_by(4000)
    assert probed(reply(503), clock=clock, last=last)[1].wait == 10


@pytest.mark.parametrize("since", [0, 4, 9.5])
def test_a_recent_probe_that_failed_is_reported_with_the_time_that_is_left(since):
    clock = Clock()
    clock.pass_by(since)
    talk = Conversation(check_endpoint(context(clock)))
    talk.expect(LoadProbe(), answer=Probe(NOW, "failed", 10.0, 1, "it answered 503"))
    error = talk.raises(TryLater)
    assert error.retry_after == 10 - since
    assert "it answered 503" in error.message


@pytest.mark.parametrize(("since", "counts"), [(NOW - 1, True), (NOW, True), (NOW + 1, False), (NOW + 1000, True)])
def test_a_probe_from_before_the_last_sending_shows_nothing(since, counts):
    """But a sending that lies ahead is of a wrong clock."""
    clock = Clock()
    clock.pass_by(5)
    talk = Conversation(check_endpoint(context(clock), since=since))
    talk.expect(LoadProbe(), answer=Probe(NOW, "healthy", 10.0))
    if counts:
        assert talk.returns() is False
    else:
        assert talk.raises(TryLater).retry_after == 5


@pytest.mark.parametrize("jump", [-86400, 86400])
def test_a_clock_that_jumped_lets_a_probe_be_made(jump):
    clock = Clock()
    clock.jump(jump)
    probed(DEAD, clock=clock, last=Probe(NOW, "failed", 300.0, 9, "it answered 503"))


def test_a_probe_of_another_process_is_waited_for():
    clock = Clock()
    talk = Conversation(check_endpoint(context(clock)))
    pending = Probe(NOW, "pending", 20.0)
    talk.expect(LoadProbe(), answer=None)
    talk.expect(SwapProbe, answer=False)  # it was first
    talk.expect(LoadProbe(), answer=pending)
    clock.pass_by(talk.expect(Sleep).seconds)
    talk.expect(LoadProbe(), answer=Probe(NOW, "healthy", 10.0))
    assert talk.returns() is False


def test_a_probe_of_another_process_is_not_waited_for_without_end():
    clock = Clock()
    talk = Conversation(check_endpoint(context(clock)))
    slept = 0.0
    while talk.goes_on:
        talk.expect(LoadProbe(), answer=Probe(NOW, "pending", 20.0, reason="a probe is under way"))
        if talk.goes_on:
            seconds = talk.expect(Sleep).seconds
            slept += seconds
            clock.pass_by(seconds)
    assert slept == 5.0
    assert talk.raises(TryLater).retry_after == 15.0


def test_a_probe_whose_maker_has_died_is_made_again():
    clock = Clock()
    clock.pass_by(20)
    probed(DEAD, clock=clock, last=Probe(NOW, "pending", 20.0))
