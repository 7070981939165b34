"""Set-ups of the profile `current` that begin with a code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fidelity.replay.seed_file import APPS, OOB
from fidelity.replay.session import Session, State, login_in
from fidelity.setups.registry import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from fidelity.replay.http import Response

setup = CURRENT.register
OPENID = "openid public offline_access"


@setup("nothing")
def nothing(session: Session) -> State:
    return State()


@setup("code")
def code(session: Session) -> State:
    return State(session.code())


@setup("code for a public app")
def code_for_public(session: Session) -> State:
    return State(session.code("public"))


@setup("code without a challenge, for public")
def code_without_challenge(session: Session) -> State:
    return State(session.code(pkce=False, scope="public"))


@setup("code with the challenge that Trakt's page makes")
def code_with_trakts_challenge(session: Session) -> State:
    return State(session.code(pkce=False))


@setup("code for openid")
def code_for_openid(session: Session) -> State:
    return State(session.code(scope=OPENID))


@setup("code for profile and email")
def code_for_profile(session: Session) -> State:
    return State(session.code(scope="openid profile email offline_access"))


@setup("code for public alone, with a challenge")
def code_for_less(session: Session) -> State:
    return State(session.code(scope="public"))


@setup("code for no scope at all")
def code_for_no_scope(session: Session) -> State:
    return State(session.code(scope=""))


@setup("code for the client's every scope")
def code_for_all_scopes(session: Session) -> State:
    return State(session.code(scope=None))


@setup("code out of band")
def code_out_of_band(session: Session) -> State:
    return State(session.code(redirect_uri=OOB))


@setup("code for another loopback port")
def code_for_another_port(session: Session) -> State:
    return State(session.code(redirect_uri="http://127.0.0.1:50123/callback"))


@setup("code, exchanged before")
def code_used(session: Session) -> State:
    values = session.code()
    first = login_in(session.exchange(values))

    def after(_: Response) -> dict[str, Any]:
        found = {"access": session.use(first.access), "refresh_active": session.active(first.refresh)}
        return {"tokens_of_first_exchange": found}

    return State(values, after)


@setup("code, expired")
def code_expired(session: Session) -> State:
    values = session.code()
    session.server.control("expire", kind="code", value=values["code"])
    return State(values)


@setup("code, just before its end")
def code_old(session: Session) -> State:
    values = session.code()
    session.server.control("clock", advance=595)
    return State(values)


@setup("code, just after its end")
def code_too_old(session: Session) -> State:
    values = session.code()
    session.server.control("clock", advance=605)
    return State(values)


@setup("code, then signed out")
def code_then_signed_out(session: Session) -> State:
    values = session.code()
    session.server.control("signout")
    return State(values)


@setup("code, then signed out and in again")
def code_of_an_earlier_session(session: Session) -> State:
    values = session.code()
    session.server.control("signout")
    session.code()
    return State(values)


@setup("code; afterwards the right exchange")
def code_then_right(session: Session) -> State:
    values = session.code()
    return State(values, lambda _: {"retry_with_correct_request": session.exchange(values).short})


@setup("code for a public app; afterwards the right exchange")
def code_for_public_then_right(session: Session) -> State:
    values = session.code("public")
    return State(values, lambda _: {"retry_with_correct_request": session.exchange(values, "public").short})


@setup("code without a challenge; afterwards the right exchange")
def code_without_challenge_then_right(session: Session) -> State:
    values = session.code(pkce=False, scope="public")
    return State(values, lambda _: {"retry_with_correct_request": session.exchange(values, pkce=False).short})


@setup("code for an app that is then switched off; afterwards on again")
def code_of_disabled(session: Session) -> State:
    values = session.code("consent")
    switch(session, "consent", off=True)

    def after(_: Response) -> dict[str, Any]:
        switch(session, "consent", off=False)
        return {"retry_with_correct_request": session.exchange(values, "consent").short}

    return State(values, after, back_on(session, "consent"))


def switch(session: Session, app: str, *, off: bool) -> None:
    session.server.control("disable-app", client_id=APPS[app].client_id, disabled=off)


def back_on(session: Session, app: str) -> Callable[[], None]:
    return lambda: switch(session, app, off=False)
