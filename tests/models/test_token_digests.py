"""What a login is recognized by: which digests are kept, for how long, and for which user."""

from __future__ import annotations

from dataclasses import replace

import pytest

from traktauth.models import App, Record, Token, User
from traktauth.models.changes import AddPlaceholder, DeleteToken, DropPlaceholder, SaveToken, SetMoved, SetUser
from traktauth.models.token_digests import NO_DIGESTS, digest

APP = App("a" * 64, client_secret="s" * 64)
SEAN, JUSTIN = User("sean", "uuid-sean"), User("justin", "uuid-justin")


def token(generation):
    return Token(f"access-{generation}", f"refresh-{generation}", expires_in=60, expires_at=60.0, generation=generation)


def apply(record, *changes):
    for change in changes:
        record = change.apply(record)
        assert record is not None, change
    return record


@pytest.fixture
def record():
    """A login of sean that a program has a placeholder of."""
    signed_in = SaveToken(token(1), 0, 1.0, is_sign_in=True)
    return apply(Record(), signed_in, SetUser(1, SEAN), AddPlaceholder("placeholder", APP))


def test_the_last_access_tokens_and_the_first_refresh_token_are_kept():
    digests = NO_DIGESTS
    for generation in range(100):
        digests = digests.with_token(token(generation))
    assert digests.access_tokens == tuple(digest(f"access-{number}") for number in range(92, 100))
    assert digests.refresh_tokens == tuple(digest(f"refresh-{number}") for number in (0, *range(69, 100)))


def test_the_oldest_of_65_placeholders_goes():
    digests = NO_DIGESTS
    for number in range(65):
        digests = digests.with_placeholder(str(number))
    assert digests.placeholders == tuple(map(str, range(1, 65)))
    assert digests.with_placeholder("1").placeholders[-1] == "1"


def test_a_digest_does_not_contain_the_secret():
    assert "access" not in digest("access-1")
    assert len(digest("access-1")) == 22


def test_digests_and_app_outlive_a_refresh(record):
    refreshed = apply(record, SaveToken(token(2), 1, 2.0))
    assert refreshed.digests.placeholders == ("placeholder",)
    assert refreshed.digests.refresh_tokens == (digest("refresh-1"), digest("refresh-2"))
    assert refreshed.app == APP


def test_a_new_sign_in_of_the_same_user_keeps_placeholders(record):
    again = apply(record, SaveToken(token(2), 1, 2.0, is_sign_in=True))
    assert again.has_foreign_digests
    assert again.app is None
    assert AddPlaceholder("another", APP).apply(again) is None
    known = apply(again, SetUser(2, replace(SEAN, username="renamed")))
    assert known.digests.placeholders == ("placeholder",)
    assert not known.has_foreign_digests


@pytest.mark.parametrize("user", [JUSTIN, User("sean", None)])
def test_a_sign_in_of_another_user_drops_them(record, user):
    other = apply(record, SaveToken(token(2), 1, 2.0, is_sign_in=True), SetUser(2, user))
    assert other.digests == replace(NO_DIGESTS, user=user.uuid).with_token(token(2))


def test_a_sign_in_drops_those_of_a_login_whose_user_is_not_known():
    first = apply(Record(), SaveToken(token(1), 0, 1.0, is_sign_in=True), AddPlaceholder("placeholder", APP))
    assert apply(first, SaveToken(token(2), 1, 2.0, is_sign_in=True)).digests == NO_DIGESTS.with_token(token(2))


@pytest.mark.parametrize("change", [DeleteToken(1), SetMoved(1, "file:elsewhere")])
def test_digests_outlive_the_end_of_the_login_and_the_apps_secret_does_not(record, change):
    ended = apply(record, change)
    assert ended.digests == record.digests
    assert ended.app is None
    assert AddPlaceholder("another", APP).apply(ended) is None


def test_a_placeholder_is_forgotten_once(record):
    dropped = apply(record, DropPlaceholder("placeholder"))
    assert dropped.digests.placeholders == ()
    assert DropPlaceholder("placeholder").apply(dropped) is None
