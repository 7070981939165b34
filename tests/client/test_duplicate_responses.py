"""A token answers one refresh: what is not a refresh binds nothing, and what is remembered is bounded."""

from __future__ import annotations

import json

from traktauth.client import duplicate_responses
from traktauth.client.duplicate_responses import bind
from traktauth.flow.effects import NoResponse
from traktauth.wire.messages import Request, Response


def refresh(token):
    return Request("POST", "http://x/oauth/token", {}, json.dumps({"refresh_token": token}).encode())


def reply(document):
    return Response(200, {}, json.dumps(document).encode())


def test_a_token_of_another_refresh_is_refused():
    first, second = refresh("one"), refresh("two")
    granted = reply({"access_token": "bound-once"})
    assert bind(first, granted) is granted
    assert bind(first, granted) is granted
    refused = bind(second, granted)
    assert isinstance(refused, NoResponse)
    assert refused.sent


def test_what_brings_no_token_is_passed_on():
    nothing = reply({"error": "invalid_grant"})
    assert bind(refresh("three"), nothing) is nothing
    number = reply({"access_token": 5})
    assert bind(refresh("four"), number) is number


def test_what_is_no_refresh_is_passed_on():
    granted = reply({"access_token": "of-a-code"})
    code = Request("POST", "http://x/oauth/token", {}, b'{"code": "c"}')
    other = Request("POST", "http://x/oauth/token", {}, b'{"code": "d"}')
    assert bind(code, granted) is granted
    assert bind(other, granted) is granted


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(duplicate_responses, "_REMEMBERED", 2)
    monkeypatch.setattr(duplicate_responses, "_received", {})
    for number in range(5):
        bind(refresh(f"r{number}"), reply({"access_token": f"a{number}"}))
    assert len(duplicate_responses._received) == 2
