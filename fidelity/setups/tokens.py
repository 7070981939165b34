"""Set-ups of the profile `current` that begin with a pair of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fidelity.replay.seed_file import APPS
from fidelity.replay.session import Login, Session, State, login_in
from fidelity.setups.codes import OPENID, back_on, switch
from fidelity.setups.registry import CURRENT

if TYPE_CHECKING:
    from fidelity.replay.http import Response

setup = CURRENT.register


def tokens_of(login: Login, number: int = 1) -> dict[str, str]:
    """Give a pair under every name that cases have for it."""
    return {
        f"refresh_token_{number}": login.refresh, f"access_token_{number}": login.access,
        "refresh_token": login.refresh, "access_token": login.access,
    }  # fmt: skip


@setup("login; afterwards both pairs")
def login_then_both_pairs(session: Session) -> State:
    login = session.login()

    def after(answer: Response) -> dict[str, Any]:
        new = login_in(answer)
        return {
            "old_access_token": session.use(login.access),
            "old_refresh_introspect_active": session.active(login.refresh),
            "new_access_token": session.use(new.access),
            "new_refresh_introspect_active": session.active(new.refresh),
        }

    return State(tokens_of(login), after)


@setup("login")
def login(session: Session) -> State:
    return State(tokens_of(session.login()))


@setup("login for openid")
def login_for_openid(session: Session) -> State:
    return State(tokens_of(session.login(scope="openid profile email offline_access")))


@setup("login to a public app")
def login_to_public(session: Session) -> State:
    return State(tokens_of(session.login("public")))


@setup("login to a public app; afterwards the right refresh")
def login_to_public_then_right(session: Session) -> State:
    login = session.login("public")
    return State(tokens_of(login), lambda _: {"retry_as_one_should": session.refresh(login.refresh, "public").short})


@setup("login; afterwards the right refresh")
def login_then_right(session: Session) -> State:
    login = session.login()

    def after(_: Response) -> dict[str, Any]:
        active = session.active(login.refresh)
        return {"refresh_still_active": active, "retry_with_right_secret": session.refresh(login.refresh).short}

    return State(tokens_of(login), after)


@setup("login; afterwards whether its refresh token is active")
def login_then_active(session: Session) -> State:
    login = session.login()
    return State(tokens_of(login), lambda _: {"refresh_still_active": session.active(login.refresh)})


@setup("login whose refresh token has expired")
def login_expired(session: Session) -> State:
    login = session.login()
    session.server.control("expire", kind="refresh", value=login.refresh)
    return State(tokens_of(login), lambda _: {"access_token_of_same_grant": session.use(login.access)})


@setup("login whose access token has expired; afterwards its refresh token")
def login_access_expired(session: Session) -> State:
    login = session.login()
    session.server.control("expire", kind="access", value=login.access)

    def after(_: Response) -> dict[str, Any]:
        return {"access": session.use(login.access), "refresh": session.refresh(login.refresh).short}

    return State(tokens_of(login), after)


@setup("login for openid whose access token has expired")
def login_for_openid_expired(session: Session) -> State:
    login = session.login(scope=OPENID)
    session.server.control("expire", kind="access", value=login.access)
    return State(tokens_of(login))


@setup("login, 31 days ago")
def login_old(session: Session) -> State:
    login = session.login()
    session.server.control("clock", advance=31 * 86_400)
    return State(tokens_of(login))


@setup("login, 8 days ago; afterwards its access token")
def login_of_last_week(session: Session) -> State:
    login = session.login()
    session.server.control("clock", advance=8 * 86_400)
    return State(tokens_of(login), lambda _: {"old_access_token": session.use(login.access)})


@setup("login; afterwards the tokens unharmed")
def login_then_unharmed(session: Session) -> State:
    login = session.login()

    def after(_: Response) -> dict[str, Any]:
        return {"refresh_still_active": session.active(login.refresh), "access": session.use(login.access)}

    return State(tokens_of(login), after)


@setup("login, narrowed by a refresh")
def login_narrowed(session: Session) -> State:
    narrow = session.token(grant_type="refresh_token", refresh_token=session.login().refresh, scope="public")
    narrowed = login_in(narrow)

    def after(_: Response) -> dict[str, Any]:
        return {
            "old_refresh_still_active": session.active(narrowed.refresh),
            "again": session.refresh(narrowed.refresh).short,
        }

    return State(tokens_of(narrowed, 2), after)


@setup("login to an app that is then switched off")
def login_of_disabled(session: Session) -> State:
    login = session.login("consent")
    switch(session, "consent", off=True)

    def after(_: Response) -> dict[str, Any]:
        switch(session, "consent", off=False)
        return {"once_switched_on": session.state(login, "consent")}

    return State(tokens_of(login), after, back_on(session, "consent"))


@setup("login, then signed out")
def login_then_signed_out(session: Session) -> State:
    login = session.login()
    session.server.control("signout")
    return State(tokens_of(login), lambda _: {"old_access_token": session.use(login.access)})


@setup("login, then signed out and in again")
def login_of_an_earlier_session(session: Session) -> State:
    login = session.login()
    session.server.control("signout")
    session.code()
    return State(tokens_of(login))


@setup("login to an app whose consent is then withdrawn")
def login_then_no_consent(session: Session) -> State:
    login = session.login("consent")
    session.server.control("revoke-consent", client_id=APPS["consent"].client_id)
    return State(tokens_of(login), lambda _: {"old_access_token": session.use(login.access, "consent")})


@setup("four logins, one of them refreshed twice; afterwards who lives")
def four_logins(session: Session) -> State:
    first, device = session.login(scope=OPENID), session.login()
    other_app, other_user = session.login("consent"), session.login(username="other")
    second = session.refreshed_login(first.refresh)
    newest = session.refreshed_login(second.refresh)
    values = tokens_of(newest, 3) | {
        "refresh_token_rotated_twice_ago": first.refresh, "refresh_token_previous": second.refresh,
        "access_token_rotated_twice_ago": first.access, "refresh_token_second_device": device.refresh,
    }  # fmt: skip

    def after(_: Response) -> dict[str, Any]:
        return {
            "newest_access": {
                "bearer": session.use(newest.access),
                "introspect_active": session.active(newest.access),
                "userinfo": session.userinfo(newest.access),
            },
            "older_access_of_same_login": {"first": session.use(first.access), "second": session.use(second.access)},
            "newest_refresh_introspect_active": session.active(newest.refresh),
            "newest_refresh_use": session.refresh(newest.refresh).short,
            "second_device_same_user_same_client": session.state(device),
            "other_client_same_user": session.state(other_app, "consent"),
            "same_client_other_user": session.state(other_user),
            "second_replay": session.refresh(first.refresh).short,
        }

    return State(values, after)
