"""Set-ups of the profile `current` for what revokes or looks at tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interop.replay.given.codes import OPENID
from interop.replay.given.registry import CURRENT
from interop.replay.given.tokens import tokens_of
from interop.replay.talk import Scene, Talk

if TYPE_CHECKING:
    from interop.replay.wire import Answer

given = CURRENT.named


@given("two devices, one refreshed; afterwards both", "*.revoke.refresh_token")
def two_devices(talk: Talk) -> Scene:
    login = talk.login()
    new, device = talk.renewed(login.refresh), talk.login()

    def after(_: Answer) -> dict[str, Any]:
        return {
            "access_of_that_refresh": talk.use(new.access),
            "access_from_before_the_rotation": talk.use(login.access),
            "refresh_introspect_active": talk.active(new.refresh),
            "second_device_before": talk.active(device.refresh),
            "refresh_with_revoked_token": talk.refresh(new.refresh).short,
            "second_device_after_that_attempt": {
                "refresh": talk.refresh(device.refresh).short,
                "access": talk.use(device.access),
            },
        }

    return Scene(tokens_of(new) | {"access_token_before": login.access}, after)


@given(
    "login; afterwards what lives", "*.revoke.refresh_token_hint", "*.revoke.access_token*", "*.revoke.wrong_secret",
    "*.revoke.missing_secret", "*.revoke.missing_client", "*.revoke.by_other_client.*", "*.revoke.wrong_field",
)  # fmt: skip
def login_then_what_lives(talk: Talk) -> Scene:
    login = talk.login()

    def after(_: Answer) -> dict[str, Any]:
        return {"access": talk.use(login.access), "refresh_introspect_active": talk.active(login.refresh)}

    return Scene(tokens_of(login), after)


@given("login; afterwards whether it can be refreshed")
def login_then_refreshed(talk: Talk) -> Scene:
    login = talk.login()
    return Scene(tokens_of(login), lambda _: talk.state(login))


@given("login to a public app; afterwards what lives", "*.revoke.public_client.*")
def login_to_public_then_what_lives(talk: Talk) -> Scene:
    login = talk.login("public")

    def after(_: Answer) -> dict[str, Any]:
        return {"access": talk.use(login.access, "public"), "refresh_use": talk.refresh(login.refresh, "public").short}

    return Scene(tokens_of(login), after)


@given("login whose refresh token was revoked, and a second device; afterwards the second")
def revoked_and_second(talk: Talk) -> Scene:
    login, device = talk.login(), talk.login()
    talk.revoke(login.refresh)
    return Scene(tokens_of(login), lambda _: {"second_device": talk.state(device)})


@given("login whose access token was revoked")
def access_revoked(talk: Talk) -> Scene:
    login = talk.login()
    talk.revoke(login.access)
    return Scene(tokens_of(login), lambda _: {"refresh": talk.refresh(login.refresh).short})


@given("refreshed login; afterwards what lives")
def refreshed(talk: Talk) -> Scene:
    login = talk.login()
    new = talk.renewed(login.refresh)

    def after(_: Answer) -> dict[str, Any]:
        return {"old_access": talk.use(login.access), "new": talk.state(new)}

    return Scene(tokens_of(login) | {"refresh_token_2": new.refresh, "access_token_2": new.access}, after)


@given(
    "two logins, one for openid", "native.introspect.access", "native.introspect.refresh", "native.introspect.no_secret"
)
def two_logins(talk: Talk) -> Scene:
    with_openid, without = talk.login(scope=OPENID), talk.login()
    return Scene(
        {
            "access_token_openid": with_openid.access, "access_token_public": without.access,
            "access_token": with_openid.access, "refresh_token": without.refresh,
        }
    )  # fmt: skip
