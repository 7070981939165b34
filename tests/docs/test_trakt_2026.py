"""docs/trakt-2026.md: what it says of addresses, lifetimes and messages is what the project uses."""

from __future__ import annotations

import re

import pytest

from support.engines import CHECKOUT
from traktauth import AppRejected, LoginRefused
from traktauth.cli.request import command
from traktauth.models import find_service
from traktauth.models.device_code import DeviceCode
from traktauth.protocol import APPS_PAGE, CONNECTED_PAGE
from traktauth.testing import LocalTrakt
from traktauth.wire.error_responses import REJECTED_APP_HINT, UNANSWERED_HINT, error_from_response, is_invalid_grant
from traktauth.wire.messages import Response

PAGE = (CHECKOUT / "docs/trakt-2026.md").read_text()


def answer(status, error, description=""):
    body = f'{{"error": "{error}", "error_description": "{description}"}}'.encode()
    return Response(status, {"content-type": "application/json"}, body)


def test_its_addresses_are_those_that_the_project_uses():
    found = set(re.findall(r"https://[a-z.]*trakt\.tv[a-z/]*", PAGE))
    service = find_service("auth.trakt.tv")
    assert found == {APPS_PAGE, CONNECTED_PAGE, service.token, f"{service.token}/activate", "https://trakt.tv/vip"}
    assert "https://trakt.tv/vip" in command._HINTS[426]


def test_its_lifetime_is_that_of_the_current_profile():
    with LocalTrakt(profile="current") as server:
        assert f"({server.sign_in('sean')['expires_in']} s)" in PAGE
    with LocalTrakt(profile="classic") as server:
        assert f"({server.sign_in('sean')['expires_in']} s)" in PAGE


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_a_rejected_app_may_have_been_deleted(error):
    found = error_from_response(answer(401, error), what="a token")
    assert isinstance(found, AppRejected)
    assert found.hint.startswith(REJECTED_APP_HINT)
    assert "without VIP" in found.hint
    assert APPS_PAGE in found.hint


def test_a_sign_in_that_is_not_answered_may_be_the_second_app():
    assert "one community app" in UNANSWERED_HINT
    assert CONNECTED_PAGE in UNANSWERED_HINT
    assert UNANSWERED_HINT.startswith(LoginRefused.default_hint)


@pytest.mark.parametrize("error", ["invalid_request", "invalid_grant"])
def test_a_redirect_mismatch_is_the_apps_and_kills_no_login(error):
    """better-auth 1.7 says it under `invalid_grant`."""
    found = answer(400, error, "redirect_uri mismatch")
    assert isinstance(error_from_response(found, what="a token"), AppRejected)
    assert not is_invalid_grant(found)


def test_a_missing_refresh_token_of_better_auth_1_7_kills_no_login():
    assert not is_invalid_grant(answer(400, "invalid_request", "refresh_token is required"))


@pytest.mark.parametrize("status", [403, 420, 423, 426])
def test_each_limit_is_reported_by_the_command(status):
    assert f"| {status} |" in PAGE
    assert command._HINTS[status]
    assert command.status_for(status) == 1


@pytest.mark.parametrize(
    ("page", "complete"),
    [
        ("https://trakt.tv/activate", "https://trakt.tv/activate/ABC"),
        ("http://127.0.0.1:8712/activate", "http://127.0.0.1:8712/activate/ABC"),
        ("https://auth.trakt.tv/activate", "https://auth.trakt.tv/activate"),
    ],
)
def test_the_code_is_in_the_address_only_if_the_host_takes_it(page, complete):
    assert DeviceCode("d", "ABC", page, 600, 5).verification_url_complete == complete
