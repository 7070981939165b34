"""Set-ups of the profile `current` that begin with a device code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interop.replay.given.registry import CURRENT
from interop.replay.talk import Login, Scene, Talk, verifier_and_challenge

if TYPE_CHECKING:
    from interop.replay.wire import Answer

given = CURRENT.named


@given(
    "device code", "*.device.token.pending", "*.device.token.other_client", "*.device.token.missing_grant_type",
    "*.device.token.form_body", "*.device.token.wrong_secret",
)  # fmt: skip
def device(talk: Talk) -> Scene:
    return Scene(talk.device())


@given("device code; afterwards approved and polled")
def device_then_approved(talk: Talk) -> Scene:
    values = talk.device()

    def after(_: Answer) -> dict[str, Any]:
        talk.answer_device(values)
        talk.server.control("clock", advance=6)
        return {"right_poll_once_approved": talk.poll(values).short.partition(" ")[0]}

    return Scene(values, after)


@given("device code, polled", "*.device.token.slow_down")
def device_polled(talk: Talk) -> Scene:
    values = talk.device()
    talk.poll(values)
    return Scene(values)


@given("device code, polled, then approved", "*.device.token.slow_down_although_approved")
def device_polled_then_approved(talk: Talk) -> Scene:
    values = talk.device()
    talk.poll(values)
    talk.answer_device(values)
    return Scene(values)


@given("device code, approved")
def device_approved(talk: Talk) -> Scene:
    values = talk.device()
    talk.answer_device(values)
    return Scene(values)


@given("device code asked for at Trakt's path, approved")
def approved_of_trakts(talk: Talk) -> Scene:
    values = talk.device(via="shim")
    talk.answer_device(values)
    return Scene(values)


@given("device code, approved; afterwards what its tokens can")
def device_approved_then_used(talk: Talk) -> Scene:
    values = talk.device()
    talk.answer_device(values)

    def after(answer: Answer) -> dict[str, Any]:
        login = Login(answer.members["access_token"], answer.members.get("refresh_token", ""))
        return {"access": talk.use(login.access), "refresh": talk.refresh(login.refresh).short}

    return Scene(values, after)


@given("device code, approved; afterwards what its session token can")
def device_approved_then_looked_at(talk: Talk) -> Scene:
    def after(answer: Answer) -> dict[str, Any]:
        token = answer.members["access_token"]
        refreshed = talk.refresh(token).short
        return {
            "access": talk.use(token), "active": talk.active(token), "userinfo": talk.userinfo(token),
            "as_refresh_token": refreshed,
        }  # fmt: skip

    values = device_approved(talk).values
    return Scene(values, after)


@given("device code, used", "*.device.token.already_used")
def device_used(talk: Talk) -> Scene:
    values = talk.device()
    talk.answer_device(values)
    talk.poll(values)
    return Scene(values)


@given("device code, denied", "*.device.token.denied")
def device_denied(talk: Talk) -> Scene:
    values = talk.device()
    talk.answer_device(values, "deny")
    return Scene(values)


@given("device code, denied, and that was told", "*.device.token.denied_second_poll")
def device_denied_and_told(talk: Talk) -> Scene:
    scene = device_denied(talk)
    talk.poll(scene.values)
    return scene


@given("device code, expired", "*.device.token.expired")
def device_expired(talk: Talk) -> Scene:
    values = talk.device()
    talk.server.control("expire", kind="device", value=values["device_code"])
    return Scene(values)


@given("device code, ten minutes old")
def device_old(talk: Talk) -> Scene:
    values = talk.device()
    talk.server.control("clock", advance=605)
    return Scene(values)


@given("device code, expired, and that was told", "*.device.token.expired_second_poll")
def device_expired_and_told(talk: Talk) -> Scene:
    scene = device_expired(talk)
    talk.poll(scene.values)
    return scene


@given("device code, approved, then expired")
def device_approved_then_expired(talk: Talk) -> Scene:
    scene = device_approved(talk)
    talk.server.control("expire", kind="device", value=scene.values["device_code"])
    return scene


@given("device code with a challenge, approved", "*.device.token.happy_pkce_no_secret")
def device_with_challenge(talk: Talk) -> Scene:
    made = verifier_and_challenge()
    values = talk.device(code_challenge=made["code_challenge"], code_challenge_method="S256")
    talk.answer_device(values)
    return Scene(made | values)
