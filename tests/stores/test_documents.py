"""What a record looks like outside, and which ones are taken for damaged."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from traktauth.errors import StoreFailed
from traktauth.models import Login, Record, Renewal, Token
from traktauth.stores.documents import login_of, to_document, to_record

LOGIN = Login("trakt", "app", "default")
TOKEN = Token("a", refresh_token="r", expires_in=60, created_at=5, expires_at=7.25, scope="public", generation=3)
RECORD = Record(3, TOKEN, renewable=False, why_not="why", renewal=Renewal(3, 1, 6.5, "here:1"), saved_at=5.5)


@pytest.mark.parametrize(
    "record", [Record(), RECORD, replace(RECORD, renewal=None), Record(generation=4), replace(RECORD, why_not=None)]
)
def test_a_record_comes_back_from_json_as_it_was(record):
    document = json.loads(json.dumps(to_document(LOGIN, record)))
    assert (login_of(document), to_record(document)) == (LOGIN, record)


def test_a_document_has_the_members_that_are_fixed():
    document = to_document(LOGIN, RECORD)
    assert {"format", "generation", "token", "renewable", "why_not", "renewal"} <= document.keys()
    assert document["renewal"].keys() == {"generation", "attempt", "at", "by"}


DAMAGE = [
    ("generation", "3"),
    ("generation", True),
    ("generation", None),
    ("token", "a"),
    ("token", {}),
    ("token.access_token", None),
    ("token.refresh_token", 5),
    ("token.expires_in", "60"),
    ("token.expires_in", 60.5),
    ("token.expires_at", "soon"),
    ("token.expires_at", float("nan")),
    ("token.expires_at", float("inf")),
    ("token.expires_at", 10**400),
    ("token.created_at", "2015"),
    ("token.generation", None),
    ("token.scope", None),
    ("token.more", "of it"),
    ("renewable", "yes"),
    ("why_not", 7),
    ("renewal", []),
    ("renewal.generation", "3"),
    ("renewal.attempt", 1.5),
    ("renewal.at", None),
    ("renewal.by", 1),
    ("saved_at", "yesterday"),
]


@pytest.mark.parametrize(("member", "value"), DAMAGE, ids=[f"{name}={value!r:.12}" for name, value in DAMAGE])
def test_a_record_with_a_member_of_another_kind_is_damaged(member, value):
    document = to_document(LOGIN, RECORD)
    name, _, inner = member.partition(".")
    if inner:
        document[name][inner] = value
    else:
        document[name] = value
    with pytest.raises(StoreFailed, match="damaged; it is left as it is") as caught:
        to_record(document)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("member", ["generation", "token", "renewable", "why_not", "renewal"])
def test_a_record_that_lacks_a_member_is_damaged(member):
    document = to_document(LOGIN, RECORD)
    del document[member]
    with pytest.raises(StoreFailed, match="damaged"):
        to_record(document)


def test_a_record_of_a_later_format_is_named_as_such():
    with pytest.raises(StoreFailed, match="format 2; this version of traktauth reads 1"):
        to_record(to_document(LOGIN, RECORD) | {"format": 2})
