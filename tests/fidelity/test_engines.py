"""What `fidelity/engines/` starts answers as it was recorded."""

from __future__ import annotations

import re

import pytest

from fidelity.fuzz.generator import generate_scenario
from fidelity.fuzz.reduction import reduce_scenario
from fidelity.replay.cases import cases_of
from fidelity.replay.deviations import reason_to_skip
from fidelity.replay.runner import try_case
from fidelity.replay.seed_file import seed
from fidelity.replay.server import Server
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.settings import Settings

pytestmark = pytest.mark.slow

# Some of each kind; fidelity/README.md says how all of them are replayed by hand.
SAMPLE = {
    "current": (
        "*.code.wrong_secret", "native.pkce.wrong_verifier", "*.refresh.happy", "shim.refresh.replay_rotated",
        "native.revoke.refresh_token", "native.introspect.access", "native.authorize.happy_state_iss",
        "native.consent.answer.denied", "native.device.token.slow_down_clock", "shim.device.token.happy",
        "shim.code.just_too_late", "native.discovery*configuration",
    ),
    "classic": (
        "code_exchange_happy_json", "further.code_wrong_secret", "refresh_then_old_access_token_used*",
        "refresh_reused_*", "revoke_form_basic", "introspect_unknown", "authorize_state_echo", "authorize_ui_deny",
        "further.code_just_too_late", "further.refresh_after_a_year",
    ),
}  # fmt: skip


def sample_of(profile):
    patterns = [re.compile(re.escape(pattern).replace(r"\*", ".*")) for pattern in SAMPLE[profile]]
    chosen = [case for case in cases_of(profile) if any(pattern.fullmatch(case.name) for pattern in patterns)]
    return [case for case in chosen if not reason_to_skip(case)]


def differences(servers, profile):
    sample = sample_of(profile)
    assert len(sample) >= len(SAMPLE[profile])
    return {case.name: list(map(str, found)) for case in sample if (found := try_case(servers[case.mode], case))}


def instructed_otherwise(engine, count=15):
    """Run random scenarios on an engine and a local Trakt; return those that end in a difference that is not meant."""
    life = {"access_life": 604_800} if engine.profile == "classic" else {}  # as the recorded Doorkeeper has it
    settings = Settings(profile=engine.profile, port=0, control=True, seed=seed(), database="memory:", **life)
    with EmbeddedServer(settings) as trakt:
        local = Server(trakt.url, engine.profile, local=True)
        scenarios = [generate_scenario(engine.profile, number) for number in range(count)]
        outcomes = [reduce_scenario(scenario, engine, local) for scenario in scenarios]
    return [str(one) for one in outcomes if one and not one.meant]


def test_better_auth_answers_as_it_was_recorded(better_auth):
    engine = Server(better_auth.base, "current", local=False)
    assert differences({"prev": engine}, "current") == {}
    assert instructed_otherwise(engine) == []


def test_doorkeeper_answers_as_it_was_recorded(start_doorkeeper_with):
    rules = {"prev": "until-used", "noprev": "once"}
    engines = {mode: start_doorkeeper_with(ROTATION=rotation) for mode, rotation in rules.items()}
    servers = {mode: Server(engine.base, "classic", local=False) for mode, engine in engines.items()}
    assert differences({**servers, "ui": servers["prev"]}, "classic") == {}
    assert instructed_otherwise(servers["prev"]) == []
