"""Signing in at the command line: by browser, on another device, by pasting; and every way that it ends early."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import threading
import time
import urllib.request
from urllib.parse import urlsplit

import pytest

from support.local import APP, PUBLIC
from support.process import free_port
from support.wire import bearer, call, query

BROWSER = """
import sys, urllib.parse, urllib.error, urllib.request, json
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None
try:
    urllib.request.build_opener(Stay).open(sys.argv[1])
except urllib.error.HTTPError as redirected:
    address = redirected.headers["Location"]
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


def sign_in(local):
    """Return a step that signs in at the address that is shown, and visits the one that the browser is sent to."""

    def sign_in(shown):
        location = local.browse(shown[0])["location"]
        threading.Thread(target=urllib.request.urlopen, args=[location]).start()  # the command answers it

    return r"http\S+/oauth/authorize\?[^\s\"]+(?=[\s\"])", sign_in


ASKED = r"(http\S+/oauth/authorize\?\S+)\n(?s:.*)paste it here"


def approve(local, decision="approve"):
    """Return a step that enters the device code that is shown."""
    return (
        r"enter the code +([A-Z0-9]+)(?s:.*)Waiting|\"user_code\": \"([A-Z0-9]+)\"",
        lambda shown: local.device(shown[1] or shown[2], decision),
    )


def interrupt(pattern, signum=signal.SIGINT):
    return pattern, lambda _: signal.raise_signal(signum)


WAITING = r"\n  traktauth login( .*)? --device\n"
"""What is shown last before a sign-in by browser waits."""


def works(local, token):
    return call(local.base, "GET", "/users/settings", headers=bearer(token, APP.client_id)).status == 200


# ---------------------------------------------------------------- browser
def test_a_browser_sign_in_shows_this_screen(redirected, local):
    a_browser(redirected)
    outcome = redirected("login")
    screen = re.sub(r"(?<=&(?:state)=)[\w-]+|(?<=code_challenge=)[\w-]+", "…", outcome.err)
    screen = re.sub(
        r"token [0-9a-f]{8}, valid until [-0-9: ]+ \([^)]+\)", "token FINGERPRINT, valid until THEN", screen
    )
    screen = re.sub(r"until [0-9]{2}:[0-9]{2}\.", "until CLOCK.", screen)
    app, redirect = redirected.env["TRAKTAUTH_CLIENT_ID"], redirected.env["TRAKTAUTH_REDIRECT_URI"]
    encoded = redirect.replace(":", "%3A").replace("/", "%2F")
    assert (outcome.status, outcome.out) == (0, "")
    assert screen == (
        "Opening your browser. If no page appears, open this one to sign in to Trakt:\n"
        f"  {local.base}/oauth/authorize?response_type=code&client_id={app}&redirect_uri={encoded}"
        "&state=…&code_challenge=…&code_challenge_method=S256\n"
        "Waiting until CLOCK. Ctrl-C stops; to sign in on another device:\n"
        "  traktauth login --device\n"
        "✓ Signed in as sean (account default)\n"
        "  token FINGERPRINT, valid until THEN; refreshed automatically\n"
        f"  stored in file:{redirected.path}\n"
        "  See all logins: traktauth status\n"
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


def test_no_open_opens_no_browser_and_the_address_signs_in(redirected, local):
    """The browser that is lent would deny."""
    a_browser(redirected, "deny")
    outcome = redirected("login", "--browser", "--no-open", "--json", "--signup", steps=[sign_in(local)])
    asked = query(json.loads(outcome.out.splitlines()[0])["url"])
    assert outcome.status == 0
    assert asked["redirect_uri"] == redirected.env["TRAKTAUTH_REDIRECT_URI"]
    assert asked["signup"] == "true"


def test_a_denied_sign_in_fails_and_keeps_nothing(redirected):
    a_browser(redirected, "deny")
    outcome = redirected("login")
    assert outcome.status == 1
    assert outcome.err.splitlines()[-1] == "→ Start again: traktauth login"
    assert not redirected.path.exists()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sign_in_leaves_nothing_behind(redirected, signum):
    outcome = redirected("login", "--browser", "--no-open", steps=[interrupt(WAITING, signum)])
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1] in {"Error: Interrupted", "Error: Ended by SIGTERM"}
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
    assert outcome.err.startswith(f"Account default is already signed in (token {old.fingerprint}, valid until ")
    assert redirected.record().generation == 2
    assert works(local, old.access_token)


@pytest.mark.parametrize(
    ("words", "env"),
    [
        ([], {}),
        ([], {"DISPLAY": ":0", "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}),
        (["--no-open"], {"TRAKTAUTH_REDIRECT_URI": "urn:ietf:wg:oauth:2.0:oob"}),
    ],
    ids=["no browser", "ssh", "no address on this machine"],
)
def test_a_device_code_is_used_if_no_browser_can_come_back(at_local, words, env):
    outcome = at_local("login", "--json", *words, **env, steps=[interrupt('"step": "device"')])
    assert outcome.status == 2


@pytest.mark.parametrize(
    ("session", "at_port"), [("192.0.2.1 1 192.0.2.2 22", ""), ("192.0.2.1 1 192.0.2.2 2222", "-p 2222 ")]
)
def test_a_sign_in_by_browser_over_ssh_shows_the_command_for_a_tunnel(redirected, session, at_port):
    words = ["login", "--browser", "--account", "tv"]
    shown, port = redirected(*words, steps=[interrupt(WAITING)], SSH_CONNECTION=session).err, port_of(redirected)
    assert re.search(rf"\n  ssh -L {port}:127\.0\.0\.1:{port} {at_port}\S*{socket.gethostname()}\n", shown)
    assert re.search(r"Waiting until \d\d:\d\d\. Ctrl-C stops; .*:\n  traktauth login --account tv --device\n", shown)


def test_a_taken_port_is_reported_with_what_to_do(redirected):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port_of(redirected)))
        other.listen()
        shown = redirected("login", "--no-open", steps=[interrupt(WAITING)]).err
    notice, page = (next(line for line in shown.splitlines() if sign in line) for sign in ("taken", "/authorize?"))
    assert notice.startswith(f"! port {port_of(redirected)} is taken, so this sign-in uses http://127.0.0.1:")
    assert query(page.strip())["redirect_uri"] in notice
    assert "! if that address is refused: free the port, or sign in with a device code\n" in shown
    assert f"ssh -L {urlsplit(query(page.strip())['redirect_uri']).port}:127.0.0.1:" in shown


# ---------------------------------------------------------------- what is missing


@pytest.mark.parametrize("way", ["--device", "--paste"])
def test_an_app_that_trakt_refuses_is_reported_before_a_code_or_an_address_is_shown(at_local, way):
    at_local.env["TRAKTAUTH_CLIENT_SECRET"] = "1" * 64
    status, out, err = at_local("login", way)
    assert (status, out) == (3, "")
    assert err.startswith("Error: The secret (fingerprint ")
    assert "→ Enter the app again: unset TRAKTAUTH_CLIENT_ID TRAKTAUTH_CLIENT_SECRET; traktauth setup" in err
    del at_local.env["TRAKTAUTH_CLIENT_SECRET"]
    status, _, err = at_local("login", way)
    assert status == 3
    assert err.startswith("Error: No secret is set, and this app has one\n")
    assert "traktauth setup" in err


def test_an_unregistered_redirect_address_is_reported_before_the_browser_is_waited_for(at_local):
    at_local.env["TRAKTAUTH_REDIRECT_URI"] = "http://127.0.0.1:1/other"
    status, _, err = at_local("login", "--browser", "--no-open")
    assert status == 3
    assert err.startswith("Error: The redirect address http://127.0.0.1:1/other is not registered for this app\n")


# ---------------------------------------------------------------- a token from elsewhere
def token_of(local):
    made = local.control("POST", "tokens", {"client_id": APP.client_id, "count": 1, "username": "sean"})["tokens"][0]
    return {"created_at": int(time.time()), "expires_in": 86400, **made}


def test_a_token_response_on_stdin_becomes_the_login(at_local, local):
    response = token_of(local)
    outcome = at_local("login", "--with-token", stdin=json.dumps(response))
    assert (outcome.status, outcome.out) == (0, "")
    assert "✓ Signed in as sean (account default)" in outcome.err
    assert response["access_token"] not in outcome.err
    user = at_local.record().user
    assert (user.username, bool(user.uuid)) == ("sean", True)
    assert at_local("token").out.strip() == response["access_token"]
    assert at_local("refresh").status == 0


def test_a_token_response_over_a_valid_login_needs_yes(at_local, local):
    old = at_local.keep_real(local)
    response = token_of(local)
    outcome = at_local("login", "--with-token", "--json", stdin=json.dumps(response))
    assert outcome.status == 1
    error = json.loads(outcome.err)
    assert (error["error"], error["hint"]) == (
        "LoginExists", "Replace it: traktauth login --with-token --yes; or revoke it first: traktauth logout"
    )  # fmt: skip
    assert at_local.record().token == old
    outcome = at_local("login", "--with-token", "--yes", "--json", stdin=json.dumps(response))
    assert (outcome.status, json.loads(outcome.out)) == (0, {"step": "done", "account": "default"})
    assert at_local.record().token.access_token == response["access_token"]


@pytest.mark.parametrize(
    ("stdin_text", "expected"),
    [
        ("", "is not a JSON object"),
        ("[" * 100000, "is not a JSON object"),
        ('{"access_token": "se cret", "expires_at": 9e9}', "has no access_token"),
        ('{"access_token": "secret", "expires_in": 60}', "has no expiry"),
        ('{"access_token": "secret", "expires_at": 1000}', "has expired and has no refresh_token"),
    ],
)
def test_what_is_not_a_token_response_with_an_expiry_is_refused_and_not_repeated(command, stdin_text, expected):
    outcome = command("login", "--with-token", stdin=stdin_text)
    assert (outcome.status, outcome.out) == (2, "")
    assert expected in outcome.err
    assert "secret" not in outcome.err
    assert command.record().token is None


def test_a_token_that_trakt_does_not_accept_is_not_saved(at_local):
    response = {"access_token": "an-unknown-token", "expires_at": time.time() + 1000}
    outcome = at_local("login", "--with-token", stdin=json.dumps(response))
    assert outcome.status == 1
    assert "Trakt does not accept the token" in outcome.err
    assert "an-unknown-token" not in outcome.err
    assert at_local.record().token is None


def test_a_token_cannot_be_an_argument(at_local):
    assert at_local("login", "--with-token", "abc").status == 2


# ---------------------------------------------------------------- resumed
def interrupted(command, *words):
    """Interrupt a device sign-in while its code is shown; return the code."""
    codes = []
    shown = (r"enter the code   (\S+)\n", lambda found: codes.append(found[1]))
    outcome = command("login", "--device", *words, steps=[shown, interrupt("Waiting")])
    assert outcome.status == 2, outcome.err
    return codes[0], outcome.err.splitlines()[-2:]


def pending_files(command):
    return sorted((command.folder / "home").rglob("device-login-*"))


@pytest.mark.slow
def test_an_interrupted_device_sign_in_is_resumed_with_the_same_code(at_local, local):
    code, err = interrupted(at_local, "--account", "tv")
    assert err[0] == "Error: Interrupted"
    assert re.fullmatch(r"→ To resume within 9 min( \d+ s)?: traktauth login --account tv --resume", err[1])
    [path] = pending_files(at_local)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "token" not in path.read_text()
    outcome = at_local("login", "--resume", "--account", "tv", "--json", steps=[approve(local)])
    step, done = [json.loads(line) for line in outcome.out.splitlines()]
    assert step["user_code"] == code
    assert 500 < step["expires_in"] < 600
    assert (outcome.status, done) == (0, {"step": "done", "account": "tv"})
    assert pending_files(at_local) == []
    assert works(local, at_local("token", "--account", "tv").out.strip())


@pytest.mark.slow
def test_a_public_app_resumes_with_its_verifier(at_local, local):
    at_local.env["TRAKTAUTH_CLIENT_ID"] = PUBLIC.client_id
    del at_local.env["TRAKTAUTH_CLIENT_SECRET"]
    interrupted(at_local)
    assert at_local("login", "--resume", steps=[approve(local)]).status == 0


@pytest.mark.slow
def test_a_resumed_code_that_was_denied_is_forgotten(at_local, local):
    code, _ = interrupted(at_local)
    local.device(code, "deny")
    assert at_local("login", "--resume").status == 1
    assert pending_files(at_local) == []
    outcome = at_local("login", "--resume")
    assert outcome.status == 1
    assert outcome.err == (
        "Error: Account default has no interrupted device sign-in to resume\n→ Start one: traktauth login --device\n"
    )


def test_a_code_of_another_app_is_not_polled_for_and_removed(at_local):
    interrupted(at_local)
    outcome = at_local("login", "--resume", TRAKTAUTH_CLIENT_ID="another-app")
    assert outcome.status == 1
    assert "belongs to the app" in outcome.err
    assert "another-" in outcome.err
    assert pending_files(at_local) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: re.sub(r'"expires_at": [0-9.]+', '"expires_at": 1000.0', text), "has expired; it was removed"),
        (lambda text: text[:20], "is damaged; it was removed"),
        (lambda text: text.replace('"interval": ', '"interval": -'), "is damaged; it was removed"),
    ],
    ids=["expired", "cut", "interval"],
)
def test_an_expired_or_damaged_code_is_removed(at_local, change, expected):
    interrupted(at_local)
    [path] = pending_files(at_local)
    path.write_text(change(path.read_text()))
    outcome = at_local("login", "--resume")
    assert outcome.status == 1
    assert expected in outcome.err
    assert pending_files(at_local) == []


@pytest.mark.slow
def test_a_home_that_cannot_be_written_does_not_end_a_device_sign_in(at_local, local):
    (at_local.folder / "home").write_text("no folder")
    assert at_local("login", "--device", "--json", steps=[approve(local)]).status == 0


# ---------------------------------------------------------------- device
@pytest.mark.slow
def test_a_device_code_is_a_json_line_and_signs_in_when_it_is_approved(at_local, local):
    outcome = at_local("login", "--device", "--json", steps=[approve(local)])
    step, done = [json.loads(line) for line in outcome.out.splitlines()]
    assert step.keys() == {"step", "user_code", "verification_url", "filled_in_url", "expires_in"}
    assert (step["step"], step["expires_in"]) == ("device", 600)
    assert (outcome.status, done, outcome.err) == (0, {"step": "done", "account": "default"}, "")
    assert works(local, at_local("token").out.strip())


def test_a_device_code_is_shown_in_plain_lines_through_a_pipe(at_local, local):
    outcome = at_local("login", "--device", steps=[interrupt("Waiting …\n")])
    code = re.search(r"and enter the code   (\S+)\n", outcome.err)[1]
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(
        f"On any device, open  {local.base}/activate\n"
        f"and enter the code   {code}\n"
        f"or open at once      {local.base}/activate/{code}\n"
        "The code is valid for 10 min. Waiting …\n"
    )
    assert "\x1b" not in outcome.err


# ---------------------------------------------------------------- paste
def test_the_address_that_the_browser_ended_at_can_be_pasted(at_local, local):
    def paste(shown):
        pasted.append(local.browse(shown[1])["location"])
        return f"  {pasted[0]}"

    pasted = []
    outcome = at_local("login", "--paste", steps=[(ASKED, paste)])
    assert (outcome.status, outcome.out) == (0, "")
    assert f"  {at_local.env['TRAKTAUTH_REDIRECT_URI']}\n" in outcome.err
    assert "cannot be loaded" in outcome.err
    assert "✓ Signed in" in outcome.err
    assert pasted[0] not in outcome.err


def test_an_input_that_ends_before_the_code_is_wrong_usage(at_local):
    outcome = at_local("login", "--paste", stdin="\n")
    assert outcome.status == 2
    assert outcome.err.splitlines()[-2:] == [
        "Error: Standard input ended before a code was pasted",
        "→ Answer on standard input, or sign in another way: traktauth login --device",
    ]


def test_a_pasted_code_of_a_json_reader_is_asked_for_with_the_address(at_local, local):
    browse = (r'"url": "([^"]+)".*\n', lambda shown: local.browse(shown[1])["code"])
    step, done = [json.loads(line) for line in at_local("login", "--paste", "--json", steps=[browse]).out.splitlines()]
    assert (step["step"], step["paste"]) == ("open", True)
    assert done == {"step": "done", "account": "default"}


# ---------------------------------------------------------------- on a terminal
REPLACE = r"already(?s:.*)Replace it\? \[y/N\]: "
AT = "in err"
COUNTDOWN = r"\d left"


@pytest.mark.slow
def test_a_valid_login_is_replaced_on_a_terminal_only_after_a_yes(at_local, local):
    old = at_local.keep_real(local)
    for answer in ("", "n", "maybe\nno"):
        outcome = at_local.show("login", "--device", on=AT, steps=[(REPLACE, answer)])
        assert outcome.status == 0
        assert "Nothing was changed." in outcome.err
    assert at_local.record().token == old
    code = (rf"activate/(\w+)(?s:.*){COUNTDOWN}", lambda shown: local.device(shown[1]))
    assert "Signed in as sean" in at_local.show("login", "--device", on=AT, steps=[(REPLACE, "y"), code]).err
    assert at_local.record().generation == 2
    assert works(local, old.access_token)


@pytest.mark.parametrize("flag", ["--yes", "--force"])
def test_yes_replaces_a_valid_login_without_a_question(at_local, local, flag):
    at_local.keep_real(local)
    assert "Replace it?" not in at_local.show("login", "--device", flag, on=AT, steps=[interrupt(COUNTDOWN)]).err


def test_a_login_that_needs_a_sign_in_is_replaced_without_a_question(at_local):
    at_local.keep(left=-5, not_refreshable_reason="Trakt refused its refresh token")
    assert "signed in already" not in at_local.show("login", "--device", on=AT, steps=[interrupt(COUNTDOWN)]).err


def test_ctrl_c_at_the_question_changes_nothing(at_local, local):
    old = at_local.keep_real(local)
    outcome = at_local.show("login", on=AT, steps=[interrupt(REPLACE)])
    assert outcome.status == 2
    assert "Interrupted" in outcome.err
    assert at_local.record().token == old
