"""Set-ups of the profile `current` that begin with a pair of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interop.replay.apps import APPS
from interop.replay.given.codes import OPENID, back_on, switch
from interop.replay.given.registry import CURRENT
from interop.replay.talk import Login, Scene, Talk, pair_of

if TYPE_CHECKING:
    from interop.replay.wire import Answer

given = CURRENT.named


def tokens_of(login: Login, number: int = 1) -> dict[str, str]:
    """Give a pair under every name that cases have for it."""
    return {
        f"refresh_token_{number}": login.refresh, f"access_token_{number}": login.access,
        "refresh_token": login.refresh, "access_token": login.access,
    }  # fmt: skip


@given("login; afterwards both pairs", "*.refresh.happy")
def login_then_both_pairs(talk: Talk) -> Scene:
    login = talk.login()

    def after(answer: Answer) -> dict[str, Any]:
        new = pair_of(answer)
        return {
            "old_access_token": talk.use(login.access), "old_refresh_introspect_active": talk.active(login.refresh),
            "new_access_token": talk.use(new.access), "new_refresh_introspect_active": talk.active(new.refresh),
        }  # fmt: skip

    return Scene(tokens_of(login), after)


@given(
    "login", "*.refresh.happy.with_redirect_uri", "*.refresh.with_access_token", "*.refresh.unknown_client",
    "*.refresh.scope_narrow",
)  # fmt: skip
def login(talk: Talk) -> Scene:
    return Scene(tokens_of(talk.login()))


@given("login for openid")
def login_for_openid(talk: Talk) -> Scene:
    return Scene(tokens_of(talk.login(scope="openid profile email offline_access")))


@given("login to a public app", "*.refresh.happy.public_client")
def login_to_public(talk: Talk) -> Scene:
    return Scene(tokens_of(talk.login("public")))


@given("login to a public app; afterwards the right refresh")
def login_to_public_then_right(talk: Talk) -> Scene:
    login = talk.login("public")
    return Scene(tokens_of(login), lambda _: {"retry_as_one_should": talk.refresh(login.refresh, "public").short})


@given("login; afterwards the right refresh", "*.refresh.wrong_secret")
def login_then_right(talk: Talk) -> Scene:
    login = talk.login()

    def after(_: Answer) -> dict[str, Any]:
        active = talk.active(login.refresh)
        return {"refresh_still_active": active, "retry_with_right_secret": talk.refresh(login.refresh).short}

    return Scene(tokens_of(login), after)


@given("login; afterwards whether its refresh token is active", "*.refresh.confidential_without_secret")
def login_then_active(talk: Talk) -> Scene:
    login = talk.login()
    return Scene(tokens_of(login), lambda _: {"refresh_still_active": talk.active(login.refresh)})


@given("login whose refresh token has expired", "*.refresh.expired")
def login_expired(talk: Talk) -> Scene:
    login = talk.login()
    talk.server.control("expire", kind="refresh", value=login.refresh)
    return Scene(tokens_of(login), lambda _: {"access_token_of_same_grant": talk.use(login.access)})


@given("login whose access token has expired; afterwards its refresh token")
def login_access_expired(talk: Talk) -> Scene:
    login = talk.login()
    talk.server.control("expire", kind="access", value=login.access)

    def after(_: Answer) -> dict[str, Any]:
        return {"access": talk.use(login.access), "refresh": talk.refresh(login.refresh).short}

    return Scene(tokens_of(login), after)


@given("login for openid whose access token has expired")
def login_for_openid_expired(talk: Talk) -> Scene:
    login = talk.login(scope=OPENID)
    talk.server.control("expire", kind="access", value=login.access)
    return Scene(tokens_of(login))


@given("login, 31 days ago")
def login_old(talk: Talk) -> Scene:
    login = talk.login()
    talk.server.control("clock", advance=31 * 86_400)
    return Scene(tokens_of(login))


@given("login, 8 days ago; afterwards its access token")
def login_of_last_week(talk: Talk) -> Scene:
    login = talk.login()
    talk.server.control("clock", advance=8 * 86_400)
    return Scene(tokens_of(login), lambda _: {"old_access_token": talk.use(login.access)})


@given("login; afterwards the tokens unharmed", "*.refresh.by_other_client")
def login_then_unharmed(talk: Talk) -> Scene:
    login = talk.login()

    def after(_: Answer) -> dict[str, Any]:
        return {"refresh_still_active": talk.active(login.refresh), "access": talk.use(login.access)}

    return Scene(tokens_of(login), after)


@given("login, narrowed by a refresh", "*.refresh.after_scope_narrow")
def login_narrowed(talk: Talk) -> Scene:
    narrow = talk.token(grant_type="refresh_token", refresh_token=talk.login().refresh, scope="public")
    narrowed = pair_of(narrow)

    def after(_: Answer) -> dict[str, Any]:
        return {
            "old_refresh_still_active": talk.active(narrowed.refresh),
            "again": talk.refresh(narrowed.refresh).short,
        }

    return Scene(tokens_of(narrowed, 2), after)


@given("login to an app that is then switched off", "*.refresh.client_disabled")
def login_of_disabled(talk: Talk) -> Scene:
    login = talk.login("consent")
    switch(talk, "consent", off=True)

    def after(_: Answer) -> dict[str, Any]:
        switch(talk, "consent", off=False)
        return {"once_switched_on": talk.state(login, "consent")}

    return Scene(tokens_of(login), after, back_on(talk, "consent"))


@given("login, then signed out")
def login_then_signed_out(talk: Talk) -> Scene:
    login = talk.login()
    talk.server.control("signout")
    return Scene(tokens_of(login), lambda _: {"old_access_token": talk.use(login.access)})


@given("login, then signed out and in again")
def login_of_an_earlier_session(talk: Talk) -> Scene:
    login = talk.login()
    talk.server.control("signout")
    talk.code()
    return Scene(tokens_of(login))


@given("login to an app whose consent is then withdrawn")
def login_then_no_consent(talk: Talk) -> Scene:
    login = talk.login("consent")
    talk.server.control("revoke-consent", client_id=APPS["consent"].client_id)
    return Scene(tokens_of(login), lambda _: {"old_access_token": talk.use(login.access, "consent")})


@given(
    "four logins, one of them refreshed twice; afterwards who lives", "*.refresh.replay_rotated*",
    "*.revoke.rotated_refresh_token_by_other_client",
)  # fmt: skip
def four_logins(talk: Talk) -> Scene:
    first, device = talk.login(scope=OPENID), talk.login()
    other_app, other_user = talk.login("consent"), talk.login(username="other")
    second = talk.renewed(first.refresh)
    newest = talk.renewed(second.refresh)
    values = tokens_of(newest, 3) | {
        "refresh_token_rotated_twice_ago": first.refresh, "refresh_token_previous": second.refresh,
        "access_token_rotated_twice_ago": first.access, "refresh_token_second_device": device.refresh,
    }  # fmt: skip

    def after(_: Answer) -> dict[str, Any]:
        return {
            "newest_access": {
                "bearer": talk.use(newest.access),
                "introspect_active": talk.active(newest.access),
                "userinfo": talk.userinfo(newest.access),
            },
            "older_access_of_same_login": {"first": talk.use(first.access), "second": talk.use(second.access)},
            "newest_refresh_introspect_active": talk.active(newest.refresh),
            "newest_refresh_use": talk.refresh(newest.refresh).short,
            "second_device_same_user_same_client": talk.state(device),
            "other_client_same_user": talk.state(other_app, "consent"),
            "same_client_other_user": talk.state(other_user),
            "second_replay": talk.refresh(first.refresh).short,
        }

    return Scene(values, after)
