"""A server's description of itself."""

from __future__ import annotations

import json

import pytest

from traktauth.models import find_service
from traktauth.wire.authorization import Metadata, build_metadata_request, parse_metadata
from traktauth.wire.messages import Response


def test_the_metadata_is_requested_at_the_path_of_rfc_8414():
    request = build_metadata_request(find_service("http://127.0.0.1:8712"))
    assert (request.method, request.body) == ("GET", b"")
    assert request.url == "http://127.0.0.1:8712/.well-known/oauth-authorization-server"
    assert set(request.headers) == {"Accept", "User-Agent"}


def test_the_issuer_and_whether_answers_name_it_are_read():
    body = {"issuer": "https://id.example", "authorization_response_iss_parameter_supported": True, "more": []}
    assert parse_metadata(Response(200, {}, json.dumps(body).encode())) == Metadata(
        "https://id.example", names_issuer=True
    )


@pytest.mark.parametrize(
    "reply",
    [
        Response(404, {}, b'{"issuer": "https://id.example"}'),
        Response(500, {}, b""),
        Response(302, {"location": "/"}, b""),
        Response(200, {}, b"<html>"),
        Response(200, {}, b'{"issuer": 5, "authorization_response_iss_parameter_supported": "yes"}'),
        Response(200, {}, b"[]"),
    ],
)
def test_a_server_without_a_description_says_nothing(reply):
    assert parse_metadata(reply) == Metadata(None, names_issuer=False)
