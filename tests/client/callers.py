"""Trakt and AsyncTrakt under one set of blocking verbs, so that one test speaks of both."""

from __future__ import annotations

import asyncio
import inspect

from traktauth import AsyncTrakt, Trakt


class Awaited:
    """An AsyncTrakt in an event loop of its own, one call after another."""

    def __init__(self, *args, _made=None, _runner=None, **named):
        self.runner = _runner or asyncio.Runner()
        self.trakt = _made or AsyncTrakt(*args, **named)

    def __getattr__(self, name):
        value = getattr(self.trakt, name)
        if not callable(value) or isinstance(value, type):
            return value

        def call(*args, **named):
            answer = value(*args, **named)
            if isinstance(answer, AsyncTrakt):
                return Awaited(_made=answer, _runner=self.runner)
            return self.runner.run(_wait(answer)) if inspect.isawaitable(answer) else answer

        return call

    def close(self):
        self.runner.run(self.trakt.close())
        self.runner.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


async def _wait(answer):
    return await answer


CALLERS = {"blocking": Trakt, "async": Awaited}
