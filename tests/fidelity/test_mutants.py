"""The replay notices a server whose rules are broken: each mutant here makes a case fail, and only what it should."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fidelity.replay.cases import cases_of
from fidelity.replay.deviations import reason_to_skip
from fidelity.replay.runner import try_case
from fidelity.replay.seed_file import seed
from fidelity.replay.server import Server
from traktauth.server.engines import profiles
from traktauth.server.engines.doorkeeper import revocation
from traktauth.server.oauth.checks import load_code, spend_code
from traktauth.server.oauth.request import Procedure, require
from traktauth.server.oauth.rotation import RevokeFamily
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.settings import Settings

pytestmark = pytest.mark.slow


def with_checks(profile, path, grant, change):
    """Put a changed list of checks into a profile: those of a grant, or of an address that has none."""

    def changed(procedure):
        return Procedure(tuple(change(procedure.checks)), procedure.handler, procedure.statuses)

    def broken(endpoint):
        if endpoint.path != path:
            return endpoint
        if not grant:
            return replace(endpoint, procedure=changed(endpoint.procedure))
        return replace(endpoint, grants={**endpoint.grants, grant: changed(endpoint.grants[grant])})

    return replace(profile, endpoints=tuple(map(broken, profile.endpoints)))


def without(sentence):
    return lambda checks: [check for check in checks if check.description != sentence]


def saying(sentence, other):
    return lambda checks: [
        check._replace(description=other) if check.description == sentence else check for check in checks
    ]


def at_end(sentence):
    def change(checks):
        moved = [check for check in checks if check.description == sentence]
        return [check for check in checks if check.description != sentence] + moved

    return change


def spent_last(checks):
    """Spend the code once everything else has been checked."""
    spends = [check for check in checks if check.run is spend_code]
    return [check for check in checks if check not in spends] + spends


def before_the_app_is_proven(checks):
    """Load and spend the code before the client is authenticated."""
    first = [check for check in checks if check.run in (load_code, spend_code)]
    rest = [check for check in checks if check not in first]
    at = next(place for place, check in enumerate(rest) if check.error == "invalid_client")
    return [*rest[:at], *first, *rest[at:]]


NATIVE = "/api/auth/oauth2/token"
CODE, REFRESH = "authorization_code", "refresh_token"
# What is broken; a case that must notice; one that must not.
MUTANTS = {
    "another sentence": (
        "current",
        lambda profile: with_checks(profile, "/oauth/token", CODE, saying("invalid code", "ValidationError code")),
        "shim.code.wrong",
        "native.code.reused",
    ),
    "a rule left out": (
        "current",
        lambda profile: with_checks(profile, NATIVE, CODE, without("redirect_uri mismatch")),
        "native.code.wrong_redirect_uri",
        "native.code.wrong_secret",
    ),
    "the code is spent last": (
        "current",
        lambda profile: with_checks(profile, NATIVE, CODE, spent_last),
        "native.code.wrong_secret",
        "native.code.missing_code",
    ),
    "the app proves itself before a replay is seen": (
        "current",
        lambda profile: with_checks(profile, NATIVE, REFRESH, at_end("invalid refresh token")),
        "native.refresh.replay_rotated_without_secret",
        "native.refresh.happy",
    ),
    "a used token is only refused": (
        "current",
        lambda profile: replace(profile, rotation="once"),
        "shim.refresh.replay_rotated",
        "shim.refresh.happy",
    ),
    "the old access token dies": (
        "current",
        lambda profile: replace(profile, access_outlives=False),
        "native.refresh.happy",
        "native.refresh.expired",
    ),
    "codes live a minute": (
        "current",
        lambda profile: replace(profile, lifetimes=profile.lifetimes._replace(code=60)),
        "shim.code.just_in_time",
        "shim.code.just_too_late",
    ),
    "polls may come faster": (
        "current",
        lambda profile: replace(profile, interval=3),
        "native.device.token.slow_down_clock",
        "native.device.token.already_used",
    ),
    "the issuer is not named": (
        "current",
        lambda profile: replace(profile, authorize=replace(profile.authorize, names_issuer=False)),
        "native.authorize.happy_state_iss",
        "native.authorize.bad_redirect",
    ),
    "a used token dies at once": (
        "classic",
        lambda profile: replace(profile, rotation="once"),
        "refresh_then_old_access_token_used[prev]",
        "refresh_happy_form",
    ),
    "a used token kills its family": (
        "classic",
        lambda profile: replace(profile, rotation="family"),
        "refresh_new_refresh_token_after_reuse[prev]",
        "refresh_happy_form",
    ),
    "a wrong secret spends the code": (
        "classic",
        lambda profile: with_checks(profile, "/oauth/token", CODE, before_the_app_is_proven),
        "further.code_wrong_secret",
        "code_exchange_wrong_code",
    ),
    "anyone revokes": (
        "classic",
        lambda profile: with_checks(profile, "/oauth/revoke", "", lambda checks: checks[:0]),
        "further.revoke_unknown_token_no_client",
        "further.revoke_GET",
    ),
}


CASES = {case.name: case for profile in ("current", "classic") for case in cases_of(profile)}


@pytest.fixture
def mutant(monkeypatch):
    """Serve a profile with something broken in it."""
    running = []

    def serve(name, change):
        monkeypatch.setitem(profiles.PROFILES, name, change(profiles.PROFILES[name]))
        settings = Settings(port=0, profile=name, database="memory:", control=True, seed=seed(), access_life=7 * 86_400)
        running.append(EmbeddedServer(settings).__enter__())
        return Server(running[-1].url, name, local=True)

    yield serve
    for one in running:
        one.__exit__(None, None, None)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_rule_makes_its_case_fail_and_no_other(mutant, name):
    profile, change, noticed, unharmed = MUTANTS[name]
    server = mutant(profile, change)
    assert try_case(server, CASES[noticed]) != []
    assert list(map(str, try_case(server, CASES[unharmed]))) == []


def test_a_family_that_survives_a_replay_is_noticed(mutant, monkeypatch):
    monkeypatch.setattr(RevokeFamily, "on_reuse", lambda *_, **__: None)
    assert try_case(mutant("current", lambda profile: profile), CASES["shim.refresh.replay_rotated"]) != []


def test_a_token_that_survives_its_revocation_is_noticed(mutant, monkeypatch):
    monkeypatch.setattr(revocation, "find_pair", lambda _: None)
    assert try_case(mutant("classic", lambda profile: profile), CASES["further.revoke_hint_access"]) != []


def test_a_refresh_that_always_fails_is_noticed_by_many(mutant):
    never = require(lambda _: False, 400, "invalid_request", "no")
    server = mutant(
        "current", lambda known: with_checks(known, "/oauth/token", REFRESH, lambda checks: (never, *checks))
    )
    shim = [case for name, case in CASES.items() if name.startswith("shim.refresh.") and not reason_to_skip(case)]
    assert len([case.name for case in shim if try_case(server, case)]) > 30
