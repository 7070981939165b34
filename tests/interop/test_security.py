"""Points of the security checklist (`docs/security.md`) that no other test shows."""

from __future__ import annotations

import hmac
import json
import math
import re
import urllib.parse
from collections import Counter

import pytest

from interop.replay.apps import APPS
from interop.replay.cases import case_of
from interop.replay.server import AUTHORIZE
from interop.replay.talk import NATIVE, Talk, verifier_and_challenge
from interop.replay.wire import Request, in_form, in_json
from traktauth.server import strings
from traktauth.server.checks import apps
from traktauth.server.profiles import PROFILES

PROFILE = pytest.mark.parametrize("profile", ["current", "classic"])


@pytest.fixture
def talk(trakt):
    """Talk to a local Trakt of a profile: `talk("classic")`."""

    def begin(profile):
        said = {"name": "a conversation", "server": "", "via": "shim", "request": {}, "response": {}}
        return Talk(trakt(profile), case_of(profile, said))

    return begin


def app_of(talk):
    return APPS[talk.app]


def asked(talk, **changes):
    query = {"response_type": "code", "client_id": app_of(talk).client_id, "redirect_uri": app_of(talk).callback}
    return query | changes


def ended(talk, **changes):
    """Where a signed-in person's browser ends."""
    return talk.server.authorize(app_of(talk), talk.username, **changes)


# ---------------------------------------------------------------- authorization endpoint
@PROFILE
def test_parameters_without_a_value_and_unknown_ones_change_nothing(talk, profile):
    talk = talk(profile)
    end = ended(talk, scope="" if profile == "classic" else None, login_hint="x", ui_locales="de", audience="nobody")
    assert end["code"]
    assert talk.exchange({"code": end["code"], "code_verifier": None}).status == 200


@PROFILE
@pytest.mark.parametrize("state", ["é 漢字 🙂", "a+b c", "100%25&x=1#y", "s" * 2048, '"<script>', "=?/:;,"])
def test_a_state_comes_back_as_it_was_sent(talk, profile, state):
    for decision in ("approve", "deny"):
        end = ended(talk(profile), state=state, decision=decision)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(end["location"]).query)
        assert query["state"] == [state]


@PROFILE
def test_a_form_is_answered_with_303(talk, profile):
    server = talk(profile).server
    page = server.send(Request("GET", "/sign-in"))
    cookie = page.headers["set-cookie"].partition(";")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.body))
    form = in_form("/sign-in", **hidden, username="user", password="correct horse battery")
    answer = server.send(Request("POST", form.path, {**form.headers, "cookie": cookie}, form.body))
    assert answer.status == 303


@PROFILE
def test_no_parameter_makes_it_redirect_to_another_host(talk, profile):
    server = talk(profile).server
    for name in ("next", "return_to", "redirect", "redirect_uri", "continue", "url"):
        for path in ("/sign-in", "/sign-up", "/activate", "/consent", AUTHORIZE["shim"], "/"):
            query = urllib.parse.urlencode({name: "https://evil.example/"})
            location = server.send(Request("GET", f"{path}?{query}")).headers.get("location", "/")
            assert urllib.parse.urlsplit(location).hostname in (None, "127.0.0.1")


@PROFILE
def test_a_verifier_without_a_challenge_is_refused(talk, profile):
    talk = talk(profile)
    talk.via = "native" if profile == "current" else "shim"
    code = talk.code(pkce=False, scope="public")["code"]
    said = {"grant_type": "authorization_code", "code": code, "redirect_uri": app_of(talk).callback}
    assert talk.token(**said, code_verifier="v" * 43).status in (400, 401)


@PROFILE
def test_a_plain_challenge_is_for_classic_alone(talk, profile):
    end = ended(talk(profile), code_challenge="v" * 43, code_challenge_method="plain")
    assert bool(end.get("code")) is (profile == "classic")


# ---------------------------------------------------------------- token endpoint
@PROFILE
def test_credentials_in_the_query_are_not_read(talk, profile):
    talk = talk(profile)
    login = talk.login()
    for path in ["/oauth/token", *([f"{NATIVE}/token"] if profile == "current" else [])]:
        said = {"grant_type": "refresh_token", "refresh_token": login.refresh, **app_of(talk).credentials}
        answer = talk.server.send(in_form(f"{path}?{urllib.parse.urlencode(said)}"))
        assert answer.status == 400
    assert talk.refresh(login.refresh).status == 200


@PROFILE
def test_tokens_are_kept_by_no_cache(talk, profile):
    talk = talk(profile)
    login = talk.login()
    for via in ("shim", *(("native",) if profile == "current" else ())):
        answer = talk.token(via=via, grant_type="refresh_token", refresh_token=login.refresh)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"
        login = login._replace(refresh=answer.members["refresh_token"])


def sentences():
    """Every sentence that a profile's checks answer with."""
    for profile in PROFILES.values():
        for endpoint in profile.endpoints:
            for procedure in (endpoint.procedure, *endpoint.grants.values()):
                yield from (check.description for check in (procedure.checks if procedure else ()))
        yield from (step.description for step in profile.authorize.steps)


def test_sentences_are_ascii_without_quotes_or_backslashes():
    told = list(sentences())
    assert len(told) > 60
    assert [sentence for sentence in told if not re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", sentence)] == []


@PROFILE
def test_the_scope_that_was_granted_is_told(talk, profile):
    talk = talk(profile)
    values = talk.code(scope="public" if profile == "classic" else "public offline_access")
    assert set(talk.exchange(values).members["scope"].split()) >= {"public"}


@pytest.mark.parametrize("hashed", [False, True])
def test_secrets_are_compared_in_constant_time(monkeypatch, hashed):
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append(one) or one == other)
    secret = (
        {"secret": None, "secret_hash": strings.digest("right")} if hashed else {"secret": "right", "secret_hash": None}
    )
    app = type("App", (), secret)
    assert apps.is_secret_of(app, "right")
    assert not apps.is_secret_of(app, "wrong")
    assert len(compared) == 2


def test_what_is_carried_cannot_be_guessed():
    made = [strings.fresh().carried(1) for _ in range(2000)]
    secrets = [one[: strings.RANDOM] for one in made]
    counts = Counter("".join(secrets))
    total = sum(counts.values())
    entropy = -sum(n / total * math.log2(n / total) for n in counts.values())
    assert entropy * min(map(len, secrets)) >= 128
    assert len(set(secrets)) == len(secrets)


# ---------------------------------------------------------------- refresh and revocation
@PROFILE
def test_a_public_apps_refresh_token_is_replaced_each_time(talk, profile):
    talk, app = talk(profile), "public" if profile == "current" else "C"
    login = talk.login(app)
    renewed = talk.renewed(login.refresh, app)
    assert renewed.refresh != login.refresh
    talk.use(renewed.access, app)
    assert talk.refresh(login.refresh, app).status == 400


@PROFILE
def test_a_revocation_holds_from_the_next_request_on(talk, profile):
    talk = talk(profile)
    login = talk.login()
    assert talk.use(login.access) == 200
    assert talk.revoke(login.access).status == 200
    assert talk.use(login.access) == 401


@PROFILE
def test_a_device_code_is_bound_to_its_app(talk, profile):
    talk = talk(profile)
    values, other = talk.device(), "consent" if profile == "current" else "B"
    talk.answer_device(values)
    assert talk.poll(values, other).status == 404
    assert talk.poll(values).status == 200


# ---------------------------------------------------------------- metadata, transport
@PROFILE
@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_metadata_lists_what_is_there_and_nothing_empty(talk, profile, name):
    server = talk(profile).server
    answer = server.send(Request("GET", f"/.well-known/{name}"))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    told = answer.members
    assert told["issuer"] == server.base
    assert told["response_types_supported"] == ["code"]
    assert [member for member, value in told.items() if value in ([], "", None)] == []
    for member, address in told.items():
        if member.endswith(("_endpoint", "jwks_uri")):
            path = address.removeprefix(server.base)
            answers = {server.send(Request(method, path)).status for method in ("GET", "POST")}
            assert answers != {404}, member


@PROFILE
def test_every_grant_that_metadata_lists_is_known(talk, profile):
    server = talk(profile).server
    told = server.send(Request("GET", "/.well-known/oauth-authorization-server")).members
    for grant in told["grant_types_supported"]:
        answer = server.send(in_form(told["token_endpoint"].removeprefix(server.base), grant_type=grant))
        assert "Invalid option" not in answer.body
        assert answer.members.get("error") != "unsupported_grant_type"


@PROFILE
def test_no_answer_lets_another_origin_read_it(talk, profile):
    talk = talk(profile)
    paths = ["/oauth/authorize", "/sign-in", "/consent", "/users/settings", "/activate"]
    requests = [Request("GET", path, {"origin": "https://evil.example"}) for path in paths]
    preflight = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    requests += [Request("OPTIONS", path, preflight) for path in ("/oauth/token", "/oauth/authorize", "/oauth/revoke")]
    for request in requests:
        headers = talk.server.send(request).headers
        assert not [name for name in headers if name.startswith("access-control-")]


@PROFILE
def test_no_token_or_secret_stands_in_an_error(talk, profile):
    talk = talk(profile)
    said = {"grant_type": "refresh_token", "refresh_token": "tell-nobody-1", "client_secret": "tell-nobody-2"}
    for path in ("/oauth/token", "/oauth/revoke"):
        for request in (in_json(path, **said, token="tell-nobody-3"), in_form(path, **said, token="tell-nobody-3")):
            answer = talk.server.send(request)
            assert "tell-nobody" not in answer.body + json.dumps(dict(answer.headers))


@PROFILE
def test_no_address_holds_a_token(talk, profile):
    for mode in ("query", "fragment"):
        end = ended(talk(profile), response_mode=mode, response_type="code", **_challenge())
        assert "token" not in (end.get("location") or "")
    for response_type in ("token", "id_token", "code token"):
        assert not ended(talk(profile), response_type=response_type).get("code")


def _challenge():
    made = verifier_and_challenge()
    return {"code_challenge": made["code_challenge"], "code_challenge_method": "S256"}
