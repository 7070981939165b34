"""Many processes of the command, one login, real better-auth: where a refresh token sent twice would end the login."""

from __future__ import annotations

import pytest

from support.signed_in import PROCESSES, WEEK
from traktauth import TryLater

NEARLY_OVER = WEEK * 0.985  # in the last fiftieth of its life: a refresh is waited for


def test_a_token_that_really_expired_is_renewed_by_one_of_eight_processes(signed_in):
    login = signed_in(ACCESS_TTL="3600")
    for done in range(1, 4):
        expired = login.stored().token.access_token
        login.engine.pass_time(3601)
        login.age(3601)
        assert not login.engine.alive(expired)
        printed = login.tokens()
        assert login.refreshes() == done
        assert [login.engine.alive(token) for token in printed] == [True]


def test_a_swallowed_answer_is_sent_once_and_the_old_token_served_while_it_lives(signed_in):
    login = signed_in()
    old = login.stored().token
    login.age(NEARLY_OVER)
    login.proxy.swallow("/oauth/token", grant="refresh_token")
    for _ in range(3):
        assert login.tokens() == {old.access_token}
    assert login.refreshes() == 1
    assert login.stored().pending_refresh is not None
    assert login.engine.alive(old.access_token)


def test_after_the_end_of_the_token_a_lost_answer_is_followed_by_a_probe_and_one_sending(signed_in):
    login = signed_in()
    login.age(NEARLY_OVER)
    login.proxy.swallow("/oauth/token", grant="refresh_token")
    login.tokens(1)
    login.age(WEEK)
    running = [login.command.start("token") for _ in range(PROCESSES)]
    codes = [process.communicate(timeout=60) and process.returncode for process in running]
    assert set(codes) == {4}
    assert login.refreshes() == 3  # the lost one, the probe, and the one that the engine refused


def test_a_refresh_that_never_arrived_is_repeated_and_brings_the_login_back(signed_in):
    """No client can know that it did not arrive."""
    login = signed_in()
    login.age(WEEK)
    login.proxy.drop("/oauth/token", grant="refresh_token")
    with login.trakt() as trakt:
        with pytest.raises(TryLater) as caught:
            trakt.token()
        assert caught.value.unconfirmed
        assert login.engine.alive(trakt.token().access_token)
    assert login.refreshes() == 3  # a probe among them
