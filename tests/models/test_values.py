"""Tokens, device codes and records: frozen values that show no secret."""

from __future__ import annotations

import dataclasses

import pytest

from traktauth.models import LoginKey, PendingRefresh, Record, Sender, Token, fingerprint
from traktauth.models.record import EMPTY
from traktauth.models.token import DeviceCode

TOKEN = Token("the-access-token", refresh_token="the-refresh-token", expires_in=60, expires_at=1e9, generation=3)
DEVICE = DeviceCode("the-device-code", "ABCD2345", "https://trakt.tv/activate", 600, 5)
RECORD = Record(generation=3, token=TOKEN, pending_refresh=PendingRefresh(3, 1, 1e9, Sender("host", 1)))


@pytest.mark.parametrize(
    "value", [TOKEN, DEVICE, RECORD, Record(3, TOKEN, refreshable=False, not_refreshable_reason="because")]
)
def test_a_value_shows_no_secret(value):
    shown = repr(value) + str(value) + f"{value}"
    assert [secret for secret in ("the-access", "the-refresh", "the-device") if secret in shown] == []


def test_a_token_shows_what_can_be_known():
    assert "generation=3" in repr(TOKEN)
    assert "expires_in=60" in repr(TOKEN)


def test_a_fingerprint_depends_on_nothing_but_the_token():
    assert fingerprint("the-access-token") == TOKEN.fingerprint == "b9bcbd67"
    assert fingerprint("the-access-token") != fingerprint("the-access-tokem")
    assert len(fingerprint("")) == 8


@pytest.mark.parametrize(
    ("page", "complete"),
    [
        ("https://trakt.tv/activate", "https://trakt.tv/activate/ABCD2345"),
        ("https://trakt.tv/activate/", "https://trakt.tv/activate/ABCD2345"),
        ("http://127.0.0.1:8712/activate", "http://127.0.0.1:8712/activate/ABCD2345"),
        ("https://auth.trakt.tv/activate", "https://auth.trakt.tv/activate"),
    ],
)
def test_a_device_codes_page_can_be_opened_filled_in_if_its_host_takes_the_code(page, complete):
    assert dataclasses.replace(DEVICE, verification_url=page).verification_url_complete == complete


def test_a_login_without_a_record_is_of_generation_0_and_empty():
    assert (
        Record(generation=0, token=None, refreshable=True, not_refreshable_reason=None, pending_refresh=None) == EMPTY
    )


def test_logins_have_an_order():
    logins = [LoginKey("b", "a", "a"), LoginKey("a", "b", "b"), LoginKey("a", "b", "a")]
    assert sorted(logins) == [logins[2], logins[1], logins[0]]
