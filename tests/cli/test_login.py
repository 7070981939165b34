"""Signing in at the command line: by browser, on another device, by pasting; and every way that it ends early."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from support.process import free_port
from support.wire import call, query

BROWSER = """
import sys, urllib.parse, urllib.request, json
address = sys.argv[1]
base = address.split("/oauth/")[0]
asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
body = json.dumps({**asked, "username": "sean", "decision": DECISION}).encode()
request = urllib.request.Request(base + "/_control/authorize", body, {"Content-Type": "application/json"})
location = json.load(urllib.request.urlopen(request))["location"]
urllib.request.urlopen(location).read()
"""


@pytest.fixture
def redirected(at_local):
    """`traktauth` with a redirect address whose port is free: another port than the registered one is taken too."""
    at_local.env["TRAKTAUTH_REDIRECT_URI"] = f"http://127.0.0.1:{free_port()}/callback"
    return at_local


def a_browser(command, decision="approve"):
    """Lend it a browser that signs in as sean."""
    script = command.folder / "browser.py"
    script.write_text(BROWSER.replace("DECISION", repr(decision)))
    command.env["BROWSER"] = f"{sys.executable} {script} %s"


def port_of(command):
    return urlsplit(command.env["TRAKTAUTH_REDIRECT_URI"]).port


def is_free(port):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
    return True


def lines_until(stream, pattern, within=20.0):
    """Read lines until one matches; all of them are returned."""
    seen = []
    late = threading.Timer(within, stream.close)
    late.start()
    try:
        for line in stream:
            seen.append(line)
            if re.search(pattern, line):
                return seen
    finally:
        late.cancel()
    raise AssertionError(f"no line matches {pattern}: {seen}")


def works(local, token):
    return call(local.base, "GET", "/users/settings", headers=_headers(token)).status == 200


def _headers(token):
    from support.local import APP  # noqa: PLC0415 - one use
    from support.wire import bearer  # noqa: PLC0415 - the same

    return bearer(token, APP.client_id)


# ---------------------------------------------------------------- browser
def test_a_browser_sign_in_shows_this_screen(redirected, local):
    a_browser(redirected)
    outcome = redirected("login")
    screen = re.sub(r"(?<=&(?:state)=)[\w-]+|(?<=code_challenge=)[\w-]+", "…", outcome.err)
    screen = re.sub(r"token [0-9a-f]{8}, good until [-0-9: ]+ \([^)]+\)", "token FINGERPRINT, good until THEN", screen)
    app, redirect = redirected.env["TRAKTAUTH_CLIENT_ID"], redirected.env["TRAKTAUTH_REDIRECT_URI"]
    encoded = redirect.replace(":", "%3A").replace("/", "%2F")
    assert (outcome.status, outcome.out) == (0, "")
    assert screen == (
        "Open this page to sign in to Trakt:\n"
        f"  {local.base}/oauth/authorize?response_type=code&client_id={app}&redirect_uri={encoded}"
        "&state=…&code_challenge=…&code_challenge_method=S256\n"
        "Your browser is being opened; waiting for its answer …\n"
        "✓ Signed in as account default\n"
        "  token FINGERPRINT, good until THEN; renewed by itself when it is used\n"
        f"  kept in file:{redirected.path}\n"
        "  Who and until when: traktauth status\n"
    )
    assert works(local, redirected("token").out.strip())
    assert is_free(port_of(redirected))


def test_the_steps_are_json_lines_with_json(redirected):
    a_browser(redirected)
    outcome = redirected("login", "--json", "--account", "tv")
    steps = [json.loads(line) for line in outcome.out.splitlines()]
    assert (outcome.status, outcome.err) == (0, "")
    assert [step["step"] for step in steps] == ["open", "done"]
    assert steps[1] == {"step": "done", "account": "tv"}
    assert redirected.record("tv").token is not None


def test_no_open_opens_no_browser_and_the_address_comes_at_once_through_a_pipe(redirected, local):
    a_browser(redirected)
    process = redirected.start("login", "--browser", "--no-open", "--json")
    address = json.loads(process.stdout.readline())["url"]
    asked = query(address)
    assert asked["redirect_uri"] == redirected.env["TRAKTAUTH_REDIRECT_URI"]
    answered = local.browse(address)
    time.sleep(0.3)
    assert process.poll() is None  # nobody opened it: it still waits
    with socket.create_connection(("127.0.0.1", port_of(redirected))) as visitor:
        target = answered["location"].split(f":{port_of(redirected)}")[1]
        visitor.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert visitor.recv(4096).startswith(b"HTTP/1.1 200")
    assert process.wait(20) == 0


def test_signup_asks_for_the_sign_up_page(redirected):
    process = redirected.start("login", "--browser", "--no-open", "--json", "--signup")
    assert query(json.loads(process.stdout.readline())["url"])["signup"] == "true"


def test_a_denied_sign_in_fails_and_keeps_nothing(redirected):
    a_browser(redirected, "deny")
    outcome = redirected("login")
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1] == "→ Start again: traktauth login"
    assert not redirected.path.exists()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sign_in_leaves_nothing_behind(redirected, signum):
    process = redirected.unmeasured().start("login", "--browser", "--no-open")
    lines_until(process.stderr, "http://")
    lines_until(process.stderr, "Waiting")
    process.send_signal(signum)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err in {"Error: Interrupted\n", "Error: Ended by SIGTERM\n"}
    assert is_free(port_of(redirected))
    assert not redirected.path.exists()
    assert sorted(path.suffix for path in redirected.path.parent.iterdir()) in ([], [".lock"])


def test_the_store_is_tried_before_anybody_is_asked_to_sign_in(redirected):
    redirected.path.parent.mkdir()
    redirected.path.write_text("no store")
    outcome = redirected("login", "--json")
    assert (outcome.status, outcome.out) == (1, "")
    assert json.loads(outcome.err)["error"] == "StoreFailed"
    assert redirected.path.read_text() == "no store"


def test_a_sign_in_over_a_login_says_that_the_old_one_lives_on_and_does_not_revoke_it(redirected, local):
    old = redirected.keep_real(local)
    a_browser(redirected)
    outcome = redirected("login")
    assert outcome.status == 0
    assert outcome.err.startswith(f"The account default is signed in already (token {old.fingerprint}, good until ")
    assert redirected.record().generation == 2
    assert works(local, old.access_token)


def test_a_program_gets_a_device_code_where_no_browser_is(at_local):
    process = at_local.start("login", "--json")
    assert json.loads(process.stdout.readline())["step"] == "device"


def test_an_ssh_session_gets_a_device_code_though_it_has_a_display(at_local):
    process = at_local.start("login", "--json", DISPLAY=":0", SSH_CONNECTION="192.0.2.1 1 192.0.2.2 22")
    assert json.loads(process.stdout.readline())["step"] == "device"


# ---------------------------------------------------------------- device
def test_a_device_code_comes_at_once_through_a_pipe_and_signs_in_when_it_is_approved(at_local, local):
    process = at_local.start("login", "--device", "--json")
    step = json.loads(process.stdout.readline())
    assert step.keys() == {"step", "user_code", "verification_url", "filled_in_url", "expires_in"}
    assert (step["step"], step["expires_in"]) == ("device", 600)
    local.device(step["user_code"])
    out, err = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out), err) == (0, {"step": "done", "account": "default"}, "")
    assert works(local, at_local("token").out.strip())


def test_a_device_code_is_shown_in_plain_lines_through_a_pipe(at_local, local):
    process = at_local.start("login", "--device")
    shown = "".join(lines_until(process.stderr, "Waiting"))
    code = re.search(r"and enter the code   (\S+)\n", shown)[1]
    assert shown == (
        f"On any device, open  {local.base}/activate\n"
        f"and enter the code   {code}\n"
        f"or open at once      {local.base}/activate/{code}\n"
        "The code is good for 10 min. Waiting …\n"
    )
    local.device(code, "deny")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    assert "\x1b" not in err


# ---------------------------------------------------------------- paste
@pytest.mark.parametrize("whole", [False, True], ids=["code", "address"])
def test_what_the_browser_ended_at_can_be_pasted(at_local, local, whole):
    process = at_local.start("login", "--paste", stdin=subprocess.PIPE)
    address = lines_until(process.stderr, "http://")[-1].strip()
    answered = local.browse(address)
    out, err = process.communicate(f"  {answered['location' if whole else 'code']}\n", timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "✓ Signed in" in err
    assert answered["code"] not in err


def test_an_empty_line_is_asked_for_again(at_local, local):
    process = at_local.start("login", "--paste", stdin=subprocess.PIPE)
    code = local.browse(lines_until(process.stderr, "http://")[-1].strip())["code"]
    _, err = process.communicate(f"\n\n{code}\n", timeout=30)
    assert process.returncode == 0
    assert err.count("Nothing was pasted.") == 2


@pytest.mark.parametrize("given", ["", "\n", "\n\n"])
def test_a_closed_stdin_is_wrong_usage(at_local, given):
    outcome = at_local("login", "--paste", stdin=given)
    assert outcome.status == 2
    assert outcome.err.splitlines()[-2:] == [
        "Error: Standard input ended before a code was pasted",
        "→ Give the answer on standard input, or sign in another way: traktauth login --device",
    ]


def test_a_stdin_that_was_never_there_is_wrong_usage(at_local):
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m traktauth login --paste <&-', sys.executable],
        env=at_local.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("pasted", "status"),
    [
        ("http://127.0.0.1:9876/callback?code=abc&state=another", 1),
        ("http://127.0.0.1:9876/callback?code=abc", 1),
        ("no-such-code", 1),
        ("\udcff\udcfe".encode("utf-8", "surrogateescape").decode("latin-1"), 1),
        ("two words", 1),
    ],
)
def test_a_wrong_paste_is_refused_without_being_repeated(at_local, pasted, status):
    outcome = at_local("login", "--paste", stdin=f"{pasted}\n")
    assert outcome.status == status
    assert "Traceback" not in outcome.err
    assert pasted not in outcome.err
    assert at_local.record().token is None


def test_a_pasted_code_of_a_json_reader_is_asked_for_with_the_address(at_local, local):
    process = at_local.start("login", "--paste", "--json", stdin=subprocess.PIPE)
    step = json.loads(process.stdout.readline())
    assert (step["step"], step["paste"]) == ("open", True)
    out, _ = process.communicate(f"{local.browse(step['url'])['code']}\n", timeout=30)
    assert json.loads(out) == {"step": "done", "account": "default"}
