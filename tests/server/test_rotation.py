"""Used refresh tokens: what each mode of rotation does to everybody's tokens, beyond the recorded cases."""

from __future__ import annotations

import concurrent.futures
from collections import Counter

import pytest

REPLAYED = (400, "invalid_grant", "invalid refresh token")
ENDED = (400, "invalid_grant", "session not found")


def test_family_a_used_token_ends_every_device_of_that_user_and_app(current):
    first, device = current.login(), current.login()
    other_app, other_user = current.login("second"), current.login(user="other")
    newest = current.renewed(first.refresh)
    assert current.refresh(first.refresh).message == REPLAYED
    assert current.refresh(newest.refresh).message == ENDED
    assert current.refresh(device.refresh).message == ENDED
    assert {current.use(token) for token in (first.access, newest.access, device.access)} == {401}
    assert current.use(other_app.access, "second") == 200
    assert current.refresh(other_app.refresh, "second").status == 200
    assert current.use(other_user.access) == 200
    assert current.refresh(other_user.refresh).status == 200
    ledger = current.ledger()
    assert (ledger["replays"], ledger["families_killed"], ledger["rotations"]) == (1, 1, 3)


def test_grace_gives_the_same_answer_again_for_so_long(start):
    client = start(rotation="grace:30")
    login = client.login()
    first = client.refresh(login.refresh).json
    client.control("clock", advance=29)
    assert client.refresh(login.refresh).json == first
    assert client.ledger()["rotations"] == 1
    client.control("clock", advance=2)
    assert client.refresh(login.refresh).message == REPLAYED
    assert client.use(first["access_token"]) == 200


def test_grace_gives_nothing_for_a_revoked_token(start):
    client = start(rotation="grace:30")
    login = client.login()
    client.revoke(login.refresh)
    assert client.refresh(login.refresh).message == REPLAYED


@pytest.mark.parametrize(
    ("settings", "wins"),
    [
        ({"profile": "current"}, 1),
        ({"profile": "current", "rotation": "once"}, 1),
        ({"profile": "classic", "rotation": "once"}, 1),
        ({"profile": "classic"}, 10),
        ({"profile": "current", "rotation": "grace:60"}, 10),
    ],
)
def test_of_ten_equal_refreshes_as_many_win_as_the_mode_lets(start, tmp_path, settings, wins):
    client = start(database=f"sqlite:{tmp_path / 'db'}", **settings)
    login = client.login()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda _: client.refresh(login.refresh), range(10)))
    assert Counter(reply.status for reply in replies) == Counter({200: wins, 400: 10 - wins})


def test_a_token_whose_user_is_gone_is_refused(current):
    login = current.login()
    current.server._built.context.database.write(lambda db: db.users.delete())
    assert current.refresh(login.refresh).message == (400, "invalid_request", "user not found")
