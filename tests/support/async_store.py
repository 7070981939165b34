"""An application's own async store: the methods of a blocking one, awaited in the application's event loop."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from traktauth.stores.base import AsyncTokenStore


class OwnAsyncStore(AsyncTokenStore):
    """Notes in which event loops its methods are awaited."""

    def __init__(self, store):
        self.plain = store
        self.lock_expires = store.lock_expires
        self.loops = set()

    @property
    def identity(self):
        return self.plain.identity

    @property
    def address(self):
        return self.plain.address

    def peek(self, login):
        return self.plain.peek(login)

    async def load(self, login):
        return await self._do(self.plain.load, login)

    async def apply(self, login, change):
        return await self._do(self.plain.apply, login, change)

    @asynccontextmanager
    async def lock(self, login, timeout):
        until = asyncio.get_running_loop().time() + timeout
        while True:
            with self.plain.lock(login, 0.0) as held:
                if held or asyncio.get_running_loop().time() >= until:
                    yield held
                    return
            await asyncio.sleep(0.01)

    async def list_logins(self):
        return await self._do(self.plain.list_logins)

    async def check_writable(self):
        await self._do(self.plain.check_writable)

    async def _do(self, method, *arguments):
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return method(*arguments)
