"""What is noted of a request is what this request did, also if others are committed together with it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing

from server.conftest import SEED
from support.asgi import post
from traktauth.server.app import build
from traktauth.server.config.settings import Settings

APP = {"client_id": "first-app", "client_secret": "first-secret"}


async def committed_together(built, requests):
    """Send requests while the writer is busy, so that one transaction holds all of them; return their statuses."""
    gate = threading.Event()
    busy = asyncio.ensure_future(built.context.storage.write(lambda _: gate.wait()))
    await asyncio.sleep(0)
    sent = []
    for members in requests:
        sent.append(asyncio.ensure_future(post(built.application, "/oauth/token", **APP, **members)))
        await asyncio.sleep(0)
    gate.set()
    answers = await asyncio.gather(*sent)
    await busy
    return [status for status, _ in answers]


async def refreshes_with_a_replay_between(built):
    users = ["sean", "sean", "justin"]
    made = [
        (await post(built.application, "/_control/tokens", client_id="first-app", username=user, count=1))[1]["tokens"]
        for user in users
    ]
    used, other, third = (tokens[0]["refresh_token"] for tokens in made)
    refresh = {"grant_type": "refresh_token"}
    await post(built.application, "/oauth/token", **APP, **refresh, refresh_token=used)
    order = [third, used, other]
    statuses = await committed_together(built, [refresh | {"refresh_token": token} for token in order])
    return statuses, [entry.events for entry in built.context.request_log.entries[-3:]]


def test_a_replay_is_noted_at_its_own_request_alone(tmp_path):
    settings = Settings(database=f"sqlite:{tmp_path / 'db'}", control=True, seed=SEED)
    with closing(build(settings, "http://127.0.0.1")) as built:
        statuses, events = asyncio.run(refreshes_with_a_replay_between(built))
    assert statuses == [200, 400, 400]
    assert events == [("rotations",), ("replays", "families_killed"), ()]
