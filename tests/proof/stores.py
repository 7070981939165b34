"""The world's store as a program's driver sees it: blocking or awaited, every verb an act of its program."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager

from traktauth.stores.base import AsyncTokenStore, TokenStore


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
        return self.perform(self.program.load() if login.account else self.program.load_app())

    def apply(self, login, change):
        return self.perform(self.program.apply(change))

    def check_writable(self):
        return self.perform(self.program.check())

    def list_logins(self):
        raise NotImplementedError


class Blocking(_Verbs, TokenStore):
    @contextmanager
    def lock(self, login, timeout):
        held = self.perform(self.program.take(timeout))
        try:
            yield held
        finally:
            self.program.let_go(held)


class Awaited(_Verbs, AsyncTokenStore):
    @asynccontextmanager
    async def lock(self, login, timeout):
        held = await self.perform(self.program.take(timeout))
        try:
            yield held
        finally:
            self.program.let_go(held)
