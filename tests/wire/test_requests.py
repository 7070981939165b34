"""The POST operations, pinned to the commissioned document: method, host, path, header fields, members."""

from __future__ import annotations

import json

import pytest

from traktauth.models import App, find_service
from traktauth.wire.device_endpoint import build_device_code_request, build_poll_request
from traktauth.wire.token_endpoint import build_code_request, build_refresh_request, build_revocation_request

ORIGINS = {
    "trakt": "https://api.trakt.tv",
    "auth.trakt.tv": "https://auth.trakt.tv",
    "staging": "https://api-staging.trakt.tv",
    "http://127.0.0.1:8712": "http://127.0.0.1:8712",
    "https://trakt.example/base/": "https://trakt.example/base",
}
APP = {"client_id": "the-app", "client_secret": "the-secret"}
REDIRECT = "http://127.0.0.1:9876/callback"
PUBLIC = {"client_id": "the-app", "client_secret": None}


def code(service, app, **more):
    return build_code_request(service, App(**app), "the-code", redirect_uri=REDIRECT, **more)


def refresh(service, app):
    return build_refresh_request(service, App(**app, redirect_uri=REDIRECT), "the-refresh-token")


def revocation(service, app):
    return build_revocation_request(service, App(**app), "the-token")


def device(service, app, **more):
    return build_device_code_request(service, App(**app), **more)


def poll(service, app, **more):
    return build_poll_request(service, App(**app), "the-device-code", **more)


OPERATIONS = {
    code: (
        "/oauth/token",
        {"code": "the-code", **APP, "redirect_uri": REDIRECT, "grant_type": "authorization_code"},
    ),
    refresh: (
        "/oauth/token",
        {"refresh_token": "the-refresh-token", **APP, "redirect_uri": REDIRECT, "grant_type": "refresh_token"},
    ),
    revocation: ("/oauth/revoke", {"token": "the-token", **APP}),
    device: ("/oauth/device/code", {"client_id": "the-app"}),
    poll: ("/oauth/device/token", {"code": "the-device-code", **APP}),
}
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)


@each_operation
@pytest.mark.parametrize("service", ORIGINS)
def test_every_operation_posts_to_its_path_on_the_services_token_host(operation, service):
    request = operation(find_service(service), APP)
    assert (request.method, request.url) == ("POST", ORIGINS[service] + OPERATIONS[operation][0])


@each_operation
def test_every_operation_sends_json_and_says_who_asks(operation):
    headers = dict(operation(find_service("trakt"), APP).headers)
    assert headers.pop("User-Agent").startswith("traktauth/")
    assert headers == {"Content-Type": "application/json", "Accept": "application/json"}


@each_operation
def test_every_operation_sends_the_documents_members_and_nothing_more(operation):
    assert json.loads(operation(find_service("trakt"), APP).body) == OPERATIONS[operation][1]


@each_operation
def test_a_public_app_leaves_the_secret_out(operation):
    members = {name: value for name, value in OPERATIONS[operation][1].items() if name != "client_secret"}
    assert json.loads(operation(find_service("trakt"), PUBLIC).body) == members


@each_operation
def test_a_request_shows_nothing_of_what_it_carries(operation):
    shown = repr(operation(find_service("trakt"), APP))
    assert not [secret for secret in ("the-code", "the-secret", "the-refresh", "the-token") if secret in shown]


@pytest.mark.parametrize("operation", [code, poll])
def test_a_verifier_is_sent_if_a_challenge_was_sent(operation):
    body = json.loads(operation(find_service("trakt"), PUBLIC, code_verifier="the-verifier").body)
    assert body["code_verifier"] == "the-verifier"
    assert "client_secret" not in body


def test_a_device_code_is_asked_for_with_an_s256_challenge_if_one_is_passed():
    body = json.loads(device(find_service("trakt"), APP, code_challenge="the-challenge").body)
    assert body == {"client_id": "the-app", "code_challenge": "the-challenge", "code_challenge_method": "S256"}


def test_a_body_is_ascii_json():
    request = build_revocation_request(find_service("trakt"), App(**APP), 'é"\\\n')
    assert request.body.isascii()
    assert json.loads(request.body)["token"] == 'é"\\\n'
