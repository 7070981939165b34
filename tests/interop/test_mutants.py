"""The replay notices a server whose rules are broken: each mutant here makes a case fail, and only what it should."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interop.replay.apps import seed
from interop.replay.cases import cases_of
from interop.replay.deviations import reason_to_skip
from interop.replay.judge import tried
from interop.replay.server import Server
from traktauth.server import profiles
from traktauth.server.attempt import Check, Procedure
from traktauth.server.checks.codes import look_up, spent_by_this
from traktauth.server.embedded import Embedded
from traktauth.server.revocation import together
from traktauth.server.rotation.family import Family
from traktauth.server.settings import Settings


def with_checks(profile, path, grant, change):
    """Put a changed list of checks into a profile: those of a grant, or of an address that has none."""

    def changed(procedure):
        return Procedure(tuple(change(procedure.checks)), procedure.deed)

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


def after_all(spends, looks):
    """Look the code up where it was spent, and spend it at last."""

    def change(checks):
        at = next(place for place, check in enumerate(checks) if check.holds is spends)
        return [*checks[:at], checks[at]._replace(holds=looks), *checks[at + 1 :], checks[at]]

    return change


def before_the_app_is_proven(checks):
    at = next(place for place, check in enumerate(checks) if check.error == "invalid_client")
    return [*checks[:at], checks[-1], *checks[at:-1]]


NATIVE = "/api/auth/oauth2/token"
CODE, REFRESH = "authorization_code", "refresh_token"
# What is broken; a case that must notice; one that must not.
MUTANTS = {
    "another sentence": (
        "current",
        lambda profile: with_checks(profile, "/oauth/token", CODE, saying("invalid code", "Invalid code")),
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
        lambda profile: with_checks(profile, NATIVE, CODE, after_all(spent_by_this, look_up)),
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
        lambda profile: replace(profile, lives=profile.lives._replace(code=60)),
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
        running.append(Embedded(settings).__enter__())
        return Server(running[-1].url, name, local=True)

    yield serve
    for one in running:
        one.__exit__(None, None, None)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_rule_makes_its_case_fail_and_no_other(mutant, name):
    profile, change, noticed, unharmed = MUTANTS[name]
    server = mutant(profile, change)
    assert tried(server, CASES[noticed]) != []
    assert list(map(str, tried(server, CASES[unharmed]))) == []


def test_a_family_that_survives_a_replay_is_noticed(mutant, monkeypatch):
    monkeypatch.setattr(Family, "replay", lambda *_, **__: None)
    assert tried(mutant("current", lambda profile: profile), CASES["shim.refresh.replay_rotated"]) != []


def test_a_token_that_survives_its_revocation_is_noticed(mutant, monkeypatch):
    monkeypatch.setattr(together, "pair_named", lambda _: None)
    assert tried(mutant("classic", lambda profile: profile), CASES["further.revoke_hint_access"]) != []


def test_a_refresh_that_always_fails_is_noticed_by_many(mutant):
    never = Check(lambda _: False, 400, "invalid_request", "no")
    server = mutant(
        "current", lambda known: with_checks(known, "/oauth/token", REFRESH, lambda checks: (never, *checks))
    )
    shim = [case for name, case in CASES.items() if name.startswith("shim.refresh.") and not reason_to_skip(case)]
    assert len([case.name for case in shim if tried(server, case)]) > 30
