"""The set-ups of the profile `classic`: Doorkeeper, whose one person is always signed in."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from fidelity.replay.compare import Difference
from fidelity.replay.seed_file import OOB
from fidelity.replay.session import Login, Session, State, login_in, run_concurrently
from fidelity.setups.registry import CLASSIC

if TYPE_CHECKING:
    from collections.abc import Callable

    from fidelity.replay.http import Response

setup = CLASSIC.register
# The pair of RFC 7636, appendix B, with which the cases were recorded.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
S256 = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
PLAIN = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}


@setup("nothing")
def nothing(session: Session) -> State:
    return State()


# ---------------------------------------------------------------- codes
@setup("code")
def code(session: Session) -> State:
    return State(session.code())


@setup("code; afterwards the right exchange")
def code_then_right(session: Session) -> State:
    values = session.code()
    return State(values, lambda _: {"code": session.exchange(values).short})


@setup("code for app C, which is public")
def code_for_public(session: Session) -> State:
    return State(session.code("C"))


@setup("code out of band")
def code_out_of_band(session: Session) -> State:
    return State(session.code(redirect_uri=OOB))


@setup("code with an S256 challenge")
def code_with_challenge(session: Session) -> State:
    return State(session.code(**S256))


@setup("code with an S256 challenge; afterwards the right exchange")
def code_with_challenge_then_right(session: Session) -> State:
    values = session.code(**S256)

    def after(_: Response) -> dict[str, Any]:
        callback = "http://127.0.0.1:9999/callback"
        parameters = {"grant_type": "authorization_code", "redirect_uri": callback, "code_verifier": VERIFIER}
        return {"code": session.token(code=values["code"], **parameters).short}

    return State(values, after)


@setup("code with a plain challenge")
def code_with_plain_challenge(session: Session) -> State:
    return State(session.code(**PLAIN))


@setup("code with a challenge for app C, which is public")
def code_with_challenge_for_public(session: Session) -> State:
    return State(session.code("C", **S256))


@setup("code for another loopback port")
def code_for_another_port(session: Session) -> State:
    return State(session.code(redirect_uri="http://127.0.0.1:50123/callback"))


@setup("code, exchanged before")
def code_used(session: Session) -> State:
    values = session.code()
    first = login_in(session.exchange(values))
    return State(values, lambda _: _state(session, first))


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


@setup("login whose code came twice")
def login_whose_code_came_twice(session: Session) -> State:
    values = session.code()
    first = login_in(session.exchange(values))
    session.exchange(values)
    return State(_tokens(first))


# ---------------------------------------------------------------- refresh tokens
def _tokens(login: Login) -> dict[str, str]:
    return {"access_token": login.access, "refresh_token": login.refresh}


def _state(session: Session, login: Login, app: str = "") -> dict[str, Any]:
    return {"access": session.use(login.access, app), "refresh": session.refresh(login.refresh, app).short}


@setup("login")
def login(session: Session) -> State:
    return State(_tokens(session.login()))


@setup("login; afterwards what lives")
def login_then_what_lives(session: Session) -> State:
    login = session.login()
    return State(_tokens(login), lambda _: _state(session, login))


@setup("login to app C, which is public; afterwards what lives")
def login_to_public(session: Session) -> State:
    login = session.login("C")
    return State(_tokens(login), lambda _: _state(session, login, "C"))


@setup("login whose access token has expired; afterwards what lives")
def login_expired(session: Session) -> State:
    login = session.login()
    session.server.control("expire", kind="access", value=login.access)
    return State(_tokens(login), lambda _: _state(session, login))


@setup("login, a year ago")
def login_old(session: Session) -> State:
    login = session.login()
    session.server.control("clock", advance=366 * 86_400)
    return State(_tokens(login))


@setup("two logins; afterwards the other")
def two_logins(session: Session) -> State:
    login, other = session.login(), session.login()
    return State(_tokens(login) | {"access_token_other": other.access}, lambda _: _state(session, other))


@setup("login; afterwards both pairs")
def login_then_both_pairs(session: Session) -> State:
    login = session.login()

    def after(answer: Response) -> dict[str, Any]:
        new = login_in(answer)
        before = session.use(login.access)
        return {
            "old_access": before,
            "new_access": session.use(new.access),
            "old_access_then": session.use(login.access),
        }

    return State(_tokens(login), after)


def _refreshed(session: Session, *, used: bool) -> tuple[Login, Login]:
    first = session.login()
    second = session.refreshed_login(first.refresh)
    if used:
        session.use(second.access)
    return first, second


@setup("the old pair of a refreshed login")
def old_pair(session: Session) -> State:
    return State(_tokens(_refreshed(session, used=False)[0]))


@setup("the new pair of a refreshed login")
def new_pair(session: Session) -> State:
    return State(_tokens(_refreshed(session, used=False)[1]))


@setup("the old pair of a refreshed login whose new access token was used")
def old_pair_after_use(session: Session) -> State:
    first, second = _refreshed(session, used=True)
    return State(_tokens(first), lambda _: {"new": _state(session, second)})


@setup("the new refresh token, the old one having come again")
def new_after_reuse(session: Session) -> State:
    first, second = _refreshed(session, used=True)
    session.refresh(first.refresh)
    return State({"refresh_token_2": second.refresh})


@setup("the old refresh token; the new one was refreshed but never used")
def chain(session: Session) -> State:
    first, second = _refreshed(session, used=False)
    third = session.refreshed_login(second.refresh)
    session.use(third.access)
    return State(_tokens(first), lambda _: {"second": _state(session, second), "third": _state(session, third)})


@setup("login whose access token was revoked")
def access_revoked(session: Session) -> State:
    login = session.login()
    session.revoke(login.access)
    return State(_tokens(login))


@setup("login whose refresh token was revoked")
def refresh_revoked(session: Session) -> State:
    login = session.login()
    session.revoke(login.refresh)
    return State(_tokens(login))


@setup("login whose refresh token was revoked after its access token had expired")
def expired_and_revoked(session: Session) -> State:
    login = session.login()
    session.server.control("expire", kind="access", value=login.access)
    session.revoke(login.refresh)
    return State(_tokens(login))


@setup("login that another app tried to revoke")
def revoked_by_another(session: Session) -> State:
    login = session.login()
    session.revoke(login.access, "B")
    return State(_tokens(login))


@setup("refreshed login; afterwards what lives")
def refreshed_then_what_lives(session: Session) -> State:
    first, second = _refreshed(session, used=False)
    values = _tokens(first) | {"refresh_token_2": second.refresh, "access_token_2": second.access}
    return State(values, lambda _: {"new": _state(session, second)})


# ---------------------------------------------------------------- ten at once
def _ten_at_once(session: Session, ready: Callable[[], Callable[[], Response]]) -> list[Difference]:
    recorded = [
        Counter({int(status): n for status, n in one.items()}) for one in json.loads(session.case.response["body"])
    ]
    seen = [Counter(answer.status for answer in run_concurrently(*[ready()] * 10)) for _ in recorded]
    return [Difference("ten at once", dict(recorded[0]), dict(one)) for one in seen if one != recorded[0]]


@setup("ten refreshes at once")
def ten_refreshes(session: Session) -> list[Difference]:
    def ready() -> Callable[[], Response]:
        token = session.login().refresh
        return lambda: session.refresh(token)

    return _ten_at_once(session, ready)


@setup("ten exchanges at once")
def ten_exchanges(session: Session) -> list[Difference]:
    def ready() -> Callable[[], Response]:
        values = session.code()
        return lambda: session.exchange(values)

    return _ten_at_once(session, ready)
