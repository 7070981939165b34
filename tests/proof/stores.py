"""The world's store as a program's driver sees it: blocking or awaited, every verb an act of its program."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager

from traktauth.stores.abase import AsyncTokenStore
from traktauth.stores.base import TokenStore


class _Verbs:
    """The verbs, once for both; `perform` does an act now, or returns what is awaited."""

    def __init__(self, program):
        self.program = program
        self.perform = program.perform
        self.life = object()  # a program that was killed starts with nothing that it shared with itself

    @property
    def identity(self):
        return self.life

    @property
    def address(self):
        return "simulated:"

    def load(self, login):
        return self.perform(self.program.load())

    def begin(self, login, renewal):
        return self.perform(self.program.begin(renewal))

    def cancel(self, login, renewal, before):
        return self.perform(self.program.cancel_renewal(renewal, before))

    def save(self, login, token, *, after, at):
        return self.perform(self.program.save(token, after, at))

    def mark(self, login, generation, why):
        return self.perform(self.program.mark(generation, why))

    def forget(self, login, generation):
        return self.perform(self.program.forget(generation))

    def check(self):
        return self.perform(self.program.check())

    def logins(self):
        raise NotImplementedError


class Blocking(_Verbs, TokenStore):
    @contextmanager
    def exclusive(self, login, patience):
        held = self.perform(self.program.take(patience))
        try:
            yield held
        finally:
            self.program.let_go(held)


class Awaited(_Verbs, AsyncTokenStore):
    @asynccontextmanager
    async def exclusive(self, login, patience):
        held = await self.perform(self.program.take(patience))
        try:
            yield held
        finally:
            self.program.let_go(held)
