"""`traktauth serve`: announced when it accepts, ended cleanly, refused in two lines."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys

import pytest

from support.pseudo_terminal import Terminal
from support.wire import call
from traktauth.cli.serve import command as serve
from traktauth.server.settings import PROFILE_NAMES


def served(command, *words, **env):
    """Start one; return the process and what it has announced."""
    process = command.start("serve", "--port", "0", *words, **env)
    return process, list(iter(process.stdout.readline, "Stop it with Ctrl-C.\n"))


def test_it_announces_itself_in_one_json_line_and_ends_cleanly(command):
    seed = {
        "apps": [{"name": "One", "client_id": "one", "client_secret": "s", "redirect_uris": ["http://127.0.0.1:1/"]}],
        "users": [{"username": "ann", "password": "a long enough one", "email": "ann@example.test"}],
    }
    (command.folder / "seed.json").write_text(json.dumps(seed))
    words = ("--port", "0", "--database", "memory:", "--json", "--control", "--seed", "seed.json")
    process = command.start("serve", *words, "--access-life", "77")
    announced = json.loads(process.stdout.readline())
    keys = ["url", "profile", "client_id", "client_secret", "redirect_uris", "users", "control"]
    assert list(announced) == keys
    assert announced["control"] is True
    assert (announced["client_id"], announced["users"][0]["username"]) == ("one", "ann")
    made = call(announced["url"], "POST", "/_control/tokens", body={"client_id": "one", "count": 1}).json()
    assert made["tokens"][0]["expires_in"] == 77
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_has_no_control_api_unless_asked(command):
    process = command.start("serve", "--port", "0", "--database", "memory:", "--json")
    announced = json.loads(process.stdout.readline())
    assert announced["control"] is False
    for path in ("tokens", "reset", "clock"):
        assert call(announced["url"], "POST", f"/_control/{path}", body={}).status == 404


def test_what_it_announces_can_be_pasted_into_a_shell_and_a_browser(command):
    seed = {"apps": [{"client_id": "it's; exit 9", "client_secret": "s$HOME", "redirect_uris": ["x:/y?a=1&b", "z:/"]}]}
    (command.folder / "seed.json").write_text(json.dumps(seed))
    _, lines = served(command, "--database", "memory:", "--control", "--seed", "seed.json")
    exports = [line for line in lines if line.lstrip().startswith("export ")]
    pasted = "".join(exports) + 'printf \'%s\n\' "$TRAKTAUTH_SERVICE" "$TRAKTAUTH_CLIENT_ID" '
    pasted += '"$TRAKTAUTH_CLIENT_SECRET" "$TRAKTAUTH_REDIRECT_URI"'
    done = subprocess.run(["sh", "-c", pasted], capture_output=True, text=True, check=True)
    url = lines[0].split()[-1]
    assert done.stdout.splitlines() == [url, "it's; exit 9", "s$HOME", "x:/y?a=1&b"]
    assert "z:/" in "".join(lines)
    assert f"Control page: {url}/_control\n" in lines
    assert call(url, "GET", "/_control").status == 200


def requested(process, url, *extra):
    """Make some requests, end the server, and return what is on standard error."""
    call(url, "GET", "/oauth/authorize?client_id=SECRET1&state=SECRET2")
    call(url, "GET", f"/{'S' * 40}/%1b]0;title")
    for path, form in [("/oauth/token", {"grant_type": "refresh_token", "refresh_token": "SECRET3"}), *extra]:
        call(url, "POST", path, form=form)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)[1]


def test_each_request_is_a_line_that_names_a_replay_and_shows_no_secret(command):
    process, lines = served(command, "--database", "memory:", "--control", "--request-log")
    url = lines[0].split()[-1]
    client_id, secret = (
        next(line.split("=")[1].strip() for line in lines if name in line) for name in ("CLIENT_ID", "CLIENT_SECRET")
    )
    made = call(url, "POST", "/_control/tokens", body={"client_id": client_id, "count": 1}).json()["tokens"][0]
    form = {"grant_type": "refresh_token", "client_id": client_id, "client_secret": secret}
    form["refresh_token"] = made["refresh_token"]
    assert [call(url, "POST", "/oauth/token", form=form).status for _ in range(2)] == [200, 400]
    err = requested(process, url)
    shown = [re.sub(r"^\S+ |\b\d+ ms", "", line) for line in err.splitlines()]
    assert shown[0] == "POST /_control/tokens 200   A test signed in once at Demo app."
    assert re.fullmatch(r"POST /oauth/token 200   refreshed: access #\w{8}", shown[1])
    assert re.fullmatch(r"POST /oauth/token 400   replay of #\w{8}: its family was revoked", shown[2])
    assert re.match(r"GET /oauth/authorize (302|40\d) ", shown[3])
    assert shown[4].startswith("GET /…/")
    assert re.fullmatch(r"POST /oauth/token 40[01]   refresh_token: invalid_\w+: .*", shown[5])
    for secret in ("SECRET", "SSSS", "\x1b", made["refresh_token"]):
        assert secret not in err


@pytest.mark.parametrize(("words", "count"), [((), 3), (("--access-log", "-"), 0)])
def test_a_terminal_gets_a_line_per_request_unless_they_are_logged_there(command, words, count):
    with Terminal(command, "serve", "--port", "0", "--database", "memory:", *words) as terminal:
        url = re.search(r"http://\S+", terminal.read_until("Stop it with Ctrl-C."))[0]
        for path in ("/oauth/authorize", "/users/settings", "/nowhere"):
            call(url, "GET", path)
        terminal.process.send_signal(signal.SIGINT)
        rest = terminal.read_to_the_end()
    assert len(re.findall(r"\d+ ms", rest)) == count
    assert len(re.findall(r"(?m)^{", rest)) == (3 if "--access-log" in words else 0)
    assert ("\x1b[32m" in rest or "\x1b[33m" in rest) is (count > 0)
    assert rest.endswith("\r\x1b[KStopped.\r\n")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--profile", "future"], 2, "'future' is not one of 'current', 'classic'"),
        (["--port", "99999"], 2, "--port must be 0-65535 (0 picks a free port), not 99999"),
        (["--host", "0.0.0.0"], 2, "is not loopback"),
        (["--rotation", "never"], 2, "--rotation must be one of family, once, until-used"),
        (["--seed", "none.json"], 2, "The seed file none.json does not exist"),
        (["--database", "sqlite:/dev/null/x"], 1, "The database /dev/null/x cannot be used"),
        (["--workers", "2"], 2, "--workers was removed: the local Trakt serves in one process"),
        (["--strict"], 2, "--strict was removed: the local Trakt answers as Trakt does"),
        (["--database", "postgresql://db/trakt"], 2, "--database PostgreSQL was removed from the local Trakt"),
        (["--access-life", "0"], 2, "--access-life must be more than 0 seconds"),
        (["--seed", "bad.json"], 2, "bad.json is not valid JSON: line 2, column 3: Expecting value; expected an "),
        (["--seed", "list.json"], 2, "The seed must be an object such as"),
        (["--responses", "list.json"], 2, "responses must be an object of JSON values by method and path"),
        (["--access-log", "none/log"], 2, "--access-log none/log cannot be written"),
    ],
)
def test_what_it_cannot_do_is_reported_in_two_lines(command, words, status, message):
    (command.folder / "bad.json").write_text("[\n  ?]")
    (command.folder / "list.json").write_text("[]")
    outcome = command("serve", "--port", "0", "--database", "memory:", *words)
    first, second = outcome.err.splitlines()
    assert (outcome.status, outcome.out) == (status, "")
    assert message in first
    assert "[Errno" not in first
    assert second.startswith("→ ")
    assert second != "→ See: traktauth --help"
    assert not (command.folder / "none").exists()
    checked = command("serve", "--check", "--database", "memory:", *words)
    assert (checked.status, checked.out) == (status, "")


def test_what_would_be_served_is_reported_in_json_and_in_words(command, tmp_path):
    (tmp_path / "seed.json").write_text(
        json.dumps({"apps": [{"client_id": "a", "client_secret": "s", "redirect_uris": ["x:/y"]}]})
    )
    (tmp_path / "responses.json").write_text(json.dumps({"GET /a": [], "POST /a": {}, "GET /b": 1}))
    words = ["serve", "--check", "--database", "memory:", "--seed", str(tmp_path / "seed.json")]
    outcome = command(*words, "--responses", str(tmp_path / "responses.json"), "--json")
    report = json.loads(outcome.out)
    assert (outcome.status, report["apps"], report["responses"]) == (0, 1, 3)
    assert "could be served" in command(*words).out


def test_a_taken_port_is_reported_with_its_remedy(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        outcome = command("serve", "--port", port, "--database", "memory:")
    assert outcome.status == 1
    assert outcome.err.splitlines()[1] == "→ Use another port: traktauth serve --port 0"


@pytest.mark.parametrize("words", [["serve"], ["demo"]])
def test_without_its_packages_it_names_the_extra(command, words):
    code = "import sys; sys.modules['uvloop'] = None; from traktauth.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=command.env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[1] == "→ Install them: pip install 'traktauth[server]'"


def test_every_profile_can_be_chosen():
    (option,) = [each for each in serve.params if each.name == "profile"]
    assert tuple(option.type.choices) == PROFILE_NAMES
