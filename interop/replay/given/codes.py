"""Set-ups of the profile `current` that begin with a code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interop.replay.apps import APPS, OOB
from interop.replay.given.registry import CURRENT
from interop.replay.talk import Scene, Talk, pair_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from interop.replay.wire import Answer

given = CURRENT.named
OPENID = "openid public offline_access"


@given(
    "nothing", "*.code.wrong*", "*unknown_client_unknown_code*", "*.code.missing_code", "*.grant.*", "native.token.*",
    "shim.token.form_body", "*.no_content_type", "*.unknown_token", "*.refresh.missing_token", "*.unknown",
    "*.unknown_with_hint", "*.revoke.missing_token", "native.discovery*", "shim.device.code.*",
)  # fmt: skip
def nothing(talk: Talk) -> Scene:
    return Scene()


@given("code", "*.code.extra_unknown_params", "*.token.http_basic")
def code(talk: Talk) -> Scene:
    return Scene(talk.code())


@given("code for a public app", "*.code.happy.pkce_only_public_client")
def code_for_public(talk: Talk) -> Scene:
    return Scene(talk.code("public"))


@given("code without a challenge, for public", "native.code.happy.secret_only_no_pkce")
def code_without_challenge(talk: Talk) -> Scene:
    return Scene(talk.code(pkce=False, scope="public"))


@given("code with the challenge that Trakt's page makes", "shim.code.happy.secret_only_injected_pkce")
def code_with_trakts_challenge(talk: Talk) -> Scene:
    return Scene(talk.code(pkce=False))


@given("code for openid", "native.code.happy.openid")
def code_for_openid(talk: Talk) -> Scene:
    return Scene(talk.code(scope=OPENID))


@given("code for profile and email")
def code_for_profile(talk: Talk) -> Scene:
    return Scene(talk.code(scope="openid profile email offline_access"))


@given("code for public alone, with a challenge")
def code_for_less(talk: Talk) -> Scene:
    return Scene(talk.code(scope="public"))


@given("code for no scope at all")
def code_for_no_scope(talk: Talk) -> Scene:
    return Scene(talk.code(scope=""))


@given("code for the client's every scope")
def code_for_all_scopes(talk: Talk) -> Scene:
    return Scene(talk.code(scope=None))


@given("code out of band", "*.code.happy.oob_redirect")
def code_out_of_band(talk: Talk) -> Scene:
    return Scene(talk.code(redirect_uri=OOB))


@given("code for another loopback port", "*.code.happy.loopback_other_port")
def code_for_another_port(talk: Talk) -> Scene:
    return Scene(talk.code(redirect_uri="http://127.0.0.1:50123/callback"))


@given("code, exchanged before", "*.code.reused")
def code_used(talk: Talk) -> Scene:
    values = talk.code()
    first = pair_of(talk.exchange(values))

    def after(_: Answer) -> dict[str, Any]:
        found = {"access": talk.use(first.access), "refresh_active": talk.active(first.refresh)}
        return {"tokens_of_first_exchange": found}

    return Scene(values, after)


@given("code, expired", "*.code.expired")
def code_expired(talk: Talk) -> Scene:
    values = talk.code()
    talk.server.control("expire", kind="code", value=values["code"])
    return Scene(values)


@given("code, just before its end")
def code_old(talk: Talk) -> Scene:
    values = talk.code()
    talk.server.control("clock", advance=595)
    return Scene(values)


@given("code, just after its end")
def code_too_old(talk: Talk) -> Scene:
    values = talk.code()
    talk.server.control("clock", advance=605)
    return Scene(values)


@given("code, then signed out", "*.code.session_gone")
def code_then_signed_out(talk: Talk) -> Scene:
    values = talk.code()
    talk.server.control("signout")
    return Scene(values)


@given("code, then signed out and in again")
def code_of_an_earlier_session(talk: Talk) -> Scene:
    values = talk.code()
    talk.server.control("signout")
    talk.code()
    return Scene(values)


@given(
    "code; afterwards the right exchange", "*.code.wrong_redirect_uri", "*.code.missing_redirect_uri",
    "*.code.wrong_secret", "*.code.missing_secret_but_pkce_confidential", "*.code.no_secret_no_verifier",
    "*.code.unknown_client", "*.code.of_other_client", "*.code.missing_client_id", "*.pkce.missing_verifier",
    "*.pkce.wrong_verifier",
)  # fmt: skip
def code_then_right(talk: Talk) -> Scene:
    values = talk.code()
    return Scene(values, lambda _: {"retry_with_correct_request": talk.exchange(values).short})


@given("code for a public app; afterwards the right exchange", "*.code.secret_sent_by_public_client")
def code_for_public_then_right(talk: Talk) -> Scene:
    values = talk.code("public")
    return Scene(values, lambda _: {"retry_with_correct_request": talk.exchange(values, "public").short})


@given("code without a challenge; afterwards the right exchange", "*.pkce.verifier_without_challenge")
def code_without_challenge_then_right(talk: Talk) -> Scene:
    values = talk.code(pkce=False, scope="public")
    return Scene(values, lambda _: {"retry_with_correct_request": talk.exchange(values, pkce=False).short})


@given("code for an app that is then switched off; afterwards on again")
def code_of_disabled(talk: Talk) -> Scene:
    values = talk.code("consent")
    switch(talk, "consent", off=True)

    def after(_: Answer) -> dict[str, Any]:
        switch(talk, "consent", off=False)
        return {"retry_with_correct_request": talk.exchange(values, "consent").short}

    return Scene(values, after, back_on(talk, "consent"))


def switch(talk: Talk, app: str, *, off: bool) -> None:
    talk.server.control("disable-app", client_id=APPS[app].client_id, disabled=off)


def back_on(talk: Talk, app: str) -> Callable[[], None]:
    return lambda: switch(talk, app, off=False)
