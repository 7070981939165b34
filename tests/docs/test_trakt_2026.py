"""docs/trakt-2026.md: what it says of addresses, lifetimes and messages is what the project uses."""

from __future__ import annotations

import re

import pytest

from support.engines import CHECKOUT
from traktauth import AppRejected, LoginRefused
from traktauth.cli import request as command
from traktauth.cli.doctor.service import check_service
from traktauth.client.settings import Settings
from traktauth.models import find_service
from traktauth.protocol import APPS_PAGE, CONNECTED_PAGE
from traktauth.testing import LocalTrakt
from traktauth.wire.error_responses import error_from_response
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


def test_the_page_of_apps_before_2026_is_named_nowhere_else():
    texts = [path for name in ("src", "docs", "examples") for path in (CHECKOUT / name).rglob("*.*")]
    kinds = {".py", ".md", ".toml", ".html", ".json"}
    found = [path.name for path in texts if path.suffix in kinds and "oauth/applications" in path.read_text()]
    assert found == ["trakt-2026.md"]


def test_its_lifetime_is_that_of_the_current_profile():
    with LocalTrakt(profile="current") as server:
        assert f"({server.sign_in('sean')['expires_in']} s)" in PAGE
    with LocalTrakt(profile="classic") as server:
        assert f"({server.sign_in('sean')['expires_in']} s)" in PAGE


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_a_rejected_app_may_have_been_deleted(error):
    found = error_from_response(answer(401, error), what="a token")
    assert isinstance(found, AppRejected)
    assert "without VIP" in found.hint
    assert APPS_PAGE in found.hint


def test_a_sign_in_that_is_not_answered_may_be_the_second_app():
    hint = LoginRefused("fact", error="expired_token").hint
    assert "one community app" in hint
    assert CONNECTED_PAGE in hint


@pytest.mark.parametrize(("status", "exit_status"), [(403, 1), (420, 1), (423, 1), (426, 1), (429, 5)])
def test_each_limit_of_the_api_is_reported_by_the_command(status, exit_status):
    """tests/cli/test_request.py has what the command prints."""
    assert f"| {status} |" in PAGE
    assert command.status_for(status) == exit_status


def test_its_numbers_are_known():
    """A number that is added to the page needs a source, and a line here or a test of its own."""
    text = re.sub(r"\d{4}-\d\d-\d\d|(January|July) 2026|in 2026|trakt-api#\d+|issues/\d+", "", PAGE)
    assert {int(number) for number in re.findall(r"(?<![a-z-])\d+", text)} == {
        *(24, 86400),  # hours and seconds of an access token since 2025-03-20: the local Trakt's profile `classic`
        *(7, 604800),  # days and seconds since July 2026: the profile `current`
        50,  # community apps of an account with VIP: trakt-api#895
        *(401, 403, 404, 420, 423, 426, 429),
    }
    assert "a free account can connect one community app, an account with VIP 50 |" in PAGE


def test_doctor_says_how_to_move_to_the_new_host():
    [addresses, note] = check_service(Settings(), offline=True)
    assert addresses.level == "good"
    assert (note.level, note.fix) == ("good", "")
    assert "TRAKTAUTH_SERVICE=auth.trakt.tv" in note.what
    assert "export TRAKTAUTH_SERVICE=auth.trakt.tv" in PAGE
    moved = Settings(service="auth.trakt.tv")
    assert [finding.level for finding in check_service(moved, offline=True)] == ["good"]
    assert moved.find_service().realm == Settings().find_service().realm
