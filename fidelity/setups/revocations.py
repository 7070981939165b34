"""Set-ups of the profile `current` for what revokes or looks at tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fidelity.replay.session import Session, State
from fidelity.setups.codes import OPENID
from fidelity.setups.registry import CURRENT
from fidelity.setups.tokens import tokens_of

if TYPE_CHECKING:
    from fidelity.replay.http import Response

setup = CURRENT.register


@setup("two devices, one refreshed; afterwards both")
def two_devices(session: Session) -> State:
    login = session.login()
    new, device = session.refreshed_login(login.refresh), session.login()

    def after(_: Response) -> dict[str, Any]:
        return {
            "access_of_that_refresh": session.use(new.access),
            "access_from_before_the_rotation": session.use(login.access),
            "refresh_introspect_active": session.active(new.refresh),
            "second_device_before": session.active(device.refresh),
            "refresh_with_revoked_token": session.refresh(new.refresh).short,
            "second_device_after_that_attempt": {
                "refresh": session.refresh(device.refresh).short,
                "access": session.use(device.access),
            },
        }

    return State(tokens_of(new) | {"access_token_before": login.access}, after)


@setup("login; afterwards what lives")
def login_then_what_lives(session: Session) -> State:
    login = session.login()

    def after(_: Response) -> dict[str, Any]:
        return {"access": session.use(login.access), "refresh_introspect_active": session.active(login.refresh)}

    return State(tokens_of(login), after)


@setup("login; afterwards whether it can be refreshed")
def login_then_refreshed(session: Session) -> State:
    login = session.login()
    return State(tokens_of(login), lambda _: session.state(login))


@setup("login to a public app; afterwards what lives")
def login_to_public_then_what_lives(session: Session) -> State:
    login = session.login("public")

    def after(_: Response) -> dict[str, Any]:
        return {
            "access": session.use(login.access, "public"),
            "refresh_use": session.refresh(login.refresh, "public").short,
        }

    return State(tokens_of(login), after)


@setup("login whose refresh token was revoked, and a second device; afterwards the second")
def revoked_and_second(session: Session) -> State:
    login, device = session.login(), session.login()
    session.revoke(login.refresh)
    return State(tokens_of(login), lambda _: {"second_device": session.state(device)})


@setup("login whose access token was revoked")
def access_revoked(session: Session) -> State:
    login = session.login()
    session.revoke(login.access)
    return State(tokens_of(login), lambda _: {"refresh": session.refresh(login.refresh).short})


@setup("refreshed login; afterwards what lives")
def refreshed(session: Session) -> State:
    login = session.login()
    new = session.refreshed_login(login.refresh)

    def after(_: Response) -> dict[str, Any]:
        return {"old_access": session.use(login.access), "new": session.state(new)}

    return State(tokens_of(login) | {"refresh_token_2": new.refresh, "access_token_2": new.access}, after)


@setup("two logins, one for openid")
def two_logins(session: Session) -> State:
    with_openid, without = session.login(scope=OPENID), session.login()
    return State(
        {
            "access_token_openid": with_openid.access, "access_token_public": without.access,
            "access_token": with_openid.access, "refresh_token": without.refresh,
        }
    )  # fmt: skip
