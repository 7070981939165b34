"""Fresh device codes. Trakt: *Generate new device codes*."""

from __future__ import annotations

import pytest

from traktauth.errors import AppRejected, TraktAuthError, TryLater, UnexpectedReply
from traktauth.wire.device_endpoint import parse_device_code
from wire.responses import HTML, refused, reply

CODES = {
    "device_code": "the-device-code",
    "user_code": "ABCD2345",
    "verification_url": "https://trakt.tv/activate",
    "expires_in": 600,
    "interval": 5,
}


def read(**changed):
    return parse_device_code(reply(200, {**CODES, **changed}))


def test_the_documents_reply_is_read_whole():
    device = read()
    assert (device.device_code, device.user_code) == ("the-device-code", "ABCD2345")
    assert device.verification_url == "https://trakt.tv/activate"
    assert (device.expires_in, device.interval) == (600, 5)


def test_rfc_8628s_name_for_the_page_is_taken_too():
    body = {name: value for name, value in CODES.items() if name != "verification_url"}
    device = parse_device_code(reply(200, {**body, "verification_uri": "https://trakt.example/go"}))
    assert device.verification_url == "https://trakt.example/go"


@pytest.mark.parametrize("value", [None, "600", True, -1, 0, float("nan"), [600]])
def test_a_malformed_lifetime_or_interval_has_a_default(value):
    assert (read(expires_in=value).expires_in, read(interval=value).interval) == (600, 5)


@pytest.mark.parametrize("value", [10**9, 10**400, 1e300, float("inf")])
def test_a_life_or_an_interval_beyond_reason_is_cut(value):
    assert (read(expires_in=value).expires_in, read(interval=value).interval) == (86400, 60)


def test_a_broken_interval_is_never_faster_than_one_a_second():
    assert read(interval=0.1).interval == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        HTML,
        b"[" * 100_000,
        b"x" * 10_000_000,
        {**CODES, "device_code": ""},
        {**CODES, "device_code": 5},
        {**CODES, "user_code": None},
        {**CODES, "verification_url": None},
        {**CODES, "verification_url": ["https://trakt.tv/activate"]},
    ],
)
def test_a_200_without_codes_is_reported(body):
    with pytest.raises(UnexpectedReply, match="holds no code") as caught:
        parse_device_code(reply(200, body))
    assert "the-device-code" not in repr(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(400, "invalid_client", "client_id is required"), AppRejected),  # recorded from better-auth 1.6.33
        (refused(400, "invalid_request", "client_id is required"), UnexpectedReply),
        (reply(429), TryLater),
        (reply(503, HTML), TryLater),
        (reply(403, HTML), TryLater),
        (reply(404), UnexpectedReply),
    ],
)
def test_a_refusal_is_named_by_what_to_do_next(answer, error):
    with pytest.raises(TraktAuthError) as caught:
        parse_device_code(answer)
    assert type(caught.value) is error
