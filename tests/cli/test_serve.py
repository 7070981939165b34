"""`traktauth serve`: announced when it accepts, ended cleanly, refused in two lines."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import pytest

from support.wire import call


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_announces_itself_in_one_json_line_and_ends_cleanly(command, signum):
    process = command.start("serve", "--port", "0", "--database", "memory:", "--json", "--control")
    announced = json.loads(process.stdout.readline())
    keys = ["url", "profile", "client_id", "client_secret", "redirect_uris", "users", "control"]
    assert list(announced) == keys
    assert announced["control"] is True
    assert call(announced["url"], "GET", "/_control/ledger").status == 200
    process.send_signal(signum)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_announces_itself_to_a_person(command):
    process = command.start("serve", "--port", "0", "--database", "memory:", "--profile", "classic")
    lines = [process.stdout.readline() for _ in range(7)]
    assert lines[0].startswith("A local Trakt (classic) is at http://127.0.0.1:")
    assert "client secret" in lines[2]
    assert lines[-1] == "Stop it with Ctrl-C.\n"


def test_a_seed_and_lives_are_passed_on(command, tmp_path):
    seed = {
        "apps": [{"name": "One", "client_id": "one", "client_secret": "s", "redirect_uris": ["http://127.0.0.1:1/"]}],
        "users": [{"username": "ann", "password": "a long enough one", "email": "ann@example.test"}],
    }
    (tmp_path / "seed.json").write_text(json.dumps(seed))
    words = ("--port", "0", "--database", "memory:", "--json", "--control", "--seed", "seed.json")
    process = command.start("serve", *words, "--access-life", "77")
    announced = json.loads(process.stdout.readline())
    assert (announced["client_id"], announced["users"][0]["username"]) == ("one", "ann")
    made = call(announced["url"], "POST", "/_control/tokens", body={"client_id": "one", "count": 1}).json()
    assert made["tokens"][0]["expires_in"] == 77


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--profile", "future"], 2, "profile 'future' is unknown"),
        (["--port", "99999"], 2, "port 99999 is none"),
        (["--port", "x"], 2, "'x' is not a valid integer"),
        (["--host", "0.0.0.0"], 2, "is not loopback"),
        (["--rotation", "never"], 2, "rotation 'never' is unknown"),
        (["--public-url", "trakt.example"], 2, "public_url is no origin"),
        (["--seed", "none.json"], 2, "seed file none.json cannot be read"),
        (["--database", "sqlite:/dev/null/x"], 1, "database cannot be used"),
    ],
)
def test_what_it_cannot_do_is_said_in_two_lines(command, words, status, message):
    outcome = command("serve", "--port", "0", "--database", "memory:", *words)
    first, second = outcome.err.splitlines()
    assert (outcome.status, outcome.out) == (status, "")
    assert message in first
    assert second.startswith("→ ")


def test_what_would_be_served_is_said_in_json_and_in_words(command, tmp_path):
    (tmp_path / "seed.json").write_text(
        json.dumps({"apps": [{"client_id": "a", "client_secret": "s", "redirect_uris": ["x:/y"]}]})
    )
    words = ["serve", "--check", "--database", "memory:", "--seed", str(tmp_path / "seed.json")]
    outcome = command(*words, "--json")
    assert (outcome.status, json.loads(outcome.out)["apps"]) == (0, 1)
    assert "could be served" in command(*words).out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--seed", "none.json"], 2),
        (["--rotation", "never"], 2),
        (["--public-url", "trakt.example"], 2),
        (["--database", "sqlite:/dev/null/x"], 1),
    ],
)
def test_the_status_of_a_check_says_whose_fault_it_is(command, words, status):
    outcome = command("serve", "--check", "--database", "memory:", *words)
    assert (outcome.status, outcome.out) == (status, "")


def test_a_taken_port_is_said_with_its_remedy(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        outcome = command("serve", "--port", port, "--database", "memory:")
    assert outcome.status == 1
    assert outcome.err.splitlines()[1] == "→ Take another port: traktauth serve --port 0"


@pytest.mark.parametrize("words", [["serve"], ["demo"]])
def test_without_its_packages_it_names_the_extra(command, words):
    code = "import sys; sys.modules['uvloop'] = None; from traktauth.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=command.env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[1] == "→ Install them: pip install 'traktauth[server]'"
