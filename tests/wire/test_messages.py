"""A reply's body as a document, whatever came."""

from __future__ import annotations

import pytest

from traktauth.wire.messages import Response

DEEP = 100_000


def document(body, **headers):
    return Response(200, headers, body).document()


@pytest.mark.parametrize("media_type", ["application/json", "text/plain;charset=UTF-8", "text/html", ""])
def test_a_json_object_is_read_whatever_its_media_type(media_type):
    assert document(b'{"a": 1}', **{"content-type": media_type}) == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<!DOCTYPE html><html><body>Just a moment...</body></html>", id="HTML"),
        pytest.param(b'{"access_token": "abc', id="truncated"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[1, 2]", id="array"),
        pytest.param(b'"text"', id="string"),
        pytest.param(b"12", id="number"),
        pytest.param(b"\xff\xfe\x00", id="no UTF-8"),
        pytest.param(b"\x00" * 64, id="zero bytes"),
        pytest.param(b"[" * DEEP + b"]" * DEEP, id="deep array"),
        pytest.param(b'{"a":' * DEEP + b"1" + b"}" * DEEP, id="deep object"),
        pytest.param(b'{"a":' * DEEP, id="deep and truncated"),
        pytest.param(b"x" * 10_000_000, id="10 MB of no JSON"),
    ],
)
def test_anything_else_is_an_empty_document(body):
    assert document(body) == {}


def test_ten_megabytes_of_json_are_read():
    assert document(b'{"access_token": "abc", "more": "' + b"x" * 10_000_000 + b'"}')["access_token"] == "abc"


def test_a_reply_shows_neither_body_nor_header_fields():
    shown = repr(Response(200, {"set-cookie": "the-secret"}, b"the-secret"))
    assert "the-secret" not in shown
    assert "200" in shown
