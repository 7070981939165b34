"""How long a response asks to wait (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import pytest

from traktauth.wire.error_responses import parse_retry_after
from wire.responses import reply

NOW = "Fri, 27 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Fri, 27 Nov 2026 12:02:00 GMT", "date": NOW}, 120.0),
        ({"retry-after": "Fri, 27 Nov 2026 11:00:00 GMT", "date": NOW}, 0.0),
        ({"retry-after": "Fri, 27 Nov 2026 12:02:00 GMT"}, None),
        ({"retry-after": "Fri, 27 Nov 2026 12:02:00", "date": NOW}, None),
        ({"retry-after": "soon", "date": NOW}, None),
        ({"retry-after": "soon", "x-retry-after": "9"}, 9.0),
        ({}, None),
    ],
)
def test_seconds_and_dates_are_read(headers, seconds):
    assert parse_retry_after(reply(429, **headers)) == seconds
