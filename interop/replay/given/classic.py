"""The set-ups of the profile `classic`: Doorkeeper, whose one person is always signed in."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from interop.replay.apps import OOB
from interop.replay.compare import Difference
from interop.replay.given.registry import CLASSIC
from interop.replay.talk import Login, Scene, Talk, at_once, pair_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from interop.replay.wire import Answer

given = CLASSIC.named
# The pair of RFC 7636, appendix B, with which the cases were recorded.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
S256 = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
PLAIN = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}


@given(
    "nothing", "code_exchange_wrong_code", "code_exchange_missing_code", "token_*", "client_credentials_*",
    "pkce_challenge_without_method", "refresh_unknown_token", "refresh_missing_token", "revoke_unknown_token",
    "revoke_missing_token", "revoke_empty_body", "authorize_*", "me_no_token", "me_bad_token", "token_info_bad",
    "introspect_unknown",
)  # fmt: skip
def nothing(talk: Talk) -> Scene:
    return Scene()


# ---------------------------------------------------------------- codes
@given(
    "code", "code_exchange_happy_json", "code_exchange_params_in_query", "code_exchange_missing_client_secret",
    "code_exchange_unknown_client_id", "code_exchange_other_client", "code_exchange_empty_grant_type",
    "pkce_verifier_without_challenge",
)  # fmt: skip
def code(talk: Talk) -> Scene:
    return Scene(talk.code())


@given("code; afterwards the right exchange", "code_exchange_missing_*", "code_exchange_wrong_client_secret")
def code_then_right(talk: Talk) -> Scene:
    values = talk.code()
    return Scene(values, lambda _: {"code": talk.exchange(values).short})


@given("code for app C, which is public", "public_client_code_exchange_no_secret")
def code_for_public(talk: Talk) -> Scene:
    return Scene(talk.code("C"))


@given("code out of band", "oob_code_exchange")
def code_out_of_band(talk: Talk) -> Scene:
    return Scene(talk.code(redirect_uri=OOB))


@given("code with an S256 challenge", "pkce_s256_*")
def code_with_challenge(talk: Talk) -> Scene:
    return Scene(talk.code(**S256))


@given("code with an S256 challenge; afterwards the right exchange")
def code_with_challenge_then_right(talk: Talk) -> Scene:
    values = talk.code(**S256)

    def after(_: Answer) -> dict[str, Any]:
        callback = "http://127.0.0.1:9999/callback"
        said = {"grant_type": "authorization_code", "redirect_uri": callback, "code_verifier": VERIFIER}
        return {"code": talk.token(code=values["code"], **said).short}

    return Scene(values, after)


@given("code with a plain challenge", "pkce_plain_happy")
def code_with_plain_challenge(talk: Talk) -> Scene:
    return Scene(talk.code(**PLAIN))


@given("code with a challenge for app C, which is public", "pkce_public_client_no_secret")
def code_with_challenge_for_public(talk: Talk) -> Scene:
    return Scene(talk.code("C", **S256))


@given("code for another loopback port")
def code_for_another_port(talk: Talk) -> Scene:
    return Scene(talk.code(redirect_uri="http://127.0.0.1:50123/callback"))


@given("code, exchanged before", "code_exchange_reused_second")
def code_used(talk: Talk) -> Scene:
    values = talk.code()
    first = pair_of(talk.exchange(values))
    return Scene(values, lambda _: _state(talk, first))


@given("code, expired")
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


@given("login whose code came twice", "code_reuse_then_refresh_first_refresh_token")
def login_whose_code_came_twice(talk: Talk) -> Scene:
    values = talk.code()
    first = pair_of(talk.exchange(values))
    talk.exchange(values)
    return Scene(_tokens(first))


# ---------------------------------------------------------------- refresh tokens
def _tokens(login: Login) -> dict[str, str]:
    return {"access_token": login.access, "refresh_token": login.refresh}


def _state(talk: Talk, login: Login, app: str = "") -> dict[str, Any]:
    return {"access": talk.use(login.access, app), "refresh": talk.refresh(login.refresh, app).short}


@given(
    "login", "refresh_happy_form", "refresh_wrong_redirect_uri_ignored", "refresh_with_access_token_value", "me_ok",
    "token_info",
)  # fmt: skip
def login(talk: Talk) -> Scene:
    return Scene(_tokens(talk.login()))


@given("login; afterwards what lives", "refresh_wrong_client_secret", "revoke_*")
def login_then_what_lives(talk: Talk) -> Scene:
    login = talk.login()
    return Scene(_tokens(login), lambda _: _state(talk, login))


@given("login to app C, which is public; afterwards what lives")
def login_to_public(talk: Talk) -> Scene:
    login = talk.login("C")
    return Scene(_tokens(login), lambda _: _state(talk, login, "C"))


@given("login whose access token has expired; afterwards what lives")
def login_expired(talk: Talk) -> Scene:
    login = talk.login()
    talk.server.control("expire", kind="access", value=login.access)
    return Scene(_tokens(login), lambda _: _state(talk, login))


@given("login, a year ago")
def login_old(talk: Talk) -> Scene:
    login = talk.login()
    talk.server.control("clock", advance=366 * 86_400)
    return Scene(_tokens(login))


@given("two logins; afterwards the other")
def two_logins(talk: Talk) -> Scene:
    login, other = talk.login(), talk.login()
    return Scene(_tokens(login) | {"access_token_other": other.access}, lambda _: _state(talk, other))


@given("login; afterwards both pairs")
def login_then_both_pairs(talk: Talk) -> Scene:
    login = talk.login()

    def after(answer: Answer) -> dict[str, Any]:
        new = pair_of(answer)
        before = talk.use(login.access)
        return {"old_access": before, "new_access": talk.use(new.access), "old_access_then": talk.use(login.access)}

    return Scene(_tokens(login), after)


def _refreshed(talk: Talk, *, used: bool) -> tuple[Login, Login]:
    first = talk.login()
    second = talk.renewed(first.refresh)
    if used:
        talk.use(second.access)
    return first, second


@given(
    "the old pair of a refreshed login", "refresh_then_old_access_token_used*",
    "refresh_reused_before_new_access_token_used*",
)  # fmt: skip
def old_pair(talk: Talk) -> Scene:
    return Scene(_tokens(_refreshed(talk, used=False)[0]))


@given("the new pair of a refreshed login", "refresh_new_access_token_used*")
def new_pair(talk: Talk) -> Scene:
    return Scene(_tokens(_refreshed(talk, used=False)[1]))


@given(
    "the old pair of a refreshed login whose new access token was used", "refresh_old_access_token_after_new_used*",
    "refresh_reused_after_new_access_token_used*",
)  # fmt: skip
def old_pair_after_use(talk: Talk) -> Scene:
    first, second = _refreshed(talk, used=True)
    return Scene(_tokens(first), lambda _: {"new": _state(talk, second)})


@given("the new refresh token, the old one having come again", "refresh_new_refresh_token_after_reuse*")
def new_after_reuse(talk: Talk) -> Scene:
    first, second = _refreshed(talk, used=True)
    talk.refresh(first.refresh)
    return Scene({"refresh_token_2": second.refresh})


@given("the old refresh token; the new one was refreshed but never used")
def chain(talk: Talk) -> Scene:
    first, second = _refreshed(talk, used=False)
    third = talk.renewed(second.refresh)
    talk.use(third.access)
    return Scene(_tokens(first), lambda _: {"second": _state(talk, second), "third": _state(talk, third)})


@given(
    "login whose access token was revoked", "refresh_with_revoked_access_token_pair*", "revoke_access_token_then_*",
    "revoke_access_token_again",
)  # fmt: skip
def access_revoked(talk: Talk) -> Scene:
    login = talk.login()
    talk.revoke(login.access)
    return Scene(_tokens(login))


@given("login whose refresh token was revoked", "revoke_refresh_token_then_refresh")
def refresh_revoked(talk: Talk) -> Scene:
    login = talk.login()
    talk.revoke(login.refresh)
    return Scene(_tokens(login))


@given(
    "login whose refresh token was revoked after its access token had expired", "refresh_after_revoke_of_expired_pair"
)
def expired_and_revoked(talk: Talk) -> Scene:
    login = talk.login()
    talk.server.control("expire", kind="access", value=login.access)
    talk.revoke(login.refresh)
    return Scene(_tokens(login))


@given("login that another app tried to revoke", "revoke_other_client_then_use")
def revoked_by_another(talk: Talk) -> Scene:
    login = talk.login()
    talk.revoke(login.access, "B")
    return Scene(_tokens(login))


@given("refreshed login; afterwards what lives")
def refreshed_then_what_lives(talk: Talk) -> Scene:
    first, second = _refreshed(talk, used=False)
    values = _tokens(first) | {"refresh_token_2": second.refresh, "access_token_2": second.access}
    return Scene(values, lambda _: {"new": _state(talk, second)})


# ---------------------------------------------------------------- ten at once
def _ten_at_once(talk: Talk, ready: Callable[[], Callable[[], Answer]]) -> list[Difference]:
    recorded = [
        Counter({int(status): n for status, n in one.items()}) for one in json.loads(talk.case.response["body"])
    ]
    seen = [Counter(answer.status for answer in at_once(*[ready()] * 10)) for _ in recorded]
    return [Difference("ten at once", dict(recorded[0]), dict(one)) for one in seen if one != recorded[0]]


@given("ten refreshes at once", "concurrent_refresh_10x_same_token*")
def ten_refreshes(talk: Talk) -> list[Difference]:
    def ready() -> Callable[[], Answer]:
        token = talk.login().refresh
        return lambda: talk.refresh(token)

    return _ten_at_once(talk, ready)


@given("ten exchanges at once", "concurrent_code_exchange_10x_same_code*")
def ten_exchanges(talk: Talk) -> list[Difference]:
    def ready() -> Callable[[], Answer]:
        values = talk.code()
        return lambda: talk.exchange(values)

    return _ten_at_once(talk, ready)
