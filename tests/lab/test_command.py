"""`traktauth lab -- CMD`, with real programs: what it says of them, and that nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from support.private_home import PrivateHome, wait_until
from traktauth.lab.scenarios import VALID_NOTE

LONG = 500.0
PROGRAMS = Path(__file__).with_name("programs")
REQUEST = [sys.executable, "-m", "traktauth", "request", "GET", "/users/settings"]
SMALL = [sys.executable, "-I", "-S", str(PROGRAMS / "urllib_settings.py")]
"""Starts fast; the file of its login is to be added."""


class Lab(PrivateHome):
    """`traktauth lab`, which leaves nothing behind."""

    def start(self, *words):
        return super().start(*words, text=True)

    def run(self, *words):
        done = super().run(*words)
        assert self.left() == []
        return done

    def json(self, *words):
        done = self.run("--json", *words)
        found = json.loads(done.stdout)
        return done.returncode, found["verdict"], {each["name"]: each for each in found["scenarios"]}


@pytest.fixture
def lab(tmp_path):
    home = Lab("lab", tmp_path, LONG)
    yield home
    home.stop()


@pytest.mark.slow
@pytest.mark.parametrize("store", ["traktauth", "traktauth:sqlite:logins.sqlite"])
def test_traktauth_keeps_its_login(lab, store):
    """SQLite's `kill` waits half a minute for a lease to end."""
    options = ["--tokens", store, "--copies", "4"]
    status, verdict, scenarios = lab.json(*options, "--", *REQUEST)
    assert (status, verdict) == (0, "keeps its login"), scenarios
    for name in [name for name, each in scenarios.items() if each["verdict"] == "not-judged"]:
        # A valid token is used if the disk is too slow for a refresh to begin; then there is nothing to judge.
        scenarios |= lab.json(*options, "--scenario", name, "--", *REQUEST)[2]
    verdicts = {name: each["verdict"] for name, each in scenarios.items()}
    assert verdicts.pop("lost-response-expired", "kept") in ("unavoidable", "kept")
    assert set(verdicts.values()) == {"kept"}, json.dumps(scenarios)
    assert scenarios["race"]["exits"] == [0] * 5
    assert scenarios["race"]["rotations"] == 1
    assert {each["replays"] for name, each in scenarios.items() if name != "lost-response-expired"} == {0}
    still_valid = {name for name, each in scenarios.items() if each["note"] == VALID_NOTE}
    assert still_valid == {"lost-response", "timeout", "reset", "kill"} & set(scenarios)
    assert "still valid" in VALID_NOTE


@pytest.mark.slow
def test_pytrakt_would_lose_a_login(lab, pytrakt_python):
    program = PROGRAMS / "pytrakt_settings.py"
    words = [f"--scenario={name}" for name in ("race", "lost-response", "timeout", "reset", "kill")]
    words += ["--copies", "3", "--timeout", "30"]
    done = lab.run("--tokens", "pytrakt", *words, "--badge", "badge.svg", "--", pytrakt_python, program)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "would lose a login: race, lost-response, timeout, reset, kill"
    assert "#c62828" in (lab.folder / "badge.svg").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--", "true"], "a single run gets no 200 from the API"),
        (["--", "sh", "-c", "echo broken >&2; exit 3"], "a single run exits with 3 (broken)"),
        (["--", "no-such-program"], "a single run exits with 127 (the program is not found)"),
        (
            ["--timeout", "1", "--", "sh", "-c", "sleep 1000 & wait"],
            "a single run exits with 124 (it was ended after 1 s, see --timeout)",
        ),
        # of what a program prints only the end is kept
        (
            ["--", "sh", "-c", "dd if=/dev/zero bs=1M count=64 >&2; find ~/.. -type f -size +1M | wc -l >&2; exit 3"],
            "a single run exits with 3 (0)",
        ),
        (["--setup", "echo no display >&2; exit 7", "--", "true"], "--setup ended with 7: no display"),
    ],
)
def test_why_a_program_is_not_judged_is_named(lab, words, why):
    done = lab.run(*words)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (6, f"not judged: {why}")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_lab_ends_its_programs_at_once(lab, number):
    """A run takes ten minutes, once `single` has passed in two runs."""
    script = 'echo >>"$0"; "$@" ~/token.json || exit; test "$(wc -l <"$0")" -lt 3 || exec sleep 600'
    runs = lab.folder / "runs"
    words = ["--tokens", "token", "--timeout", "900", "--scenario", "weeks", "--scenario", "unavailable"]
    process = lab.start(*words, "--", "sh", "-c", script, runs, *SMALL)
    wait_until(lambda: runs.exists() and len(runs.read_text()) >= 4, LONG)
    process.send_signal(number)
    process.communicate(timeout=LONG)
    assert process.returncode in (1, 2, 130, 143)
    assert list(lab.temporary.iterdir()) == []


def test_a_program_may_print_binary_and_change_its_home(lab):
    script = 'head -c 100000 /dev/urandom; head -c 1000 /dev/urandom >&2; HOME=/ exec "$@" "$HOME/token.json"'
    done = lab.run("--tokens", "token", "--scenario", "unavailable", "--", "sh", "-c", script, "sh", *SMALL)
    assert done.stdout.splitlines()[-1] == "keeps its login", done.stderr


@pytest.mark.slow
def test_a_program_may_sign_in_by_itself(lab):
    file = "$HOME/token.json"
    words = ["--setup", f"{' '.join(SMALL)} {file} login", "--scenario", "race", "--copies", "2"]
    status, verdict, scenarios = lab.json(*words, "--", "sh", "-c", f'exec "$@" "{file}"', "sh", *SMALL)
    assert (status, verdict) == (1, "would lose a login: race"), scenarios
    assert scenarios["single"]["exits"] == [0, 0]
    assert scenarios["race"]["replays"] == 1


@pytest.mark.slow
def test_a_program_that_uses_a_token_before_it_saves_it_would_lose_its_login(lab):
    """Its file is a pipe to a shell, which keeps the new token only if the program has ended well."""
    script = '"$@" ~/new.json; status=$?; test $status = 0 && cp ~/new.json ~/token.json; exit $status'
    script = f"cp ~/token.json ~/new.json; {script}"
    words = ["--tokens", "token", "--scenario", "kill-at-use", "--scenario", "api-outage"]
    done = lab.run(*words, "--", "sh", "-c", script, "sh", *SMALL)
    assert done.stdout.splitlines()[-1] == "would lose a login: kill-at-use, api-outage", done.stderr
    assert "kill-at-use: Save the new token before you use it" in done.stderr
    done = lab.run(*words, "--", "sh", "-c", '"$@" ~/token.json', "sh", *SMALL)
    assert done.stdout.splitlines()[-1] == "keeps its login", done.stderr


@pytest.mark.slow
def test_an_app_and_a_path_of_the_program_are_those_of_the_options(lab):
    """Without them the reason is named."""
    app = {"name": "Own", "client_id": "own-id", "client_secret": "own-secret", "redirect_uris": ["urn:x"]}
    (lab.folder / "seed.json").write_text(json.dumps({"apps": [app], "users": []}))
    (lab.folder / "responses.json").write_text('{"GET /sync/watched/movies": []}')
    program = (
        Path(SMALL[-1]).read_text().replace("users/settings", "sync/watched/movies").replace('["user"]["username"]', "")
    )
    program = program.replace('os.environ["TRAKT_CLIENT_ID"]', '"own-id"').replace(
        'os.environ["TRAKT_CLIENT_SECRET"]', '"own-secret"'
    )
    (lab.folder / "own.py").write_text(program)
    words = ["--tokens", "token", "--scenario", "api-outage"]
    command = ["--", "sh", "-c", '"$@" ~/token.json', "sh", *SMALL[:-1], str(lab.folder / "own.py")]
    done = lab.run(*words, *command)
    assert done.returncode == 6
    assert "does not know the app own-id" in done.stderr
    done = lab.run(*words, "--seed", "seed.json", *command)
    assert "does not have GET /sync/watched/movies: give it a response with --responses FILE" in done.stderr
    done = lab.run(*words, "--seed", "seed.json", "--responses", "responses.json", *command)
    assert done.stdout.splitlines()[-1] == "keeps its login", done.stderr


@pytest.mark.slow
def test_each_scenario_has_a_copy_of_the_home_without_its_pipes(lab):
    home = lab.folder / "mine"
    home.mkdir()
    os.mkfifo(home / "pipe")
    (home / "settings").write_text("mine")
    script = 'test "$(cat ~/settings)" = mine && ! test -e ~/was-here -o -e ~/pipe && touch ~/was-here; '
    script += 'exec "$@" ~/token.json'
    words = ["--tokens", "token", "--home", home, "--scenario", "unavailable"]
    done = lab.run(*words, "--", "sh", "-c", script, "sh", *SMALL)
    assert done.stdout.splitlines()[-1] == "keeps its login", done.stderr
    assert sorted(path.name for path in home.iterdir()) == ["pipe", "settings"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scenario", "flood"], "'flood' is not a scenario"),
        (["--tokens", "kodi"], "'kodi' is not a format of logins"),
        (["--tokens", "token", "--setup", "true"], "--setup and --tokens cannot be combined"),
        (["--copies", "1"], "1 is not in the range"),
        (["--home", "absent"], "'absent' does not exist"),
    ],
)
def test_wrong_usage_is_named(lab, words, message):
    done = lab.run(*words, "--", "true")
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tokens", "pytrakt:/etc/trakt-login.json"], "/etc/trakt-login.json is outside the home folder of the lab"),
        (["--tokens", "pytrakt:../outside.json"], "../outside.json is outside the home folder of the lab"),
        (["--badge", "absent/badge.svg"], "The badge cannot be written to absent/badge.svg: No such file"),
    ],
)
def test_a_file_that_cannot_be_written_is_named(lab, words, message):
    done = lab.run(*words, "--", "true")
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr
