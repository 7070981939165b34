"""Set-ups of the profile `current` that begin with a device code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fidelity.replay.session import Login, Session, State, verifier_and_challenge
from fidelity.setups.registry import CURRENT

if TYPE_CHECKING:
    from fidelity.replay.http import Response

setup = CURRENT.register


@setup("device code")
def device(session: Session) -> State:
    return State(session.device())


@setup("device code; afterwards approved and polled")
def device_then_approved(session: Session) -> State:
    values = session.device()

    def after(_: Response) -> dict[str, Any]:
        session.answer_device(values)
        session.server.control("clock", advance=6)
        return {"right_poll_once_approved": session.poll(values).short.partition(" ")[0]}

    return State(values, after)


@setup("device code, polled")
def device_polled(session: Session) -> State:
    values = session.device()
    session.poll(values)
    return State(values)


@setup("device code, polled, then approved")
def device_polled_then_approved(session: Session) -> State:
    values = session.device()
    session.poll(values)
    session.answer_device(values)
    return State(values)


@setup("device code, approved")
def device_approved(session: Session) -> State:
    values = session.device()
    session.answer_device(values)
    return State(values)


@setup("device code asked for at Trakt's path, approved")
def approved_of_trakts(session: Session) -> State:
    values = session.device(via="shim")
    session.answer_device(values)
    return State(values)


@setup("device code, approved; afterwards what its tokens can")
def device_approved_then_used(session: Session) -> State:
    values = session.device()
    session.answer_device(values)

    def after(answer: Response) -> dict[str, Any]:
        login = Login(answer.members["access_token"], answer.members.get("refresh_token", ""))
        return {"access": session.use(login.access), "refresh": session.refresh(login.refresh).short}

    return State(values, after)


@setup("device code, approved; afterwards what its session token can")
def device_approved_then_looked_at(session: Session) -> State:
    def after(answer: Response) -> dict[str, Any]:
        token = answer.members["access_token"]
        refreshed = session.refresh(token).short
        return {
            "access": session.use(token), "active": session.active(token), "userinfo": session.userinfo(token),
            "as_refresh_token": refreshed,
        }  # fmt: skip

    values = device_approved(session).values
    return State(values, after)


@setup("device code, used")
def device_used(session: Session) -> State:
    values = session.device()
    session.answer_device(values)
    session.poll(values)
    return State(values)


@setup("device code, denied")
def device_denied(session: Session) -> State:
    values = session.device()
    session.answer_device(values, "deny")
    return State(values)


@setup("device code, denied, and the client has seen it")
def device_denied_and_polled(session: Session) -> State:
    state = device_denied(session)
    session.poll(state.values)
    return state


@setup("device code, expired")
def device_expired(session: Session) -> State:
    values = session.device()
    session.server.control("expire", kind="device", value=values["device_code"])
    return State(values)


@setup("device code, ten minutes old")
def device_old(session: Session) -> State:
    values = session.device()
    session.server.control("clock", advance=605)
    return State(values)


@setup("device code, expired, and the client has seen it")
def device_expired_and_polled(session: Session) -> State:
    state = device_expired(session)
    session.poll(state.values)
    return state


@setup("device code, approved, then expired")
def device_approved_then_expired(session: Session) -> State:
    state = device_approved(session)
    session.server.control("expire", kind="device", value=state.values["device_code"])
    return state


@setup("device code with a challenge, approved")
def device_with_challenge(session: Session) -> State:
    made = verifier_and_challenge()
    values = session.device(code_challenge=made["code_challenge"], code_challenge_method="S256")
    session.answer_device(values)
    return State(made | values)
