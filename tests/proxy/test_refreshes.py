"""A program refreshes: it is answered from the store, after one refresh at most, and never given a refresh token."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from traktauth import Trakt
from traktauth.models import User
from traktauth.models.changes import SaveToken, SetMoved, SetUser
from traktauth.models.store_address import EXPORT
from traktauth.models.token_digests import digest

DAY = 86400
TOKEN_PATHS = ["/oauth/token", "//oauth//token", "/oauth/token/", "/oauth/%74oken", "/api/auth/oauth2/token"]


def test_a_programs_own_refresh_token_is_adopted_and_used_once(proxied, server, own):
    answer = proxied.refresh(own["refresh_token"])
    assert answer.status_code == 200
    members = answer.json()
    assert members.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "created_at"}
    assert members["refresh_token"].startswith("tap_")
    assert len(members["refresh_token"]) == 4 + 43
    assert members["expires_in"] == pytest.approx(7 * DAY, abs=5)
    assert proxied.told == ["The program's own login was taken over, as account default"]
    record = proxied.record()
    assert record.token.access_token == members["access_token"]
    assert record.user.username == "sean"
    assert record.digests.placeholders == (digest(members["refresh_token"]),)
    assert server.ledger["rotations"] == 1


def test_the_same_refresh_token_again_is_answered_from_the_store(proxied, server, own, held):
    again = proxied.refresh(own["refresh_token"]).json()
    assert again["access_token"] == held["access_token"]
    assert again["refresh_token"] != held["refresh_token"]
    assert (server.ledger["rotations"], server.ledger["replays"]) == (1, 0)


@pytest.mark.parametrize("path", TOKEN_PATHS)
def test_a_placeholder_is_echoed(proxied, server, held, path):
    answer = proxied.refresh(held["refresh_token"], path=path, host="auth.trakt.tv").json()
    assert (answer["refresh_token"], answer["access_token"]) == (held["refresh_token"], held["access_token"])
    assert server.ledger["rotations"] == 1


def test_a_form_is_as_good_as_json(proxied, held):
    form = {"grant_type": "refresh_token", "refresh_token": held["refresh_token"], "client_id": proxied.app.client_id}
    form["client_secret"] = proxied.app.client_secret
    answer = proxied.client.post("https://api.trakt.tv/oauth/token", data=form)
    assert answer.json()["access_token"] == held["access_token"]


@pytest.mark.parametrize(("days", "rotations"), [(3, 1), (4, 2), (9, 2)])
def test_it_is_refreshed_once_less_than_half_of_its_life_is_left(proxied, server, held, days, rotations):
    server.advance(days=days)
    first = proxied.refresh(held["refresh_token"]).json()
    assert proxied.refresh(held["refresh_token"]).json() | {"created_at": 0, "expires_in": 0} == (
        first | {"created_at": 0, "expires_in": 0}
    )
    assert first["created_at"] == pytest.approx(server.clock(), abs=5)
    assert first["expires_in"] == pytest.approx((7 if rotations == 2 else 7 - days) * DAY, abs=5)
    assert server.ledger["rotations"] == rotations


def test_a_token_that_the_api_rejected_is_not_given_again(proxied, server, held):
    server.expire("access", held["access_token"])
    assert proxied.call(held["access_token"]).status_code == 200
    assert proxied.refresh(held["refresh_token"]).json()["access_token"] != held["access_token"]
    assert server.ledger["rotations"] == 2


@pytest.mark.parametrize("secret", ["b" * 64, None])
def test_another_secret_is_refused(proxied, held, secret):
    answer = proxied.refresh(held["refresh_token"], app=replace(proxied.app, client_secret=secret))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("known", [True, False])
def test_a_placeholder_of_another_app_or_store_is_refused(proxied, server, held, known):
    app = replace(proxied.app, client_id="f" * 64) if known else proxied.app
    placeholder = held["refresh_token"] if known else f"tap_{'A' * 43}"
    answer = proxied.refresh(placeholder, app=app)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert sum(server.ledger["counts"]["POST /oauth/token"].values()) == 1


def test_an_earlier_refresh_token_is_never_sent_again(proxied, server, own, held):
    for _ in range(3):
        server.advance(days=8)
        held = proxied.refresh(held["refresh_token"]).json()
    assert proxied.refresh(own["refresh_token"]).json()["access_token"] == held["access_token"]
    assert (server.ledger["rotations"], server.ledger["replays"], server.ledger["families_killed"]) == (4, 0, 0)


def test_the_refresh_token_of_a_stored_login_is_that_login(proxied, server):
    with Trakt(proxied.app, service=server.url, store=proxied.store, clock=server.clock) as trakt:
        token = server.sign_in_at(trakt, "sean")
        answer = proxied.refresh(token.refresh_token).json()
        assert answer["access_token"] == token.access_token
        assert answer["refresh_token"].startswith("tap_")
        assert server.ledger["rotations"] == 0


def test_an_unknown_refresh_token_is_a_login_of_its_own(proxied, server, held):
    other = server.sign_in("justin")
    answer = proxied.refresh(other["refresh_token"]).json()
    name = f"proxy-{proxied.told[-1].rpartition('-')[2]}"
    assert proxied.told[-1] == f"The program's own login was taken over, as account {name}"
    assert proxied.record(name).user.username == "justin"
    assert proxied.call(held["access_token"]).json()["user"]["username"] == "sean"
    assert proxied.call(answer["access_token"]).json()["user"]["username"] == "justin"


def test_a_made_up_refresh_token_does_not_take_the_accounts_place(proxied, own):
    assert proxied.refresh("made-up").json()["error"] == "invalid_grant"
    assert proxied.refresh(own["refresh_token"]).status_code == 200
    assert proxied.record().user.username == "sean"


def test_an_adoption_with_a_wrong_secret_can_be_repeated(proxied, own):
    answer = proxied.refresh(own["refresh_token"], app=replace(proxied.app, client_secret="b" * 64))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert proxied.refresh(own["refresh_token"]).status_code == 200


def test_a_login_that_was_exported_to_the_program_comes_back(proxied, server, own, tmp_path):
    with Trakt(proxied.app, service=server.url, store=proxied.store, clock=server.clock) as trakt:
        token = server.sign_in_at(trakt, "sean")
        proxied.store.apply(trakt.config.key, SetMoved(token.generation, f"{EXPORT}pytrakt:{tmp_path / 'own.json'}"))
    assert proxied.refresh(token.refresh_token).status_code == 200
    assert proxied.record().token.generation > token.generation
    assert server.ledger["replays"] == 0


def test_eight_proxies_at_expiry_refresh_once(new_proxy, server, own):
    placeholder = new_proxy().refresh(own["refresh_token"]).json()["refresh_token"]
    server.advance(days=9)
    proxies = [new_proxy() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda proxy: proxy.refresh(placeholder).json()["access_token"], proxies))
    assert len(set(answers)) == 1
    assert (server.ledger["rotations"], server.ledger["replays"]) == (2, 0)


def test_two_proxies_that_adopt_one_token_at_once_make_one_login(new_proxy, server, own):
    proxies = [new_proxy() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda proxy: proxy.refresh(own["refresh_token"]).json()["access_token"], proxies))
    assert len(set(answers)) == 1
    assert len(proxies[0].store.list_logins()) == 1
    assert (server.ledger["rotations"], server.ledger["replays"]) == (1, 0)


def test_after_a_sign_out_the_placeholder_is_refused_until_the_same_user_signs_in(proxied, server, held):
    with Trakt(proxied.app, service=server.url, store=proxied.store, clock=server.clock) as trakt:
        trakt.logout()
        assert proxied.refresh(held["refresh_token"]).json()["error"] == "invalid_grant"
        server.sign_in_at(trakt, "sean")
    assert proxied.refresh(held["refresh_token"]).status_code == 200


@pytest.mark.parametrize("is_named", [True, False])
def test_another_users_sign_in_ends_the_placeholders_of_the_first(proxied, server, held, is_named):
    with Trakt(proxied.app, service=server.url, store=proxied.store, clock=server.clock) as trakt:
        token = proxied.record().token
        other = server.sign_in("justin")
        new = replace(
            token,
            access_token=other["access_token"],
            refresh_token=other["refresh_token"],
            generation=token.generation + 1,
        )
        proxied.store.apply(trakt.config.key, SaveToken(new, token.generation, server.clock(), is_sign_in=True))
        if is_named:
            user = proxied.call(other["access_token"]).json()["user"]
            change = SetUser(new.generation, User("justin", user["ids"]["uuid"]))
            proxied.store.apply(trakt.config.key, change)
    assert proxied.refresh(held["refresh_token"]).json()["error"] == "invalid_grant"
    assert proxied.call(held["access_token"]).json()["user"]["username"] == "sean"  # its own token, as it was sent


def test_a_login_that_has_ended_is_told_as_trakt_does(proxied, server, held):
    server.advance(days=9)
    server.disconnect("sean")
    answer = proxied.refresh(held["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert any("This login cannot be refreshed" in text for text in proxied.told)


def test_an_outage_is_told_with_the_time_to_wait(proxied, server, held):
    server.advance(days=9)
    server.fail_next("/oauth/token", status=429, headers={"retry-after": "7"})
    answer = proxied.refresh(held["refresh_token"])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert proxied.refresh(held["refresh_token"]).status_code == 200
    assert server.ledger["replays"] == 0


def test_a_valid_token_is_served_through_an_outage(proxied, server, held):
    server.advance(days=6)
    server.fail_next("/oauth/token", drop="before")
    answer = proxied.refresh(held["refresh_token"]).json()
    assert answer["access_token"] == held["access_token"]
    assert answer["expires_in"] == pytest.approx(DAY, abs=5)


def test_a_clock_that_is_set_back_loses_nothing(proxied, server, held):
    server.advance(days=-30)
    assert proxied.refresh(held["refresh_token"]).status_code == 200
    assert server.ledger["replays"] == 0


def test_a_store_that_fails_answers_503_and_nothing_is_sent(proxied, server, own, held, tmp_path):
    path = tmp_path / "logins.sqlite"
    path.rename(tmp_path / "away")
    path.write_text("no database")
    for token in (held["refresh_token"], own["refresh_token"]):
        answer = proxied.refresh(token)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert server.ledger["rotations"] == 1
