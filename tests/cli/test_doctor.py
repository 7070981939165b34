"""`traktauth doctor`: one thing wrong at a time, found, with the command that mends it."""

from __future__ import annotations

import email.utils
import http.server
import json
import os
import re
import socket
import threading
import time

import pytest

from support.engines import Missing
from support.redis import RedisServer
from traktauth.cli.doctor.layers import filesystem_of, in_container_layer
from traktauth.cli.place import Place
from traktauth.models import Renewal, fingerprint
from traktauth.models.record import mover


@pytest.fixture
def well(at_local):
    """A `traktauth` with nothing wrong but a login that is missing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at_local.env["TRAKTAUTH_REDIRECT_URI"] = f"http://127.0.0.1:{probe.getsockname()[1]}/callback"
    return at_local


def findings(command, *words, status=0, **env):
    outcome = command("doctor", "--json", *words, **env)
    document = json.loads(outcome.out)
    assert (outcome.status, outcome.err, document["format"]) == (status, "", 1)
    return document["findings"]


def bad(found):
    return [(each["about"], each["level"], each["message"], each["hint"]) for each in found if each["level"] != "good"]


def test_a_healthy_one_shows_this_screen(well, local):
    token = well.keep_real(local)
    outcome = well("doctor")
    secret = well.env["TRAKTAUTH_CLIENT_SECRET"]
    *first, last, history = outcome.out.splitlines()
    assert (outcome.status, outcome.err) == (0, "")
    assert first == [
        "✓ settings from the environment; there is no configuration file",
        f"✓ app      client id {well.env['TRAKTAUTH_CLIENT_ID']}",
        f"✓ app      secret of 64 characters, fingerprint {fingerprint(secret)}",
        f"✓ app      redirect address {well.env['TRAKTAUTH_REDIRECT_URI']}, free to listen on",
        f"✓ service  {local.base}: sign-in at {local.base}, tokens at {local.base}",
        f"✓ service  {local.base} answers",
        "✓ clock    as the service's",
        f"✓ store    file:{well.path}",
        "✓ store    a trial write succeeded",
        "✓ store    nobody else can read or replace it",
    ]
    assert last.startswith(f"✓ login    default at {local.base}: token {token.fingerprint}, good until ")
    assert re.fullmatch(rf" +2\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d +1  {token.fingerprint}  signed in", history)


@pytest.mark.parametrize(
    ("env", "status", "about", "message", "hint"),
    [
        ({"TRAKTAUTH_CLIENT_ID": ""}, 3, "app", "client id is missing", "Set TRAKTAUTH_CLIENT_ID"),
        ({"TRAKTAUTH_CLIENT_SECRET": "a\x16b"}, 3, "app", "(U+0016) at position 2 of 3", "Copy the secret again"),
        ({"TRAKTAUTH_REDIRECT_URI": "callback"}, 3, "app", "is not absolute", "Set TRAKTAUTH_REDIRECT_URI"),
        ({"TRAKTAUTH_SERVICE": "nowhere"}, 2, "service", "No service is named", "Set TRAKTAUTH_SERVICE"),
        ({"TRAKTAUTH_SERVICE": "http://x.example"}, 2, "service", "in clear", "Set TRAKTAUTH_SERVICE"),
        ({"TRAKTAUTH_STORE": "file:/dev/null/x"}, 1, "store", "cannot be", "keep logins elsewhere: --store"),
        ({"TRAKTAUTH_STORE": "shoebox:"}, 2, "store", "No store has the address", "keep logins elsewhere"),
        ({"TRAKTAUTH_STORE": "file:/"}, 1, "store", "is a directory", "Name a file: --store"),
        ({"TRAKTAUTH_CONFIG": "none.toml"}, 2, "settings", "cannot be read", "Mend it"),
        ({"TRAKTAUTH_LOST_REPLY": "maybe"}, 2, "settings", "must be one of", "Mend it"),
        ({"TRAKTAUTH_SERVICE": "http://127.0.0.1:9"}, 5, "service", "could not be reached", "this machine's network"),
    ],
)
def test_what_is_wrong_is_found_with_its_remedy_and_exit_status(well, env, status, about, message, hint):
    wrong = [each for each in findings(well, status=status, **env) if each["level"] == "wrong"]
    assert len(wrong) == 1
    assert wrong[0]["about"] == about
    assert message in wrong[0]["message"]
    assert hint in wrong[0]["hint"]
    assert well("doctor", **env).status == status


def test_offline_sends_nothing(well):
    assert "clock" not in {
        each["about"] for each in findings(well, "--offline", TRAKTAUTH_SERVICE="http://127.0.0.1:9")
    }


def test_an_open_file_and_an_open_folder_are_found_and_the_commands_mend_them(well, local):
    well.keep_real(local)
    well.path.chmod(0o644)
    well.path.parent.chmod(0o777)
    found = bad(findings(well))
    assert [(about, level) for about, level, _, _ in found] == [("store", "doubtful")] * 2
    for *_, hint in found:
        assert os.system(hint) == 0
    assert bad(findings(well)) == []


def test_an_open_configuration_file_with_a_secret_is_found(well, tmp_path):
    config = tmp_path / "my config.toml"
    config.write_text('client_secret = "abc"\n')
    config.chmod(0o640)
    well.env.pop("TRAKTAUTH_CLIENT_SECRET")
    found = [each for each in bad(findings(well, TRAKTAUTH_CONFIG=str(config))) if each[0] == "settings"]
    assert found == [("settings", "doubtful", f"Others can read {config}", f"chmod 600 '{config}'")]


def test_a_damaged_store_is_found_and_left_as_it_is(well, local):
    well.keep_real(local)
    well.path.write_text("{")
    found = bad(findings(well, status=1))
    assert [(about, level) for about, level, _, _ in found] == [("store", "wrong")]
    assert well.path.read_text() == "{"


def test_a_taken_port_is_found(well):
    port = int(well.env["TRAKTAUTH_REDIRECT_URI"].split(":")[2].split("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        found = bad(findings(well))
    assert ("app", "doubtful") in [each[:2] for each in found]
    assert "is taken" in found[0][2]


def test_a_redirect_address_elsewhere_is_found(well):
    found = bad(findings(well, TRAKTAUTH_REDIRECT_URI="https://example.com/callback"))
    assert "does not lead to this machine" in found[0][2]


class Dated(http.server.BaseHTTPRequestHandler):
    """Answers with a time of its own."""

    ahead = 0.0

    def do_GET(self):
        self.send_response(404)
        self.end_headers()

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() + self.ahead, usegmt=True)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("ahead", "said"),
    [(7200.0, "clock is 2 h behind the service's"), (-7205.0, "clock is 2 h ahead of the service's"), (20.0, None)],
)
def test_a_clock_that_differs_from_the_services_is_found(well, ahead, said, monkeypatch):
    monkeypatch.setattr(Dated, "ahead", ahead + 3)  # what it takes to ask
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dated) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = bad(findings(well, TRAKTAUTH_SERVICE=f"http://127.0.0.1:{server.server_port}"))
        server.shutdown()
    messages = [message for about, _, message, _ in found if about == "clock"]
    assert messages == ([] if said is None else [f"This machine's {said}"])


def test_a_clock_that_was_set_back_under_a_login_is_found(well, local):
    day = 86400.0
    well.keep_real(local, left=604800 + 40 * day, saved_at=time.time() + 40 * day)
    found = [each for each in bad(findings(well)) if each[0] == "clock"]
    assert len(found) == 1
    assert "clock is 40 d" in found[0][2] or "clock is 39 d" in found[0][2]
    assert found[0][3].startswith("Set it: ")


def test_a_login_that_needs_its_user_is_found_and_is_not_the_doctors_failure(well, local):
    well.keep_real(local, left=-1, why_not="Trakt refused its refresh token", account="my tv")
    found = [each for each in bad(findings(well, "--account", "my tv")) if each[0] == "login"]
    assert found[0][1:2] + found[0][3:] == ("doubtful", "traktauth login --account 'my tv'")
    assert well("status", "--account", "my tv").status == 4
    assert "exit status 4 in: traktauth status" in " ".join(well("doctor", "--help").out.split())


def test_the_commands_that_mend_it_name_the_store_that_was_looked_at(well, local):
    well.keep_real(local, left=-1, why_not="Trakt refused its refresh token", account="tv")
    store = well.env.pop("TRAKTAUTH_STORE")
    found = [hint for about, _, _, hint in bad(findings(well, "--store", store)) if about == "login"]
    assert found == [f"traktauth login --account tv --store {store}"]
    busy = Renewal(1, 1, time.time() - 600, mover("sqlite:/new", "here:1"))
    well.keep_real(local, renewal=busy)
    found = [what for about, _, what, _ in bad(findings(well, "--store", store)) if about == "login"]
    assert any(f"finish it: traktauth store move {store} TO" in what for what in found)


@pytest.mark.parametrize(
    ("hint", "aimed"),
    [
        ("traktauth store reseal", "traktauth store reseal --store sealed+file:x"),
        ("traktauth store move", "traktauth store move sealed+file:x TO"),
        ("traktauth store move FROM TO", "traktauth store move sealed+file:x TO"),
        ("traktauth store move FROM redis://…", "traktauth store move sealed+file:x redis://…"),
        ("traktauth store key", "traktauth store key"),
        ("traktauth login", "traktauth login --account tv --store sealed+file:x"),
    ],
)
def test_each_command_in_a_hint_is_given_what_it_takes(hint, aimed):
    assert Place("tv", None, "sealed+file:x", json=False).aim(f"Do: {hint}, now") == f"Do: {aimed}, now"
    assert Place(None, None, None, json=False).aim(hint) == hint


def test_a_machine_without_a_keyring_is_found_beside_all_else(well):
    fails = "keyring.backends.fail.Keyring"
    found = findings(well, "--store", "keyring:", status=1, PYTHON_KEYRING_BACKEND=fails)
    wrong = [each for each in found if each["level"] == "wrong"]
    assert [each["message"] for each in wrong] == ["There is no keyring on this machine"]
    assert "gnome-keyring" in wrong[0]["hint"]
    assert {"settings", "app", "service"} <= {each["about"] for each in found}


def test_a_public_app_needs_no_secret(well):
    messages = [each["message"] for each in findings(well, TRAKTAUTH_CLIENT_SECRET="")]
    assert "no secret: a public app, which signs in with PKCE alone" in messages


def test_a_store_in_memory_is_doubtful(well):
    assert any("forgets every login" in each[2] for each in bad(findings(well, TRAKTAUTH_STORE="memory:")))


@pytest.mark.parametrize("kind", ["sqlite", "sealed+file", "sealed+sqlite"])
def test_an_open_folder_is_found_under_every_store_that_is_a_file(well, kind):
    path = well.folder / "own" / "logins"
    env = {"TRAKTAUTH_STORE": f"{kind}:{path}", "TRAKTAUTH_SEAL_KEY": well("store", "key").out.strip()}
    path.parent.mkdir(mode=0o700)
    assert not any(about == "store" for about, *_ in bad(findings(well, "--offline", **env)))
    path.parent.chmod(0o777)
    found = [what for about, _, what, _ in bad(findings(well, "--offline", **env)) if about == "store"]
    assert found == [f"Others can write in {path.parent}, and so put another file in the store's place"]


def test_a_redis_that_may_lose_logins_is_found_with_the_setting_that_mends_it(well, tmp_path):
    try:
        server = RedisServer(tmp_path, "--appendonly", "no")
    except Missing as missing:
        pytest.skip(str(missing))
    try:
        outcome = well("doctor", "--offline", "--store", server.url)
    finally:
        server.stop()
    assert outcome.err == "", "said once, on stdout"
    assert "! store    A crash of this Redis loses logins\n           → Set `appendonly yes` and" in outcome.out


MOUNTS = """\
22 1 0:21 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a
23 22 0:22 / /data rw - ext4 /dev/sda1 rw
24 22 0:23 / /my\\040data rw - xfs /dev/sdb1 rw
25 23 0:24 / /data/over rw - overlay overlay rw
26 23 0:25 / /data/over rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/app/tokens.json", "overlay"),
        ("/data/tokens.json", "ext4"),
        ("/data", "ext4"),
        ("/database/tokens.json", "overlay"),
        ("/my data/tokens.json", "xfs"),
        ("/data/over/tokens.json", "tmpfs"),
    ],
)
def test_the_filesystem_of_a_file_is_found_among_the_mounts(path, kind):
    assert filesystem_of(path, MOUNTS) == kind


def test_a_file_in_a_containers_own_layer_is_known_and_nothing_is_claimed_where_nobody_says(tmp_path):
    mounts = tmp_path / "mountinfo"
    assert not in_container_layer("/srv/app/tokens.json", str(mounts))
    mounts.write_text(MOUNTS + "nonsense\n")
    assert in_container_layer("/srv/app/tokens.json", str(mounts))
    assert not in_container_layer("/data/tokens.json", str(mounts))
