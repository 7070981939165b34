"""Points of the security checklist (`docs/security.md`) that no other test shows."""

from __future__ import annotations

import hmac
import json
import math
import re
import urllib.parse
from collections import Counter

import pytest

from fidelity.replay.cases import parse_case
from fidelity.replay.http import Request, in_form, in_json
from fidelity.replay.seed_file import APPS
from fidelity.replay.server import AUTHORIZE
from fidelity.replay.session import NATIVE, Session, verifier_and_challenge
from traktauth.server import tokens
from traktauth.server.app import PROFILES
from traktauth.server.oauth import checks

PROFILE = pytest.mark.parametrize("profile", ["current", "classic"])


@pytest.fixture
def session(trakt):
    """Talk to a local Trakt of a profile: `session("classic")`."""

    def begin(profile):
        message = {"name": "a conversation", "server": "", "via": "shim", "request": {}, "response": {}}
        return Session(trakt(profile), parse_case(profile, message, is_extra=False))

    return begin


def app_of(session):
    return APPS[session.app]


def ended(session, **changes):
    """Where a signed-in person's browser ends."""
    return session.server.authorize(app_of(session), session.username, **changes)


# ---------------------------------------------------------------- authorization endpoint
@PROFILE
def test_parameters_without_a_value_and_unknown_ones_change_nothing(session, profile):
    session = session(profile)
    end = ended(
        session, scope="" if profile == "classic" else None, login_hint="x", ui_locales="de", audience="unknown"
    )
    assert end["code"]
    assert session.exchange({"code": end["code"], "code_verifier": None}).status == 200


@PROFILE
def test_no_parameter_makes_it_redirect_to_another_host(session, profile):
    server = session(profile).server
    for name in ("next", "return_to", "redirect", "redirect_uri", "continue", "url"):
        for path in ("/sign-in", "/sign-up", "/activate", "/consent", AUTHORIZE["shim"], "/"):
            query = urllib.parse.urlencode({name: "https://evil.example/"})
            location = server.send(Request("GET", f"{path}?{query}")).headers.get("location", "/")
            assert urllib.parse.urlsplit(location).hostname in (None, "127.0.0.1")


# ---------------------------------------------------------------- token endpoint
@PROFILE
def test_credentials_in_the_query_are_not_read(session, profile):
    session = session(profile)
    login = session.login()
    for path in ["/oauth/token", *([f"{NATIVE}/token"] if profile == "current" else [])]:
        message = {"grant_type": "refresh_token", "refresh_token": login.refresh, **app_of(session).credentials}
        answer = session.server.send(in_form(f"{path}?{urllib.parse.urlencode(message)}"))
        assert answer.status == 400
    assert session.refresh(login.refresh).status == 200


@PROFILE
def test_tokens_are_kept_by_no_cache(session, profile):
    session = session(profile)
    login = session.login()
    for via in ("shim", *(("native",) if profile == "current" else ())):
        answer = session.token(via=via, grant_type="refresh_token", refresh_token=login.refresh)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"
        login = login._replace(refresh=answer.members["refresh_token"])


def sentences():
    """Every sentence that a profile's checks answer with."""
    for profile in PROFILES.values():
        for endpoint in profile.endpoints:
            for procedure in (endpoint.procedure, *endpoint.grants.values()):
                yield from (check.description for check in (procedure.checks if procedure else ()))
        yield from (check.description for check in profile.authorize.checks)


def test_sentences_are_ascii_without_quotes_or_backslashes():
    reported = list(sentences())
    assert len(reported) > 60
    assert [sentence for sentence in reported if not re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", sentence)] == []


def test_secrets_are_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append(one) or one == other)
    app = type("App", (), {"secret": "right"})
    assert checks.is_secret_of(app, "right")
    assert not checks.is_secret_of(app, "wrong")
    assert len(compared) == 2


def test_tokens_cannot_be_guessed():
    secrets = [tokens.generate_token() for _ in range(2000)]
    counts = Counter("".join(secrets))
    total = sum(counts.values())
    entropy = -sum(n / total * math.log2(n / total) for n in counts.values())
    assert entropy * min(map(len, secrets)) >= 128
    assert len(set(secrets)) == len(secrets)


# ---------------------------------------------------------------- refresh and revocation
@PROFILE
def test_a_device_code_is_bound_to_its_app(session, profile):
    session = session(profile)
    values, other = session.device(), "consent" if profile == "current" else "B"
    session.answer_device(values)
    assert session.poll(values, other).status == 404
    assert session.poll(values).status == 200


# ---------------------------------------------------------------- metadata, transport
@PROFILE
@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_metadata_lists_what_is_there_and_nothing_empty(session, profile, name):
    server = session(profile).server
    answer = server.send(Request("GET", f"/.well-known/{name}"))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    reported = answer.members
    assert reported["issuer"] == server.base
    assert reported["response_types_supported"] == ["code"]
    assert [member for member, value in reported.items() if value in ([], "", None)] == []
    for member, address in reported.items():
        if member.endswith(("_endpoint", "jwks_uri")):
            path = address.removeprefix(server.base)
            answers = {server.send(Request(method, path)).status for method in ("GET", "POST")}
            assert answers != {404}, member


@PROFILE
def test_every_grant_that_metadata_lists_is_known(session, profile):
    server = session(profile).server
    reported = server.send(Request("GET", "/.well-known/oauth-authorization-server")).members
    for grant in reported["grant_types_supported"]:
        answer = server.send(in_form(reported["token_endpoint"].removeprefix(server.base), grant_type=grant))
        assert "Invalid option" not in answer.body
        assert answer.members.get("error") != "unsupported_grant_type"


@PROFILE
def test_no_answer_lets_another_origin_read_it(session, profile):
    session = session(profile)
    paths = ["/oauth/authorize", "/sign-in", "/consent", "/users/settings", "/activate"]
    requests = [Request("GET", path, {"origin": "https://evil.example"}) for path in paths]
    preflight = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    requests += [Request("OPTIONS", path, preflight) for path in ("/oauth/token", "/oauth/authorize", "/oauth/revoke")]
    for request in requests:
        headers = session.server.send(request).headers
        assert not [name for name in headers if name.startswith("access-control-")]


@PROFILE
def test_no_token_or_secret_stands_in_an_error(session, profile):
    session = session(profile)
    message = {"grant_type": "refresh_token", "refresh_token": "tell-unknown-1", "client_secret": "tell-unknown-2"}
    for path in ("/oauth/token", "/oauth/revoke"):
        for request in (
            in_json(path, **message, token="tell-unknown-3"),
            in_form(path, **message, token="tell-unknown-3"),
        ):
            answer = session.server.send(request)
            assert "tell-unknown" not in answer.body + json.dumps(dict(answer.headers))


@PROFILE
def test_no_address_holds_a_token(session, profile):
    for mode in ("query", "fragment"):
        end = ended(session(profile), response_mode=mode, response_type="code", **_challenge())
        assert "token" not in (end.get("location") or "")
    for response_type in ("token", "id_token", "code token"):
        assert not ended(session(profile), response_type=response_type).get("code")


def _challenge():
    made = verifier_and_challenge()
    return {"code_challenge": made["code_challenge"], "code_challenge_method": "S256"}
