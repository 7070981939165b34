"""A program that asks for tokens: a line on stdin is the time it is, a line on stdout what came of it.

Usage: renewer.py blocking|async STORE SERVICE LEASE
"""

from __future__ import annotations

import asyncio
import json
import sys

from traktauth import App, AsyncTrakt, Trakt
from traktauth.errors import TraktAuthError
from traktauth.stores.database import operations

APP = App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")
TIME = [0.0]


def clock():
    return TIME[0]


def times():
    """Say that we are there, and yield when the parent tells the time."""
    print("ready", flush=True)
    for line in sys.stdin:
        TIME[0] = float(line)
        yield


def answer(token):
    print(json.dumps({"access": token.access_token, "generation": token.generation}), flush=True)


def failed(error):
    print(json.dumps({"error": type(error).__name__, "reason": getattr(error, "reason", "")}), flush=True)


def blocking(store, service):
    with Trakt(APP, service=service, store=store, clock=clock) as trakt:
        for _ in times():
            try:
                answer(trakt.token())
            except TraktAuthError as error:
                failed(error)


async def awaited(store, service):
    async with AsyncTrakt(APP, service=service, store=store, clock=clock) as trakt:
        for _ in times():
            try:
                answer(await trakt.token())
            except TraktAuthError as error:
                failed(error)


if __name__ == "__main__":
    kind, store, service, lease = sys.argv[1:]
    operations.LEASE = float(lease)
    if kind == "blocking":
        blocking(store, service)
    else:
        asyncio.run(awaited(store, service))
