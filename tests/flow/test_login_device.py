"""Signing in on another device: a code is shown, and polled for no faster than allowed, until its end."""

from __future__ import annotations

import json

import pytest

from flow.changes import Save
from flow.conversation import Conversation
from flow.setup import HTML, PUBLIC, Clock, context, grant, refused, reply
from traktauth.errors import AppRejected, LoginRefused, TryLater, UnexpectedReply
from traktauth.flow.effects import (
    CheckWritable,
    Load,
    LogMessage,
    NoResponse,
    Send,
    Shielded,
    ShowStep,
    Sleep,
    WithLock,
)
from traktauth.flow.login_device import login_device
from traktauth.models import Record
from traktauth.protocol import ONE_COMMUNITY_APP
from traktauth.steps import EnterCode, StillWaiting
from traktauth.wire.authorization import s256_challenge

CODES = {
    "device_code": "the-device-code",
    "user_code": "ABCD2345",
    "verification_url": "https://trakt.tv/activate",
    "expires_in": 600,
    "interval": 5,
}
PENDING, TOO_FAST, TIMEOUT = reply(400), reply(429), NoResponse(sent=True, reason="timed out")


class Screen:
    """A sign-in on a device, whose waits are waited on a clock of its own."""

    def __init__(self, *, app=None, **codes):
        self.clock = Clock()
        self.talk = Conversation(login_device(context(self.clock, **({"app": app} if app else {}))))
        self.talk.expect(CheckWritable())
        self.asked = self.talk.expect(Send, answer=reply(200, {**CODES, **codes})).request
        step = self.talk.expect(ShowStep).step
        assert isinstance(step, EnterCode)
        self.device = step.device
        self.left = []

    def poll(self, answer):
        """Wait until the next poll, answer it, and return how long that took."""
        began = self.clock.steady
        self.wait()
        self.polled = self.talk.expect(Send, answer=answer).request
        return self.clock.steady - began

    def wait(self):
        while self.talk.goes_on and isinstance(self.talk.effect, ShowStep):
            step = self.talk.expect(ShowStep).step
            assert isinstance(step, StillWaiting)
            self.left.append(step.seconds_left)
            self.clock.pass_by(self.talk.effect.seconds)
            self.talk.expect(Sleep)


def test_a_device_code_is_shown_polled_for_and_exchanged_for_a_saved_token():
    screen = Screen()
    assert json.loads(screen.asked.body) == {"client_id": "the-app"}
    assert (screen.device.user_code, screen.device.verification_url) == ("ABCD2345", "https://trakt.tv/activate")
    assert screen.poll(PENDING) == 5
    assert screen.poll(grant(1)) == 5
    assert screen.polled.url == "https://api.trakt.tv/oauth/device/token"
    assert json.loads(screen.polled.body) == {
        "code": "the-device-code",
        "client_id": "the-app",
        "client_secret": "the-secret",
    }
    screen.talk.enter(Shielded)
    screen.talk.enter(WithLock)
    screen.talk.expect(Load(), answer=Record())
    screen.talk.expect(Save, answer=True)
    screen.talk.expect(LogMessage)
    assert screen.talk.returns().access_token == "access-1"


def test_a_public_app_sends_a_challenge_and_polls_with_its_verifier():
    screen = Screen(app=PUBLIC)
    screen.poll(PENDING)
    asked, polled = json.loads(screen.asked.body), json.loads(screen.polled.body)
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"] == s256_challenge(polled["code_verifier"])
    assert "client_secret" not in polled


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(400, "invalid_client"), AppRejected),
        (reply(429), TryLater),
        (reply(200, HTML), UnexpectedReply),
        (NoResponse(sent=False, reason="connection refused"), TryLater),
    ],
)
def test_without_a_code_there_is_nothing_to_show(answer, error):
    talk = Conversation(login_device(context()))
    talk.expect(CheckWritable())
    talk.expect(Send, answer=answer)
    talk.raises(error)


# ---------------------------------------------------------------- the pace
def test_a_pending_answer_never_lengthens_the_interval():
    screen = Screen()
    assert [screen.poll(PENDING) for _ in range(5)] == [5] * 5


@pytest.mark.parametrize("answer", [TOO_FAST, refused(400, "slow_down", "Polling too frequently")])
def test_too_fast_adds_five_seconds_for_the_rest(answer):
    screen = Screen()
    assert [screen.poll(answer), screen.poll(answer), screen.poll(PENDING), screen.poll(PENDING)] == [5, 10, 15, 15]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "40"}, 40),
        ({"x_retry_after": "40"}, 40),
        ({"retry_after": "1"}, 10),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10),
    ],
)
def test_a_longer_wait_that_is_asked_for_is_kept_to(headers, seconds):
    screen = Screen()
    screen.poll(reply(429, **headers))
    assert screen.left == [600, 599, 598, 597, 596], "the countdown runs once a second"
    assert screen.poll(PENDING) == seconds


def test_a_time_out_doubles_the_interval_up_to_a_minute():
    screen = Screen()
    assert [screen.poll(TIMEOUT) for _ in range(7)] == [5, 10, 20, 40, 60, 60, 60]


@pytest.mark.parametrize("answer", [reply(500), reply(503, HTML), reply(403, HTML), reply(502, HTML, retry_after="9")])
def test_an_outage_is_waited_out(answer):
    screen = Screen()
    screen.poll(answer)
    assert screen.poll(PENDING) == 30


# ---------------------------------------------------------------- the end
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(404), "unknown_code"),
        (reply(409), "used_code"),
        (reply(410), "expired_token"),
        (reply(418), "access_denied"),
        (refused(400, "access_denied"), "access_denied"),
        (refused(400, "expired_token"), "expired_token"),
    ],
)
def test_an_end_is_not_polled_again(answer, error):
    screen = Screen()
    screen.poll(answer)
    shown = screen.talk.raises(LoginRefused)
    assert shown.error == error
    assert shown.hint.endswith(ONE_COMMUNITY_APP) == (error == "expired_token")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(401, "invalid_client"), AppRejected),
        (refused(400, "invalid_request"), UnexpectedReply),
        (reply(200, HTML), UnexpectedReply),
    ],
)
def test_anything_else_than_pending_ends_the_sign_in(answer, error):
    screen = Screen()
    screen.poll(answer)
    shown = screen.talk.raises(error)
    assert "the-device-code" not in str(shown) + repr(shown)


def test_an_expired_device_code_is_not_polled_for():
    screen = Screen(expires_in=12)
    screen.poll(PENDING)
    screen.poll(PENDING)
    screen.wait()
    assert screen.clock.steady == 5012
    error = screen.talk.raises(LoginRefused)
    assert error.error == "expired_token"
    assert error.hint.endswith(ONE_COMMUNITY_APP)


def test_a_wall_clock_that_jumps_does_not_end_the_wait():
    screen = Screen()
    screen.clock.jump(1e6)
    assert screen.poll(PENDING) == 5


def test_no_effect_shows_the_device_code():
    clock = Clock()
    talk = Conversation(login_device(context(clock)))
    shown = repr(talk.expect(CheckWritable()))
    shown += repr(talk.expect(Send, answer=reply(200, CODES)))
    for _ in range(12):
        shown += repr(talk.effect)
        if isinstance(talk.effect, Sleep):
            clock.pass_by(talk.effect.seconds)
        talk.expect(object, answer=PENDING if isinstance(talk.effect, Send) else None)
    assert "the-device-code" not in shown
    assert "the-secret" not in shown
