"""Commands performed in a Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.stores.commands import Read, ReadMany
from traktauth.stores.redis import durability
from traktauth.stores.redis.driver import connect, connect_async, failures, target
from traktauth.stores.redis.scripts import Keys, answer

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from traktauth.stores.commands import Command, Database

T = TypeVar("T")


class _Place:
    """Which Redis, and what things are called there."""

    longest_pause = 0.05  # seconds between two looks at a lease
    quick: Any = False

    def __init__(self, client: Any, address: str, prefix: str) -> None:  # noqa: ANN401 - blocking or async
        self.address = address
        self.identity: Hashable = ("redis", *target(client), prefix)
        self._client = client
        self._keys = Keys(prefix)
        self._ready = False

    def _questions(self) -> list[tuple[str, ...]]:
        return durability.questions(self._keys.schema)

    def _judge(self, answers: Sequence[Any]) -> list[str]:
        durability.check_schema(self.address, answers)
        found = durability.problems(answers)
        durability.warn_once(self.identity, self.address, found)
        self._ready = True
        return found


class RedisDatabase(_Place):
    """A Redis; safe between threads and after a fork.

    Args:
        url: as redis-py takes it.
        address: the same without password.
        prefix: what every key begins with.
    """

    def __init__(self, url: str, *, address: str, prefix: str) -> None:
        super().__init__(connect(url), address, prefix)

    def perform(self, command: Command[T]) -> T:
        with failures(self.address):
            if not self._ready:
                self._judge(self._together(self._questions()))
            parts = parts_of(command)
            if parts is not None:
                replies = self._together([self._keys.request(part) for part in parts])
                many: T = together(parts, replies)
                return many
            done: T = answer(command, self._client.execute_command(*self._keys.request(command)))
            return done

    def problems(self) -> list[str]:
        with failures(self.address):
            return self._judge(self._together(self._questions()))

    def close(self) -> None:
        self._client.connection_pool.disconnect()

    def _together(self, requests: Sequence[tuple[Any, ...]]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            for request in requests:
                pipe.execute_command(*request)
            replies: list[Any] = pipe.execute(raise_on_error=False)
            return replies


class AsyncRedisDatabase(_Place):
    """The same for one event loop."""

    quick: Database | None = None

    def __init__(self, url: str, *, address: str, prefix: str) -> None:
        super().__init__(connect_async(url), address, prefix)

    async def perform(self, command: Command[T]) -> T:
        with failures(self.address):
            if not self._ready:
                self._judge(await self._together(self._questions()))
            parts = parts_of(command)
            if parts is not None:
                replies = await self._together([self._keys.request(part) for part in parts])
                many: T = together(parts, replies)
                return many
            done: T = answer(command, await self._client.execute_command(*self._keys.request(command)))
            return done

    async def problems(self) -> list[str]:
        with failures(self.address):
            return self._judge(await self._together(self._questions()))

    async def close(self) -> None:
        await self._client.connection_pool.disconnect()

    async def _together(self, requests: Sequence[tuple[Any, ...]]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipe:
            for request in requests:
                pipe.execute_command(*request)
            replies: list[Any] = await pipe.execute(raise_on_error=False)
            return replies


def parts_of(command: Command[Any]) -> list[Read] | None:
    """Return the parts of a command that goes out as many at once."""
    return [Read(login) for login in command.logins] if isinstance(command, ReadMany) else None


def together(parts: Sequence[Read], replies: Sequence[Any]) -> Any:  # noqa: ANN401 - as the command says
    """Return the answer of a command from those of its parts.

    Raises:
        Exception: the first that Redis answered to one of them.
    """
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    answers = {part.login: answer(part, reply) for part, reply in zip(parts, replies, strict=True)}
    return {login: row for login, row in answers.items() if row is not None}
