"""Every way to sign in by the command line, and every command after it, at everything that answers as Trakt does."""

from __future__ import annotations

import json
import sys
import urllib.request

import pytest

from support.command import finish, step
from support.wire import query

API = {"doorkeeper": "/me"}


def arrive(address):
    """Do what a browser does where Trakt redirects it to."""
    with urllib.request.urlopen(address, timeout=60) as page:
        return page.status


def by_browser(command, peer):
    process = command.start("login", "--browser", "--no-open", "--json")
    assert arrive(peer.land(step(process)["url"])) == 200
    return process


def login_paste(command, peer):
    process = command.start("login", "--paste", "--json")
    return process, peer.land(step(process)["url"]) + "\n"


def by_pasted_code(command, peer):
    process = command.start("login", "--paste", "--json")
    return process, query(peer.land(step(process)["url"]))["code"] + "\n"


def login_device(command, peer):
    process = command.start("login", "--device", "--json")
    peer.device(step(process)["user_code"])
    return process


WAYS = {"browser": by_browser, "paste": login_paste, "pasted-code": by_pasted_code, "device": login_device}


def sign_in(way, command, peer):
    started = WAYS[way](command, peer)
    process, typed = started if isinstance(started, tuple) else (started, None)
    last = json.loads(finish(process, typed).splitlines()[-1])
    assert last["step"] == "done"


@pytest.mark.parametrize("way", ["browser", "paste", "pasted-code"])
def test_a_whole_login_by_the_command_line(way, peer, command_line):
    command = command_line(peer.base, peer.app)
    sign_in(way, command, peer)
    use_up(command, peer)


def test_a_whole_login_by_device_code(device_peer, command_line):
    command = command_line(device_peer.base, device_peer.app)
    sign_in("device", command, device_peer)
    use_up(command, device_peer)


def use_up(command, peer):
    """Do everything that a login is for, and sign out."""
    path = API.get(type(peer).__name__.lower(), "/users/settings")

    first = command.json("token")
    assert command("token").out == first["access_token"] + "\n"
    assert peer.alive(first["access_token"])
    assert command("status").status == 0
    assert first["access_token"] not in command("status").out
    called = command("request", "GET", path)
    assert (called.status, bool(json.loads(called.out))) == (0, True)
    show = (
        "import os; print(os.environ['TRAKT_ACCESS_TOKEN'], any(name.startswith('TRAKTAUTH_') for name in os.environ))"
    )
    ran = command.execute("exec", "--", sys.executable, "-c", show)
    assert ran.out.split() == [first["access_token"], "False"], ran.err

    assert command("refresh").status == 0
    second = command.json("token")
    assert second["access_token"] != first["access_token"]
    assert peer.alive(second["access_token"])

    assert command("logout").status == 0
    assert not peer.alive(second["access_token"])
    assert command("token").status == 4
    assert command("status").status == 4


def test_a_denied_sign_in_ends_with_a_sentence_and_leaves_no_login(start_better_auth_with, command_line):
    peer = start_better_auth_with()
    command = command_line(peer.base, peer.app)
    process = command.start("login", "--browser", "--no-open", "--json")
    arrive(peer.browse(step(process)["url"] + "&prompt=consent", decision="deny")["location"])
    printed, message = process.communicate(timeout=30)
    assert process.returncode == 1, message
    assert json.loads(message.splitlines()[-1])["hint"]
    assert printed == ""
    assert command("token").status == 4
