"""`traktauth doctor`: one thing wrong at a time, found, with the command that fixes it."""

from __future__ import annotations

import email.utils
import http.server
import json
import os
import re
import socket
import threading
import time
from dataclasses import replace

import keyring
import keyring.backends.fail
import pytest

from support.engines import Missing
from support.local import PUBLIC
from support.process import free_port
from support.redis import RedisServer
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.doctor.store import find_filesystem, is_in_container_layer
from traktauth.hints import ALL_LOGINS_COMMAND, LOGIN_COMMAND, MOVE_COMMAND, Hint, ShellCommand
from traktauth.models import PendingRefresh, Sender, fingerprint
from traktauth.models.changes import SaveToken
from traktauth.stores.file.atomic_file import parse


@pytest.fixture
def well(at_local):
    """A `traktauth` with nothing wrong but a login that is missing."""
    at_local.env["TRAKTAUTH_REDIRECT_URI"] = f"http://127.0.0.1:{free_port()}/callback"
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
    *first, last, title, history = outcome.out.splitlines()
    assert (outcome.status, outcome.err) == (0, "")
    config = f"{well.env['HOME']}/.config/traktauth/config.toml"
    names = ", ".join(sorted({name for name in well.env if name.startswith("TRAKTAUTH_")} - {"TRAKTAUTH_CONFIG"}))
    assert first == [
        f"✓ settings from {names}; the configuration file {config} does not exist",
        f"✓ app      client id {well.env['TRAKTAUTH_CLIENT_ID']}",
        f"✓ app      secret of 64 characters, fingerprint {fingerprint(secret)}",
        f"✓ app      redirect address {well.env['TRAKTAUTH_REDIRECT_URI']}, free to listen on",
        f"✓ service  {local.base}: sign-in at {local.base}, tokens at {local.base}",
        f"✓ service  {local.base} answers",
        "✓ clock    as the service's",
        "✓ app      the service knows this client id and secret",
        f"✓ store    file:{well.path}",
        "✓ store    a test write succeeded",
        "✓ store    only this user can read or replace it",
    ]
    assert last.startswith(f"✓ login    default at {local.base}: token {token.fingerprint}, valid until ")
    assert title.strip() == "History: time, generation, token, event"
    assert re.fullmatch(rf" +2\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d +1  {token.fingerprint}  signed in", history)


@pytest.mark.parametrize(
    ("env", "status", "about", "message", "hint"),
    [
        ({"TRAKTAUTH_CLIENT_ID": ""}, 3, "app", "client id is missing", "traktauth setup"),
        ({"TRAKTAUTH_CLIENT_SECRET": "a\x16b"}, 3, "app", "(U+0016) at position 2 of 3", "Copy the secret again"),
        ({"TRAKTAUTH_REDIRECT_URI": "callback"}, 3, "app", "lacks http:// or https://", "TRAKTAUTH_REDIRECT_URI"),
        ({"TRAKTAUTH_SERVICE": "nowhere"}, 2, "service", "No service is named", "Set TRAKTAUTH_SERVICE"),
        ({"TRAKTAUTH_STORE": "file:/dev/null/x"}, 1, "store", "cannot be", "keep logins elsewhere: --store"),
        ({"TRAKTAUTH_STORE": "file:/"}, 1, "store", "is a directory", "Name a file: --store"),
        ({"TRAKTAUTH_CONFIG": "none.toml"}, 2, "settings", "cannot be read", "Fix it"),
        ({"TRAKTAUTH_LOST_REPLY": "maybe"}, 2, "settings", "must be one of", "Fix it"),
        ({"TRAKTAUTH_SERVICE": "http://127.0.0.1:9"}, 5, "service", "could not be reached", "Check TRAKTAUTH_SERVICE"),
    ],
)
def test_what_is_wrong_is_found_with_its_remedy_and_exit_status(well, env, status, about, message, hint):
    wrong = [each for each in findings(well, status=status, **env) if each["level"] == "wrong"]
    assert len(wrong) == 1
    assert wrong[0]["about"] == about
    assert message in wrong[0]["message"]
    assert hint in wrong[0]["hint"]
    assert well("doctor", **env).status == status


@pytest.mark.parametrize("profile", ["current", "classic"])
@pytest.mark.parametrize(
    ("setting", "value", "message", "hint"),
    [
        ("CLIENT_ID", "a" * 64, "does not know the client id", "Compare TRAKTAUTH_CLIENT_ID"),
        ("CLIENT_SECRET", "wrong", "does not belong to the client id", "Copy the Client Secret"),
        ("CLIENT_SECRET", "", "No secret is set, and this app has one", "Set TRAKTAUTH_CLIENT_SECRET"),
        ("REDIRECT_URI", "http://127.0.0.1:9999/another-path", "is not registered for this app", "Register it on"),
    ],
)
def test_an_app_that_the_service_refuses_is_found(command, local_trakt, profile, setting, value, message, hint):
    command.at(local_trakt(profile).base).env[f"TRAKTAUTH_{setting}"] = value
    [wrong] = [each for each in findings(command, status=3) if each["level"] == "wrong"]
    assert wrong["about"] == "app"
    assert message in wrong["message"]
    assert hint in wrong["hint"]
    assert "unset TRAKTAUTH_CLIENT_ID TRAKTAUTH_CLIENT_SECRET; traktauth setup" in wrong["hint"]


def test_for_a_wrong_app_in_the_configuration_file_setup_is_named(command, local, tmp_path):
    command.at(local.base)
    client_id = command.env.pop("TRAKTAUTH_CLIENT_ID")
    del command.env["TRAKTAUTH_CLIENT_SECRET"]
    file = tmp_path / "config.toml"
    file.write_text(f'client_id = "{client_id}"\nclient_secret = "wrong"\n')
    file.chmod(0o600)
    found = findings(command, status=3, TRAKTAUTH_CONFIG=str(file))
    [wrong] = [each for each in found if each["level"] == "wrong"]
    assert wrong["hint"].startswith("Enter the app again: traktauth setup")
    assert "Copy the Client Secret" in wrong["hint"]


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_an_app_that_the_service_takes_is_found_right_and_nothing_is_spent(command, local_trakt, profile):
    local = local_trakt(profile)
    command.at(local.base)
    token = command.keep_real(local)
    for env in ({}, {**PUBLIC_APP, "TRAKTAUTH_REDIRECT_URI": PUBLIC.redirect_uri}):
        found = findings(command, **env)
        assert [each["message"] for each in found if "the service knows" in each["message"]]
        assert [each for each in found if each["level"] == "wrong"] == []
    assert local.alive(token.access_token)
    assert command("refresh").status == 0


PUBLIC_APP = {"TRAKTAUTH_CLIENT_ID": PUBLIC.client_id, "TRAKTAUTH_CLIENT_SECRET": ""}


def login_doubts(command, **env):
    return [each for each in bad(findings(command, **env)) if each[0] == "login"]


def test_the_login_of_another_app_or_service_is_named(well, local, local_trakt):
    other = local_trakt("classic")
    client_id = well.env["TRAKTAUTH_CLIENT_ID"]
    for env, fix in (
        (PUBLIC_APP, f"export TRAKTAUTH_CLIENT_ID={client_id}"),
        ({"TRAKTAUTH_SERVICE": other.base}, f"export TRAKTAUTH_SERVICE={local.base}"),
    ):
        well.keep_real(local)
        [(_, _, message, hint), *_] = login_doubts(well, **env)
        assert f"it has default at {local.base} (app {client_id})" in message
        assert hint == f"If that is the login that you want: {fix}"


def test_of_several_other_logins_the_one_that_takes_the_fewest_changes_is_offered(well, local, local_trakt):
    other = local_trakt("classic")
    well.at(other.base).keep(account="a")
    well.at(local.base).keep_real(local, account="z")
    [(_, _, message, hint), *_] = login_doubts(well, **PUBLIC_APP)
    assert f"it has z at {local.base} (app " in message
    client_id = well.env["TRAKTAUTH_CLIENT_ID"]
    assert hint == f"If z at {local.base} is the login that you want: export TRAKTAUTH_CLIENT_ID={client_id}"


def test_a_store_that_went_back_is_found(well, local):
    token = well.keep_real(local)
    newer = replace(token, access_token="newer-access", generation=5)
    assert well.store.apply(well.login(), SaveToken(newer, after=4, at=time.time()))
    assert any("the store went back by 3 generations" in each[2] for each in bad(findings(well, "--offline")))


def test_a_service_that_is_busy_leaves_open_whether_the_app_is_right(well, local):
    local.control("PUT", "faults", [{"path": "/oauth/revoke", "status": 429}])
    found = bad(findings(well))
    assert ("app", "doubtful") in [each[:2] for each in found]
    assert any("could not be checked" in each[2] for each in found)


def test_the_default_service_is_no_reason_for_a_warning(well):
    found = json.loads(well("doctor", "--offline", "--json", TRAKTAUTH_SERVICE="trakt").out)["findings"]
    assert [each["level"] for each in found if each["about"] == "service"] == ["good", "good"]


def test_a_service_that_is_not_trakt_is_named(well, local):
    local.control("PUT", "faults", [{"path": "/oauth/revoke", "status": 405}])
    [(about, level, message, hint), *_] = bad(findings(well, status=2))
    assert (about, level) == ("service", "wrong")
    assert message == f"{local.base} answered 405 to a request that revokes a token, so it is not Trakt"
    assert hint.startswith("Set TRAKTAUTH_SERVICE to trakt")


def test_a_token_of_a_later_time_is_not_taken_for_the_clock_that_saved_it(well):
    """It was adopted: its times are of the machine that issued it."""
    token = replace(well.keep(), expires_at=time.time() + 30 * 86400, generation=2)
    assert well.store.apply(well.login(), SaveToken(token, after=1, at=time.time()))
    found = [each for each in bad(findings(well, "--offline")) if each[0] == "clock"]
    assert "behind the time of the token, " in found[0][2]


def test_an_open_file_and_an_open_folder_are_found_and_the_commands_fix_them(well, local):
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
    config.write_text(f'client_secret = "{well.env["TRAKTAUTH_CLIENT_SECRET"]}"\n')
    config.chmod(0o640)
    well.env.pop("TRAKTAUTH_CLIENT_SECRET")
    found = [each for each in bad(findings(well, TRAKTAUTH_CONFIG=str(config))) if each[0] == "settings"]
    assert found == [
        ("settings", "doubtful", f"Others can read {config}, and it contains the app's secret", f"chmod 600 '{config}'")
    ]


def test_a_taken_port_is_found(well):
    port = int(well.env["TRAKTAUTH_REDIRECT_URI"].split(":")[2].split("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        found = bad(findings(well))
    assert ("app", "doubtful") in [each[:2] for each in found]
    assert "is used by another program" in found[0][2]


def test_a_redirect_address_elsewhere_is_found(well):
    found = bad(findings(well, status=3, TRAKTAUTH_REDIRECT_URI="https://example.com/callback"))
    assert "is not on this machine" in found[0][2]


class Dated(http.server.BaseHTTPRequestHandler):
    """Answers with a time of its own."""

    ahead = 0.0

    def do_GET(self):
        self.send_response(404)
        self.end_headers()

    def do_POST(self):
        self.send_response(503)
        self.end_headers()

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() + self.ahead, usegmt=True)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(7200.0, "clock is 2 h behind the service's"), (-7205.0, "clock is 2 h ahead of the service's"), (20.0, None)],
)
def test_a_clock_that_differs_from_the_services_is_found(well, ahead, expected, monkeypatch):
    monkeypatch.setattr(Dated, "ahead", ahead + 3)  # what it takes to ask
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dated) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = bad(findings(well, TRAKTAUTH_SERVICE=f"http://127.0.0.1:{server.server_port}"))
        server.shutdown()
    messages = [message for about, _, message, _ in found if about == "clock"]
    assert messages == ([] if expected is None else [f"This machine's {expected}"])


def test_a_clock_that_was_set_back_under_a_login_is_found(well, local):
    day = 86400.0
    well.keep_real(local, left=604800 + 40 * day, saved_at=time.time() + 40 * day)
    found = [each for each in bad(findings(well)) if each[0] == "clock"]
    assert len(found) == 1
    assert "clock is 40 d" in found[0][2] or "clock is 39 d" in found[0][2]
    assert found[0][3].startswith("Set it: ")


def test_the_commands_that_fix_it_name_the_store_that_was_looked_at(well, local):
    well.keep_real(local, left=-1, not_refreshable_reason="Trakt refused its refresh token", account="tv")
    store = well.env.pop("TRAKTAUTH_STORE")
    found = [hint for about, _, _, hint in bad(findings(well, "--store", store, status=4)) if about == "login"]
    assert found == [f"Sign in: traktauth login --account tv --store {store}"]
    busy = PendingRefresh(1, 1, time.time() - 600, Sender("here", 1), "sqlite:/new")
    well.keep_real(local, pending_refresh=busy)
    found = [what for about, _, what, _ in bad(findings(well, "--store", store, status=4)) if about == "login"]
    assert any(f"to finish: traktauth store move {store} TO" in what for what in found)


@pytest.mark.parametrize(
    ("command", "with_flags"),
    [
        (ShellCommand("traktauth store reseal", options="store"), "traktauth store reseal --store sealed+file:x"),
        (MOVE_COMMAND, "traktauth store move sealed+file:x TO"),
        (MOVE_COMMAND.with_arguments("redis://…"), "traktauth store move sealed+file:x redis://…"),
        (ShellCommand("traktauth store key"), "traktauth store key"),
        (LOGIN_COMMAND, "traktauth login --account tv --store sealed+file:x"),
        (ALL_LOGINS_COMMAND, "traktauth status --store sealed+file:x"),
    ],
)
def test_each_command_in_a_hint_gets_its_options(command, with_flags):
    hint = Hint("Do: ", command, ", now")
    assert CommonOptions("tv", None, "sealed+file:x", json=False).with_flags(hint) == f"Do: {with_flags}, now"
    assert CommonOptions(None, None, None, json=False).with_flags(hint) == hint


def test_a_machine_without_a_keyring_is_found_beside_all_else(well):
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())
    try:
        found = findings(well, "--store", "keyring:", status=1)
    finally:
        keyring.set_keyring(before)
    wrong = [each for each in found if each["level"] == "wrong"]
    assert [each["message"] for each in wrong] == ["This machine has no keyring"]
    assert "gnome-keyring" in wrong[0]["hint"]
    assert {"settings", "app", "service"} <= {each["about"] for each in found}


def test_a_store_in_memory_is_doubtful(well):
    assert any("loses every login" in each[2] for each in bad(findings(well, TRAKTAUTH_STORE="memory:")))


@pytest.mark.parametrize("kind", ["sqlite", "sealed+file", "sealed+sqlite"])
def test_an_open_folder_is_found_under_every_store_that_is_a_file(well, kind):
    path = well.folder / "own" / "logins"
    env = {"TRAKTAUTH_STORE": f"{kind}:{path}", "TRAKTAUTH_SEAL_KEY": well("store", "key").out.strip()}
    path.parent.mkdir(mode=0o700)
    assert not any(about == "store" for about, *_ in bad(findings(well, "--offline", **env)))
    path.parent.chmod(0o777)
    found = [what for about, _, what, _ in bad(findings(well, "--offline", **env)) if about == "store"]
    assert found == [f"Others can write in {path.parent}, and so put another file in the store's place"]


@pytest.mark.slow
def test_a_redis_that_may_lose_logins_is_found_with_the_setting_that_fixes_it(well, tmp_path):
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
        ("/database/tokens.json", "overlay"),
        ("/my data/tokens.json", "xfs"),
        ("/data/over/tokens.json", "tmpfs"),
    ],
)
def test_the_filesystem_of_a_file_is_found_among_the_mounts(path, kind):
    assert find_filesystem(path, parse(MOUNTS)) == kind


def test_a_file_in_a_container_layer_is_found_if_the_system_lists_its_mounts(tmp_path):
    mounts = tmp_path / "mountinfo"
    assert not is_in_container_layer("/srv/app/tokens.json", str(mounts))
    mounts.write_text(MOUNTS + "nonsense\n")
    assert is_in_container_layer("/srv/app/tokens.json", str(mounts))
    assert not is_in_container_layer("/data/tokens.json", str(mounts))
