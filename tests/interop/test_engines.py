"""What `interop/` starts is what was recorded: the real engines, and the judge that lies beside the checkout.

Skipped, and counted, where a program or the folder is absent.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from interop.replay.apps import SEED, seed
from interop.replay.cases import cases_of
from interop.replay.deviations import reason_to_skip
from interop.replay.judge import tried
from interop.replay.server import Server
from interop.replay.walk.cutting import differing
from interop.replay.walk.making import story_of
from support.engines import CHECKOUT, Missing, need
from support.process import NotReady, free_port
from support.process import Server as Process
from traktauth.server.embedded import Embedded
from traktauth.server.settings import Settings

ENGINES = CHECKOUT / "interop" / "engines"
# Some of each kind; interop/README.md says how all of them are replayed by hand.
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


@pytest.fixture
def start(tmp_path):
    """Start an engine by its script and wait until it answers."""
    with ExitStack() as until_the_end:

        def begin(engine, path, **env):
            port = free_port()
            log = tmp_path / f"{port}.log"
            process = Process([str(ENGINES / engine / "start"), str(port)], port=port, log=log, env=env)
            until_the_end.enter_context(process)
            return process.wait_until_ready(path, within=150).base

        yield begin


def differences(servers, profile):
    sample = sample_of(profile)
    assert len(sample) >= len(SAMPLE[profile])
    return {case.name: list(map(str, found)) for case in sample if (found := tried(servers[case.mode], case))}


def told_otherwise(engine, count=15):
    """Tell random stories to an engine and a local Trakt, and give those that end in a difference that is not meant."""
    life = {"access_life": 604_800} if engine.profile == "classic" else {}  # as the recorded Doorkeeper has it
    settings = Settings(profile=engine.profile, port=0, control=True, seed=seed(), database="memory:", **life)
    with Embedded(settings) as trakt:
        local = Server(trakt.url, engine.profile, local=True)
        outcomes = [differing(story_of(engine.profile, number), engine, local) for number in range(count)]
    return [str(one) for one in outcomes if one and not one.meant]


def test_better_auth_answers_as_it_was_recorded(start):
    try:
        need("node", "npm")
        base = start("better-auth", "/.well-known/openid-configuration")
    except Missing as absent:
        pytest.skip(str(absent))
    except NotReady as problem:
        if "npm error" in str(problem):
            pytest.skip("npm could not install better-auth")
        raise
    engine = Server(base, "current", local=False)
    assert differences({"prev": engine}, "current") == {}
    assert told_otherwise(engine) == []


def test_doorkeeper_answers_as_it_was_recorded(start, tmp_path):
    try:
        need("ruby", "puma")
        bases = {
            mode: start("doorkeeper", "/me", DATABASE=str(tmp_path / f"{mode}.sqlite3"), ROTATION=rotation)
            for mode, rotation in (("prev", "until-used"), ("noprev", "once"))
        }
    except Missing as absent:
        pytest.skip(str(absent))
    except NotReady as problem:
        if "cannot load such file" in str(problem):
            pytest.skip("Doorkeeper's gems are absent")
        raise
    servers = {mode: Server(base, "classic", local=False) for mode, base in bases.items()}
    assert differences({**servers, "ui": servers["prev"]}, "classic") == {}
    assert told_otherwise(servers["prev"]) == []


# ---------------------------------------------------------------- the judge beside the checkout
def parity(*arguments):
    folder = Path(os.environ.get("TRAKTAUTH_SHARED") or CHECKOUT.parent / "shared") / "parity"
    if not (folder / "parity.py").is_file():
        pytest.skip("parity.py is not beside the checkout")
    command = [sys.executable, "-B", str(folder / "parity.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)


@pytest.fixture
def judged_trakt(tmp_path):
    """Start a local Trakt with the judge's own apps: `judged_trakt("classic", rotation="once")` is its address."""
    path = tmp_path / "seed.json"
    parity("--write-seed", str(path))
    with ExitStack() as until_the_end:

        def begin(profile, database="memory:", **settings):
            known = {"port": 0, "control": True, "seed": json.loads(path.read_text()), "database": database}
            return until_the_end.enter_context(Embedded(Settings(profile=profile, **known, **settings))).url

        yield begin


def counts(done):
    found = re.search(r"(\d+) passed, (\d+) failed, (\d+) out of scope", done.stdout)
    assert found, done.stdout + done.stderr
    return tuple(map(int, found.groups()))


@pytest.mark.parametrize("database", ["memory:", "file"])
def test_the_judge_finds_no_difference_on_current(judged_trakt, database, tmp_path):
    address = database if database == "memory:" else f"sqlite:{tmp_path / 'trakt.sqlite'}"
    done = parity("--target", "local", "--profile", "current", "--base", judged_trakt("current", address))
    passed, failed, out_of_scope = counts(done)
    assert failed == 0, done.stdout
    assert out_of_scope <= 38
    assert passed >= 151


@pytest.mark.parametrize("database", ["memory:", "file"])
def test_the_judge_finds_no_difference_on_classic(judged_trakt, database, tmp_path):
    addresses = [database] * 2 if database == "memory:" else [f"sqlite:{tmp_path / name}" for name in ("one", "two")]
    once = judged_trakt("classic", addresses[1], rotation="once")
    arguments = ("--base", judged_trakt("classic", addresses[0]), "--base-noprev", once)
    done = parity("--target", "local", "--profile", "classic", *arguments)
    passed, failed, out_of_scope = counts(done)
    assert failed == 0, done.stdout
    assert out_of_scope <= 2
    assert passed >= 98


def test_the_judges_apps_are_ours(tmp_path):
    parity("--write-seed", str(tmp_path / "seed.json"))
    theirs = json.loads((tmp_path / "seed.json").read_text())
    apps = {app["client_id"]: {**app, "name": ""} for app in theirs["apps"]}
    assert {app["client_id"]: {**app, "name": ""} for app in seed()["apps"]} == apps, SEED
