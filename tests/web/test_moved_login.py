"""A web application goes on with the store that its users' logins were moved to."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from support.web_users import visit
from traktauth import LoginMoved
from traktauth.stores import open_store
from traktauth.stores.move import move
from traktauth.web import AsyncWebLogin, WebLogin
from web.frameworks import out_of_reach


class Blocking:
    """`WebLogin`, and `AsyncWebLogin` under the same verbs."""

    def __init__(self, server, store):
        self.server = server
        self.login = WebLogin(server.app, store=store, service=server.url, clock=server.clock)

    def run(self, value):
        return value

    def sign_in(self):
        started = self.login.start()
        cookies = {started.cookie_name: started.cookie_value}
        return self.run(self.login.finish(cookies, visit(self.server, started.url))).account

    def token(self, account):
        return self.run(self.login.trakt(account).token())

    def close(self):
        self.run(self.login.close())


class Async(Blocking):
    def __init__(self, server, store):
        self.server, self.runner = server, asyncio.Runner()
        self.login = AsyncWebLogin(server.app, store=store, service=server.url, clock=server.clock)

    def run(self, value):
        async def wait():
            return await value

        return self.runner.run(wait())

    def close(self):
        super().close()
        self.runner.close()


@pytest.fixture
def places(tmp_path):
    return [f"file:{tmp_path}/logins.json", f"sqlite:{tmp_path}/logins.db"]


@pytest.fixture(params=[Blocking, Async])
def application(request, server, places):
    with closing(request.param(server, places[0])) as made:
        yield made


def move_all(source, target):
    with closing(open_store(source)) as old, closing(open_store(target)) as new:
        assert {moved.outcome.name for moved in move(old, new)} == {"MOVED"}


def tokens(place):
    with closing(open_store(place)) as store:
        return [store.load(login).token for login in store.list_logins()]


def test_a_user_goes_on_after_a_move(application, places, server):
    account = application.sign_in()
    move_all(*places)
    server.advance(days=8)
    assert application.token(account) == application.token(account)
    assert server.ledger["rotations"] == 1
    assert tokens(places[1]) == [application.token(account)]


def test_a_user_who_signs_in_again_after_a_move_has_one_login_in_the_new_store(application, places):
    account = application.sign_in()
    move_all(*places)
    assert application.sign_in() == account
    assert tokens(places[0]) == [None]
    assert tokens(places[1]) == [application.token(account)]
    assert application.token(account).generation == 2


def test_a_sign_in_of_a_user_whose_store_cannot_be_opened_fails_as_an_outage(application, places):
    account = application.sign_in()
    lose(application.login, places[0], account)
    with pytest.raises(Exception, match="was moved to") as failed:
        application.sign_in()
    assert failed.value.cause == "busy"
    with pytest.raises(LoginMoved):
        application.token(account)


def lose(login, place, account):
    """Move a login to a store that cannot be opened."""
    with closing(open_store(place)) as store:
        key = login.trakt(account).config.key
        assert store.apply(key, out_of_reach(store.load(key)))
