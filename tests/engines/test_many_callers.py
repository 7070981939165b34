"""Threads, tasks and processes at once, each with its own object, on one ended token: one refresh, one new token."""

from __future__ import annotations

import asyncio
import threading

from support.signed_in import WEEK

THREADS = 50
TASKS = 1000


def in_threads(login, found):
    """Ask in many threads at the same moment."""
    gate = threading.Barrier(THREADS)

    def ask():
        with login.trakt() as trakt:
            gate.wait()
            found.append(trakt.token().access_token)

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def in_tasks(login, found):
    """Ask in many tasks of one loop."""

    async def ask():
        async with login.async_trakt() as trakt:
            found.append((await trakt.token()).access_token)

    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(ask())


def test_threads_tasks_and_processes_together_share_one_refresh(signed_in):
    login, found = signed_in(), []
    login.age(WEEK)
    processes = [login.command.start("token") for _ in range(4)]
    thread = threading.Thread(target=in_threads, args=(login, found))
    thread.start()
    asyncio.run(in_tasks(login, found))
    thread.join()
    for process in processes:
        printed, message = process.communicate(timeout=60)
        assert process.returncode == 0, message
        found.append(printed.strip())
    assert len(found) == THREADS + TASKS + 4
    (token,) = set(found)
    assert login.refreshes() == 1
    assert login.engine.alive(token)
