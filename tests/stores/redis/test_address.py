"""The address of a Redis: a database is a number."""

from __future__ import annotations

import pytest

from traktauth.stores.open import open_store


@pytest.mark.parametrize(
    "address", ["redis://h/logins", "redis://h/1/2", "redis://h/-1", "rediss://h/1x", "redis://h/%31/a"]
)
def test_a_database_that_is_not_a_number_is_refused_with_the_form_of_an_address(address):
    with pytest.raises(ValueError, match="numbers, so its address ends in one: redis://HOST:PORT/0"):
        open_store(address)


def test_an_unknown_setting_is_refused_without_the_password():
    with pytest.raises(ValueError, match="not that of a Redis") as caught:
        open_store("redis://:sesame-canary@h/0?bogus=x")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "database"), [("redis://h", None), ("redis://h/", None), ("redis://h/7", 7), ("unix:///r.sock?db=7", 7)]
)
def test_a_database_is_named_by_its_number(opened, url, database):
    assert opened(url).identity[4] == database
