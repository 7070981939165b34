"""A redirect address that is not registered, and two ways to sign in at once, are refused before anybody waits."""

from __future__ import annotations

import pytest

UNREGISTERED = "http://127.0.0.1:9999/another-path"


def test_doctor_finds_a_redirect_address_that_is_not_registered(at_local):
    outcome = at_local("doctor", TRAKTAUTH_REDIRECT_URI=UNREGISTERED)
    assert outcome.status == 3
    assert f"The redirect address {UNREGISTERED} is not registered for this app" in outcome.out


def test_setup_refuses_a_redirect_address_that_is_not_registered(at_local):
    app = {name: at_local.env.pop(f"TRAKTAUTH_{name}") for name in ("CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI")}
    words = ("--client-id", app["CLIENT_ID"], "--secret-stdin", "--yes")
    outcome = at_local("setup", *words, "--redirect-uri", UNREGISTERED, stdin=app["CLIENT_SECRET"])
    assert outcome.status == 3
    assert "is not registered for this app; nothing was saved" in outcome.err
    assert at_local("setup", *words, "--redirect-uri", app["REDIRECT_URI"], stdin=app["CLIENT_SECRET"]).status == 0


@pytest.mark.parametrize("words", [("--browser", "--device"), ("--paste", "--device"), ("--resume", "--with-token")])
def test_two_ways_to_sign_in_are_wrong_usage(command, words):
    outcome = command("login", *words)
    assert (outcome.status, outcome.out) == (2, "")
    assert "cannot be combined" in outcome.err
