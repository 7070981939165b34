"""The replay notices a server whose rules are broken: each mutant here makes a case fail, and only what it should."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fidelity.replay.cases import cases_of
from fidelity.replay.deviations import reason_to_skip
from fidelity.replay.runner import try_case
from fidelity.replay.seed_file import seed
from fidelity.replay.server import Server
from traktauth.server.app import PROFILES
from traktauth.server.oauth.request import Procedure, require
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


NATIVE = "/api/auth/oauth2/token"
CODE, REFRESH = "authorization_code", "refresh_token"
# What is broken; a case that must notice; one that must not.
MUTANTS = {
    "a rule left out": (
        "current",
        lambda profile: with_checks(profile, NATIVE, CODE, without("redirect_uri mismatch")),
        "native.code.wrong_redirect_uri",
        "native.code.wrong_secret",
    ),
    "a used token is only refused": (
        "current",
        lambda profile: replace(profile, rotation="once"),
        "shim.refresh.replay_rotated",
        "shim.refresh.happy",
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
        monkeypatch.setitem(PROFILES, name, change(PROFILES[name]))
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


def test_a_refresh_that_always_fails_is_noticed_by_many(mutant):
    never = require(lambda _: False, 400, "invalid_request", "no")
    server = mutant(
        "current", lambda known: with_checks(known, "/oauth/token", REFRESH, lambda checks: (never, *checks))
    )
    shim = [case for name, case in CASES.items() if name.startswith("shim.refresh.") and not reason_to_skip(case)]
    assert len([case.name for case in shim if try_case(server, case)]) > 30
