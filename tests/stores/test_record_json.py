"""What a record looks like outside, and which ones are taken for damaged."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from traktauth.errors import StoreFailed
from traktauth.models import App, LoginKey, PendingRefresh, Probe, Record, Sender, Token
from traktauth.models.token_digests import TokenDigests
from traktauth.stores.record_json import login_of, to_document, to_record

LOGIN = LoginKey("trakt", "app", "default")
TOKEN = Token("a", refresh_token="r", expires_in=60, created_at=5, expires_at=7.25, scope="public", generation=3)
RECORD = Record(
    3,
    TOKEN,
    refreshable=False,
    not_refreshable_reason="why",
    pending_refresh=PendingRefresh(3, 1, 6.5, Sender("here", 1)),
    saved_at=5.5,
)


@pytest.mark.parametrize(
    "record",
    [
        Record(),
        RECORD,
        replace(RECORD, pending_refresh=None),
        Record(generation=4),
        replace(RECORD, not_refreshable_reason=None),
        replace(RECORD, login_required_reason="reply-lost"),
    ],
)
def test_a_record_comes_back_from_json_as_it_was(record):
    document = json.loads(json.dumps(to_document(LOGIN, record)))
    assert (login_of(document), to_record(document)) == (LOGIN, record)


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
    ("refreshable", "yes"),
    ("not_refreshable_reason", 7),
    ("pending_refresh", []),
    ("pending_refresh.generation", "3"),
    ("pending_refresh.sending", 1.5),
    ("pending_refresh.started_at", None),
    ("pending_refresh.sender", "here:1"),
    ("pending_refresh.sender", {"host": "here"}),
    ("pending_refresh.sender", {"host": "here", "pid": "1"}),
    ("pending_refresh.moving_to", 1),
    ("pending_refresh.unconfirmed", None),
    ("moved_to", 7),
    ("history", None),
    ("history", [{"generation": 1}]),
    ("history", [{"generation": 1, "fingerprint": "a", "saved_at": 1.0, "outcome": "vanished"}]),
    ("rejected_at", "yesterday"),
    ("replaced_rejected_at", "yesterday"),
    ("saved_at", "yesterday"),
    ("login_required_reason", 7),
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


@pytest.mark.parametrize("member", ["generation", "token", "refreshable", "not_refreshable_reason", "pending_refresh"])
def test_a_record_that_lacks_a_member_is_damaged(member):
    document = to_document(LOGIN, RECORD)
    del document[member]
    with pytest.raises(StoreFailed, match="damaged"):
        to_record(document)


PROBE = Probe(5.5, "failed", 20.0, failures=2, reason="it answered 503")


def test_a_probe_comes_back_from_json_as_it_was():
    document = json.loads(json.dumps(to_document(LOGIN, Record(probe=PROBE))))
    assert to_record(document).probe == PROBE
    assert "probe" not in to_document(LOGIN, RECORD)


@pytest.mark.parametrize("damage", [{"at": "now"}, {"wait": None}, {"wait": float("nan")}, {"failures": "2"}])
def test_a_damaged_probe_is_ignored_and_the_next_one_is_made(damage):
    document = to_document(LOGIN, Record(probe=PROBE))
    document["probe"].update(damage)
    assert to_record(document).probe is None
    assert to_record(document | {"probe": [1]}).probe is None


def test_digests_and_app_come_back_from_json_as_they_were():
    digests = TokenDigests(("p",), ("a", "b"), ("r",), user="uuid")
    app = App(LOGIN.client_id, client_secret="s" * 64, redirect_uri="https://app.example/callback")
    document = json.loads(json.dumps(to_document(LOGIN, replace(RECORD, digests=digests, app=app))))
    assert to_record(document).digests == digests
    assert to_record(document).app == app


@pytest.mark.parametrize(
    "damage", [{"digests": None}, {"digests": {"placeholders": [1]}}, {"app": {"client_secret": 1}}]
)
def test_damaged_digests_damage_the_record(damage):
    with pytest.raises(StoreFailed, match="damaged"):
        to_record(to_document(LOGIN, RECORD) | damage)
