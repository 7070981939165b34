"""What the store says of logins, a token that is adopted, and whose login it is."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from traktauth import App, LoginExists, LoginRequired, LoginState, StoreFailed, Token
from traktauth.models import LoginKey
from traktauth.models.changes import SaveToken
from traktauth.stores.open import open_store


def fetched(trakt_server, **changes):
    """Return a token as another program has it."""
    pair = trakt_server.pair()
    created = int(time.time())
    return Token(pair["access_token"], pair["refresh_token"], expires_in=3600, created_at=created, **changes)


def test_a_status_reads_the_store_and_sends_nothing(trakt, trakt_server, sign_in, app):
    token = sign_in(left=-1)
    status = trakt.status()
    assert (status.state, status.account, status.generation) == (LoginState.EXPIRED, "default", 1)
    assert (status.fingerprint, status.expires_at) == (token.fingerprint, token.expires_at)
    assert (status.refreshable, status.reason, status.pending, status.username) == (True, None, None, None)
    assert (status.client_id, status.service) == (app.client_id, trakt_server.base)
    assert "canary" not in repr(status)
    assert (trakt_server.refreshes, trakt_server.api_calls) == ([], [])


@pytest.mark.parametrize(
    ("prepare", "state", "reason"),
    [
        (lambda sign_in, trakt: None, "never", "never"),
        (lambda sign_in, trakt: sign_in(), "valid", None),
        (lambda sign_in, trakt: sign_in(refresh=False), "valid-not-refreshable", "expired"),
        (lambda sign_in, trakt: sign_in(left=-1, refresh=False), "sign-in-required", "expired"),
        (lambda sign_in, trakt: (sign_in(), trakt.logout()), "signed-out", "signed-out"),
    ],
)
def test_each_state_has_its_word_and_reason(trakt, sign_in, prepare, state, reason):
    prepare(sign_in, trakt)
    status = trakt.status()
    assert (status.state, status.reason) == (state, reason)
    assert status.refreshable is (reason is None)


def test_the_accounts_are_those_of_this_app_and_service(trakt, trakt_server, sign_in, app, address):
    sign_in(account="b")
    sign_in(account="a")
    store = open_store(address)
    for other in (LoginKey(trakt_server.base, "another-app", "c"), LoginKey("trakt", app.client_id, "d")):
        store.apply(other, SaveToken(fetched(trakt_server, expires_at=time.time() + 60, generation=1), after=0, at=0.0))
    assert [each.account for each in trakt.accounts()] == ["a", "b"]


def test_an_account_that_cannot_be_read_hides_no_other(trakt, sign_in, tmp_path):
    sign_in(account="a")
    sign_in(account="b")
    path = tmp_path / "tokens.json"
    document = json.loads(path.read_text())
    document["logins"][0]["generation"] = "one"
    path.write_text(json.dumps(document))
    damaged, well = trakt.accounts()
    assert (damaged.account, damaged.state, well.state) == ("a", "unreadable", "valid")
    assert "damaged" in damaged.message


def test_a_store_that_cannot_be_read_is_an_error(trakt, sign_in, tmp_path):
    sign_in()
    (tmp_path / "tokens.json").write_text("{")
    for read in (trakt.status, trakt.accounts):
        with pytest.raises(StoreFailed):
            read()


# ---------------------------------------------------------------- adoption
def test_a_token_from_elsewhere_becomes_the_login_and_is_refreshed(trakt, trakt_server):
    token = fetched(trakt_server)
    saved = trakt.adopt(token)
    assert saved == replace(token, generation=1, expires_at=float(token.created_at + 3600))
    assert trakt.token() == saved
    assert trakt.request("GET", "/users/settings").status_code == 200
    assert trakt.refresh().generation == 2


def test_an_expiry_that_is_passed_stays(trakt, trakt_server):
    token = fetched(trakt_server, expires_at=2e9)
    assert trakt.adopt(token).expires_at == 2e9


@pytest.mark.parametrize(
    "token",
    [
        Token("a", "b"),
        Token("a", "b", expires_in=3600),
        Token("a", "b", created_at=1),
        Token("a", "b", expires_in=-1, created_at=1),
        Token("a", "b", expires_at=float("nan")),
        Token("a", "b", expires_at=float("inf")),
        Token("", "b", expires_at=2e9),
    ],
)
def test_a_token_without_an_expiry_is_refused_and_nothing_is_saved(trakt, token):
    with pytest.raises(ValueError, match=r"expiry|access_token"):
        trakt.adopt(token)
    assert trakt.status().state == "never"


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("access_token", b"a", "str"),
        ("refresh_token", 7, "str or None"),
        ("created_at", 1790000000.5, "int or None"),
        ("expires_in", True, "int"),
    ],
)
def test_a_token_with_a_value_of_another_type_is_not_adopted(trakt, name, value, wanted):
    values = {"access_token": "a", "refresh_token": "r", "expires_at": 2e9, name: value}
    with pytest.raises(TypeError, match=f"^The token's {name} must be {wanted}, not {type(value).__name__}$"):
        trakt.adopt(Token(**values))
    assert trakt.status().reason == "never"


@pytest.mark.parametrize("left", [3000.0, -1.0])
def test_a_login_that_is_valid_or_refreshable_is_replaced_only_on_request(trakt, trakt_server, sign_in, left):
    old = sign_in(left=left)
    new = fetched(trakt_server)
    with pytest.raises(LoginExists) as caught:
        trakt.adopt(new)
    assert old.fingerprint in str(caught.value)
    assert trakt.status().fingerprint == old.fingerprint
    assert trakt.adopt(new, replace=True).generation == 2
    assert trakt_server.revoked == []
    assert trakt.token().access_token == new.access_token


# ---------------------------------------------------------------- whose login it is
def new_sign_in(trakt):
    return trakt.login("paste", prompt=lambda _: "good-code")


def test_the_user_is_read_once_after_a_sign_in_and_kept_over_a_refresh(trakt, trakt_server):
    trakt_server.user = {"username": "sean", "ids": {"slug": "sean", "uuid": "6c1b…"}}
    new_sign_in(trakt)
    assert len(trakt_server.api_calls) == 1
    for _ in range(2):
        status = trakt.status()
        assert (status.username, status.uuid) == ("sean", "6c1b…")
        trakt.refresh()
    assert len(trakt_server.api_calls) == 1


@pytest.mark.parametrize(
    "user", [None, {}, {"username": 5}, {"username": ""}, {"username": "a\x1b]52;c;x\x07"}, {"username": "x" * 60000}]
)
def test_a_name_that_cannot_be_read_leaves_the_sign_in_as_it_is(trakt, trakt_server, user):
    trakt_server.user = user
    new_sign_in(trakt)
    status = trakt.status()
    assert (status.state, status.username) == ("valid", None)


def test_another_user_does_not_keep_the_name_of_the_one_before(trakt, trakt_server):
    trakt_server.user = {"username": "sean"}
    new_sign_in(trakt)
    trakt_server.user = None
    new_sign_in(trakt)
    assert trakt.status().username is None


def test_an_api_that_cannot_be_reached_fails_no_sign_in(trakt_server, address, app):
    from traktauth import Trakt  # noqa: PLC0415 - one kind is enough
    from traktauth.models import find_service  # noqa: PLC0415 - the same

    service = replace(find_service(trakt_server.base), api="http://127.0.0.1:1")
    with Trakt(app, service=service, store=address) as trakt:
        new_sign_in(trakt)
        assert trakt.status().state == "valid"
        assert App(app.client_id).client_id == trakt.status().client_id


# ---------------------------------------------------------------- erasure
def test_after_a_sign_out_the_names_and_the_history_are_removed(trakt, trakt_server, tmp_path):
    trakt_server.user = {"username": "sean-canary"}
    anna = trakt.for_account("anna-canary")
    new_sign_in(anna)
    with pytest.raises(LoginExists, match="still signed in"):
        anna.erase()
    anna.logout()
    anna.erase()
    anna.erase()  # as often as one likes
    assert "canary" not in (tmp_path / "tokens.json").read_text()
    assert trakt.accounts() == []
    assert anna.status().state == "signed-out"
    new_sign_in(anna)
    assert anna.status().generation == 3  # it only grows


def test_an_account_that_never_had_a_login_cannot_be_erased(trakt):
    with pytest.raises(LoginRequired):
        trakt.erase()
