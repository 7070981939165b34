"""Where a login was moved to, and the command that takes it back or finishes the move."""

from __future__ import annotations

import pytest

from traktauth.errors import LoginMoved, LoginRequired, TryLater
from traktauth.flow.moved_login import MAX_ADDRESS, being_moved, describe_target, finishing_command


@pytest.mark.parametrize(
    ("address", "where", "command"),
    [
        ("export:pytrakt:/srv/x.json", "/srv/x.json (a file of the format pytrakt)", "pytrakt /srv/x.json;"),
        ("export:kometa:/my files/c.yml", "/my files/c.yml (a file of the format kometa)", "kometa '/my files/c.yml';"),
        ("export:token:/x;rm -rf ~", "/x;rm -rf ~ (a file of the format token)", "token '/x;rm -rf ~';"),
        ("export:pytrakt", "a file of the format pytrakt", "pytrakt PATH;"),
        ("export:pytrakt:/a\x1b[2J", "a file of the format pytrakt", "pytrakt PATH;"),
        (f"export:pytrakt:/{'a' * MAX_ADDRESS}", "a file of the format pytrakt", "pytrakt PATH;"),
    ],
)
def test_an_exported_login_is_taken_back_from_its_file(address, where, command):
    assert describe_target(address) == (where, f"Take it back: traktauth import {command} or sign in: traktauth login")


@pytest.mark.parametrize("address", ["export:", "export:a b:/x", "export:$(x):/x", "exports:token:/x", "export:é:/x"])
def test_an_address_that_no_export_writes_is_not_shown(address):
    assert describe_target(address) == (
        "an address that no store has",
        "Forget that: traktauth logout --local; then sign in: traktauth login",
    )


def test_a_move_that_was_interrupted_names_the_command_that_finishes_it():
    assert str(finishing_command("sqlite:/x")) == "traktauth store move FROM TO"
    assert str(finishing_command("export:token:/x")) == "traktauth export token /x --transfer"


@pytest.mark.parametrize("is_valid", [True, False])
def test_no_refresh_is_sent_during_a_move_and_the_error_says_how_to_finish_it(is_valid):
    for address, target, kind in (
        ("sqlite:/x", "another store", LoginMoved),
        ("export:token:/x", "a file", LoginRequired),
    ):
        error = being_moved(address, is_valid=is_valid)
        assert isinstance(error, TryLater if is_valid else kind)
        assert str(error.message) == f"This login is being moved to {target}"
        assert str(finishing_command(address)) in error.hint_command
