"""Whose connections are used: a fork, an event loop, a thread has its own; nothing is left open."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stores.children import in_child
from traktauth import AsyncTrakt, Trakt
from traktauth.client.http_clients import HttpClients


def test_a_forked_child_makes_connections_of_its_own(trakt_server, app, address, sign_in):
    """Two processes that write into one connection would get each other's answers."""
    sign_in()
    with Trakt(app, service=trakt_server.base, store=address) as trakt:
        trakt.request("GET", "/parent")
        assert trakt_server.connections == 1

        def use():
            paths = [trakt.request("GET", f"/child/{number}").json()["path"] for number in range(3)]
            trakt.close()
            return paths

        assert in_child(use) == ["/child/0", "/child/1", "/child/2"]
        assert trakt_server.connections == 2
        assert trakt.request("GET", "/parent").json()["path"] == "/parent"
        assert trakt_server.connections == 2  # the parent's was not closed by the child


@pytest.mark.slow
def test_a_fork_in_the_middle_of_a_refresh_does_not_send_it_again(trakt_server, app, address, sign_in):
    old = sign_in(life=1000, left=10)
    go_on = threading.Event()
    trakt_server.before.append(lambda: go_on.wait(120))
    with Trakt(app, service=trakt_server.base, store=address) as trakt, ThreadPoolExecutor(1) as pool:
        pending_refresh = pool.submit(trakt.token)
        assert trakt_server.arrived.wait(60)

        def use():
            with Trakt(app, service=trakt_server.base, store=address, account="default") as mine:
                threading.Timer(0.3, lambda: None).start()
                return mine.config.key, mine.store.load(mine.config.key).token.access_token

        assert in_child(use)[1] == old.access_token
        go_on.set()
        assert pending_refresh.result().generation == 2
        assert in_child(lambda: trakt.token().generation) == 2
    assert len(trakt_server.refreshes) == 1


def test_many_threads_that_share_an_object_share_its_client(monkeypatch):
    made = []

    class Client:
        def __init__(self, *, direct):
            made.append(self)

        def close(self):
            made.remove(self)

    monkeypatch.setattr("traktauth.client.http.new_client", Client)
    connections, together = HttpClients(), threading.Barrier(20)

    def use(_):
        together.wait(60)
        return connections._client("https://trakt.example")

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(use, range(20)))) == 1
    connections.close()
    assert made == []


def test_an_object_can_be_used_in_one_loop_after_another(trakt_server, app, address, sign_in):
    sign_in(left=-1)
    trakt = AsyncTrakt(app, service=trakt_server.base, store=address)

    async def renew():  # and leave without closing
        return (await trakt.refresh()).generation

    async def use():
        async with trakt:
            return (await trakt.request("GET", "/users/settings")).status_code

    assert [asyncio.run(renew()) for _ in range(3)] == [2, 3, 4]
    assert trakt._http_clients._kept == {}  # a refresh leaves none
    assert [asyncio.run(use()) for _ in range(3)] == [200] * 3


def test_loops_in_several_threads_can_share_an_object(trakt_server, app, address, sign_in):
    sign_in(left=-1)
    trakt = AsyncTrakt(app, service=trakt_server.base, store=address)

    async def use():
        statuses = [response.status_code for response in await asyncio.gather(*[call() for _ in range(5)])]
        await trakt.close()
        return statuses

    async def call():
        return await trakt.request("GET", "/users/settings")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: asyncio.run(use()), range(4))) == [[200] * 5] * 4
    assert len(trakt_server.refreshes) == 1


def test_neither_threads_nor_sockets_are_left(trakt_server, app, address, sign_in):
    sign_in(left=-1)

    async def use():
        async with AsyncTrakt(app, service=trakt_server.base, store=address) as trakt:
            await trakt.request("GET", "/users/settings")
            await trakt.refresh()

    asyncio.run(use())
    before = set(threading.enumerate())
    for _ in range(3):
        asyncio.run(use())
        with Trakt(app, service=trakt_server.base, store=address) as trakt:
            trakt.request("GET", "/users/settings")
            trakt.refresh()
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("traktauth") and "store" not in thread.name:
            thread.join(60)  # it may be about to end
            assert not thread.is_alive(), thread.name
    gc.collect()  # a socket that was not closed would be warned of, and a warning is an error


def test_closing_waits_for_another_threads_refresh(trakt_server, app, address, sign_in):
    sign_in(left=-1)
    go_on = threading.Event()
    trakt_server.before.append(lambda: go_on.wait(120))
    trakt = Trakt(app, service=trakt_server.base, store=address)
    with ThreadPoolExecutor(2) as pool:
        pending_refresh = pool.submit(trakt.token)
        assert trakt_server.arrived.wait(60)
        closing = pool.submit(trakt.close)
        threading.Event().wait(0.1)
        assert not closing.done()
        go_on.set()
        assert pending_refresh.result().generation == 2
        closing.result(60)


def test_a_forked_child_that_only_closes_leaves_the_parents_connection(trakt_server, app, address, sign_in):
    sign_in()
    with Trakt(app, service=trakt_server.base, store=address) as trakt:
        trakt.request("GET", "/parent")
        in_child(trakt.close)
        trakt.request("GET", "/parent")
        assert trakt_server.connections == 1
