"""The document's operations, blocking and async, against a server of ours: what is sent, and what is refused before."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from traktauth import AppInvalid, AsyncAuthenticationOAuthApi, AuthenticationOAuthApi, LoginRefused, TryLater

APP = {"client_id": "client-id", "client_secret": "secret-canary"}
BACK = {"redirect_uri": "http://127.0.0.1:9876/callback"}


@pytest.fixture(params=[AuthenticationOAuthApi, AsyncAuthenticationOAuthApi])
def call(request, trakt_server):
    """Call one operation with an object of its own."""

    def call(name, **named):
        if request.param is AuthenticationOAuthApi:
            with AuthenticationOAuthApi(trakt_server.base) as api:
                return getattr(api, name)(**named)

        async def go():
            async with AsyncAuthenticationOAuthApi(trakt_server.base) as api:
                answer = getattr(api, name)(**named)
                return await answer if inspect.isawaitable(answer) else answer

        return asyncio.run(go())

    return call


def test_a_token_is_exchanged_refreshed_and_revoked(call, trakt_server):
    first = call("exchange_code_for_access_token", code="good-code", **APP, **BACK)
    second = call("exchange_refresh_token_for_access_token", refresh_token=first.refresh_token, **APP, **BACK)
    assert {first.access_token, second.access_token} <= trakt_server.access
    assert call("revoke_an_access_token", token=second.access_token, **APP) is None
    assert trakt_server.revoked == [second.access_token]


def test_a_device_code_is_exchanged(call):
    device = call("generate_new_device_codes", client_id="client-id")
    assert device.user_code == "ABCD1234"
    assert call("poll_for_the_access_token", code=device.device_code, **APP).access_token.startswith("access-")


def test_the_sign_in_address_is_made_without_a_request(call, trakt_server):
    address = call("authorize_application", client_id="client-id", state="s", **BACK)
    assert address.startswith(f"{trakt_server.base}/oauth/authorize?response_type=code&client_id=client-id")
    assert trakt_server.connections == 0


def test_a_refused_code_raises_login_refused(call):
    with pytest.raises(LoginRefused):
        call("exchange_code_for_access_token", code="bad-code", **APP, **BACK)


def test_nothing_is_sent_twice(call, trakt_server):
    trakt_server.after.append(lambda: True)
    with pytest.raises(TryLater, match="may have arrived"):
        call("exchange_refresh_token_for_access_token", refresh_token="refresh-canary", **APP, **BACK)
    assert len(trakt_server.refreshes) == 1


@pytest.mark.parametrize("value", ["", "a b", "a\n", "\x16"])
def test_what_cannot_be_right_is_refused_before_anything_is_sent(call, trakt_server, value):
    for name, values in (
        ("exchange_code_for_access_token", {"code": value, **APP, **BACK}),
        ("exchange_refresh_token_for_access_token", {"refresh_token": value, **APP, **BACK}),
        ("revoke_an_access_token", {"token": value, **APP}),
        ("poll_for_the_access_token", {"code": value, **APP}),
    ):
        with pytest.raises(ValueError, match="must be given"):
            call(name, **values)
        with pytest.raises(AppInvalid):
            call(
                name,
                **{key: "x" for key in values if key not in BACK}
                | {"client_id": value}
                | (BACK if "redirect_uri" in values else {}),
            )
    with pytest.raises(AppInvalid):
        call("generate_new_device_codes", client_id=value)
    assert trakt_server.connections == 0


OPERATIONS = {
    "authorize_application": {"client_id": "client-id", **BACK},
    "exchange_code_for_access_token": {"code": "good-code", **APP, **BACK},
    "exchange_refresh_token_for_access_token": {"refresh_token": "refresh-canary", **APP, **BACK},
    "revoke_an_access_token": {"token": "access-canary", **APP},
    "generate_new_device_codes": {"client_id": "client-id"},
    "poll_for_the_access_token": {"code": "device-canary", **APP},
}
OPTIONAL = {
    "authorize_application": ["state", "signup", "prompt", "code_challenge", "code_challenge_method"],
    "exchange_code_for_access_token": ["code_verifier"],
    "generate_new_device_codes": ["code_challenge"],
    "poll_for_the_access_token": ["code_verifier"],
}


@pytest.mark.parametrize("value", [0, 7, 1.5, b"bytes", [], {}, object()], ids=lambda value: type(value).__name__)
def test_an_argument_of_another_type_is_named(call, trakt_server, value):
    for name, values in OPERATIONS.items():
        for argument in [*values, *OPTIONAL.get(name, [])]:
            with pytest.raises(
                TypeError, match=rf"^{argument} must be a (str|bool or None), not {type(value).__name__}$"
            ):
                call(name, **values | {argument: value})
    assert trakt_server.connections == 0


@pytest.mark.parametrize("value", ["", "a b", "a\n", "\x00", "ü", "\ud800"])
def test_a_verifier_or_a_challenge_that_cannot_be_right_spends_no_code(call, trakt_server, value):
    for name, arguments in OPTIONAL.items():
        for argument in arguments:
            if argument in {"state", "signup"}:
                continue
            with pytest.raises(ValueError, match=rf"^{argument} must be given"):
                call(name, **OPERATIONS[name] | {argument: value})
    assert trakt_server.connections == 0


@pytest.mark.parametrize("state", ["", "\ud800"])
def test_a_state_that_cannot_be_sent_is_refused(call, state):
    with pytest.raises(ValueError, match=r"^state must "):
        call("authorize_application", **OPERATIONS["authorize_application"], state=state)
