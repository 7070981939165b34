"""Signing in by the command line, and every command after it, at everything that answers as Trakt does."""

from __future__ import annotations

import json
import sys

from support.command import finish, step

API = {"doorkeeper": "/me"}


def signed_in(process, typed=None):
    assert json.loads(finish(process, typed).splitlines()[-1])["step"] == "done"


def test_a_whole_login_by_the_command_line(peer, command_line):
    command = command_line(peer.base, peer.app)
    process = command.start("login", "--paste", "--json")
    signed_in(process, peer.land(step(process)["url"]) + "\n")
    use_up(command, peer)


def test_a_whole_login_by_device_code(device_peer, command_line):
    command = command_line(device_peer.base, device_peer.app)
    process = command.start("login", "--device", "--json")
    device_peer.device(step(process)["user_code"])
    signed_in(process)
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
