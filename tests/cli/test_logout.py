"""`traktauth logout`: revoked at Trakt, then forgotten; and what is said where something may live on."""

from __future__ import annotations

import json
import time

from support.wire import bearer, call
from traktauth.models import PendingRefresh, Sender
from traktauth.models.changes import BeginRefresh


def test_after_a_sign_out_neither_token_works(at_local, local):
    token = at_local.keep_real(local)
    assert at_local("logout") == (0, "", "✓ Signed out of account default: revoked at Trakt and deleted here\n")
    headers = bearer(token.access_token, at_local.env["TRAKTAUTH_CLIENT_ID"])
    assert call(local.base, "GET", "/users/settings", headers=headers).status == 401
    assert local.ledger()["alive"] == {"access": 0, "refresh": 0}
    assert token.access_token not in at_local.path.read_text()
    assert at_local("token").status == 4
    assert at_local("status").status == 4


def test_local_only_forgets_and_says_where_the_rest_is_ended(at_local, local):
    at_local.keep_real(local)
    outcome = at_local("logout", "--local")
    assert (outcome.status, outcome.out) == (0, "")
    assert outcome.err == (
        "✓ Signed out of account default: deleted here; nothing was revoked at Trakt\n"
        "! A refresh token may still be valid at Trakt.\n"
        f"→ Remove the app there, under connected apps: {local.base}/\n"
    )
    assert local.ledger()["alive"] == {"access": 1, "refresh": 1}


def in_doubt(at_local, local):
    token = at_local.keep_real(local)
    at_local.store.apply(
        at_local.login(), BeginRefresh(PendingRefresh(token.generation, 1, time.time() - 60, Sender("elsewhere", 1)))
    )


def test_a_refresh_token_in_doubt_is_not_revoked_and_that_is_reported(at_local, local):
    in_doubt(at_local, local)
    outcome = at_local("logout", "--json")
    assert json.loads(outcome.out) == {
        "account": "default",
        "revoked": True,
        "left_at_trakt": True,
        "end_at": f"{local.base}/",
    }
    assert local.ledger()["alive"] == {"access": 0, "refresh": 1}
    assert outcome.err == ""
    in_doubt(at_local, local)
    assert "default: its access token was revoked at Trakt and deleted here\n" in at_local("logout").err


def test_trakts_own_page_is_named_for_trakt(command):
    command.at("trakt").keep()
    assert "https://trakt.tv/oauth/authorized_applications" in command("logout", "--local").err


def test_erase_leaves_no_name(at_local, local):
    at_local.keep_real(local, account="anna-canary")
    assert at_local("logout", "--erase", "--account", "anna-canary").status == 0
    assert "canary" not in at_local.path.read_text()
    assert "canary" not in at_local("status").out


def test_a_login_that_was_signed_out_before_is_erased(at_local, local):
    at_local.keep_real(local, account="anna-canary")
    for _ in range(2):
        at_local("logout", "--account", "anna-canary")
    assert at_local("logout", "--erase", "--account", "anna-canary").status == 0
    assert "canary" not in at_local.path.read_text()
