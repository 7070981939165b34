"""`token` and `refresh` when a refresh is due: by many processes at once, with lost answers, and killed in between."""

from __future__ import annotations

import json
import signal
import threading

import pytest

from support.wire import bearer, call
from traktauth.protocol import ONE_COMMUNITY_APP

TOKEN = "/oauth/token"


def refreshes(local):
    return local.ledger()["counts"].get("POST /oauth/token", {}).get("refresh_token", 0)


def works(local, command, token):
    headers = bearer(token, command.env["TRAKTAUTH_CLIENT_ID"])
    return call(local.base, "GET", "/users/settings", headers=headers).status == 200


@pytest.fixture
def wired(command, local, recording_proxy):
    """`traktauth` behind a proxy to a local Trakt."""
    wire = recording_proxy(local.base)
    command.at(wire.base)
    return command, wire


def test_a_refresh_renews_a_fresh_token_and_says_so_without_showing_it(at_local, local):
    at_local.keep_real(local)
    outcome = at_local("refresh")
    new = at_local.record().token
    assert (outcome.status, outcome.out) == (0, "")
    assert outcome.err.startswith(f"✓ Refreshed: token {new.fingerprint}, valid until ")
    assert new.generation == 2
    assert works(local, at_local, new.access_token)


def test_a_lost_answer_is_not_sent_again_while_the_old_token_lives(wired, local):
    command, wire = wired
    old = command.keep_real(local)
    wire.swallow(TOKEN, grant="refresh_token")
    first, second = command("refresh"), command("refresh", "--json")
    assert (first.status, first.out, second.status, second.out) == (5, "", 5, "")
    assert f"The token {old.fingerprint} is valid until " in first.err
    assert "traktauth refresh --force" in first.err.splitlines()[-1]
    assert f"The token {old.fingerprint} is valid until " in json.loads(second.err)["message"]
    assert command("token") == (0, f"{old.access_token}\n", "")
    assert wire.count(TOKEN, grant="refresh_token") == 1


def test_force_names_the_price_and_sends_it_all_the_same(wired, local):
    command, wire = wired
    command.keep_real(local)
    wire.drop(TOKEN, grant="refresh_token")
    assert command("refresh").status == 5
    outcome = command("refresh", "--force")
    assert outcome.status == 0
    assert outcome.err.startswith("! An earlier refresh is unconfirmed. If it reached Trakt, sending it again ends")
    assert wire.count(TOKEN, grant="refresh_token") == 2


def test_a_dead_refresh_token_asks_for_a_sign_in(at_local, local):
    at_local.keep("unknown-access-token", "unknown-refresh-token", left=-1)
    outcome = at_local("token", "--json")
    assert outcome.status == 4
    assert json.loads(outcome.err) == {
        "error": "LoginRequired",
        "code": "login-revoked",
        "message": "This login cannot be refreshed: Trakt refused its refresh token",
        "hint": f"Sign in: traktauth login. {ONE_COMMUNITY_APP}. Why: traktauth explain login-revoked",
    }
    assert refreshes(local) == 1
    later = at_local("token", "--json")
    assert (later.status, json.loads(later.err)) == (4, json.loads(outcome.err))
    assert refreshes(local) == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_during_a_refresh_is_delivered_after_the_save(wired, local, signum):
    command, wire = wired
    command.keep_real(local, left=-1)
    main = threading.get_ident()
    wire.call(TOKEN, lambda: signal.pthread_kill(main, signum), grant="refresh_token")
    status, out, err = command("token")
    record = command.record()
    assert (status, out) == (2, "")
    assert err.startswith("Error: ")
    assert (record.generation, record.pending_refresh) == (2, None)
    assert works(local, command, record.token.access_token)
