"""Settings of a PostgreSQL that may lose logins."""

from __future__ import annotations

import pytest

from traktauth.stores.postgres.schema import find_warnings


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (("on", "on", False, "off", "on"), []),
        (("on", "on", False, "off", "local"), []),
        (("off", "on", False, "off", "on"), ["fsync = on"]),
        (("on", "off", True, "on", "on"), ["full_page_writes = on", "standby"]),
        (("on", "on", False, "on", "off"), ["synchronous_commit = on", "default_transaction_read_only"]),
    ],
)
def test_settings_that_may_lose_logins_are_reported(answer, words):
    found = find_warnings(answer)
    assert len(found) == len(words)
    assert all(word in problem for word, problem in zip(words, found, strict=True))
