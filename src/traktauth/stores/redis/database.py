"""Commands performed in a Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.stores.redis import durability
from traktauth.stores.redis.driver import ERRORS, connect, exposure, failure, target
from traktauth.stores.redis.scripts import RedisCommands, to_result

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from traktauth.models import LoginKey
    from traktauth.stores.database.commands import Command

T = TypeVar("T")


class RedisDatabase:
    """A Redis; safe between threads and after a fork.

    Args:
        url: as redis-py takes it.
        address: the same without password.
        prefix: what every key begins with.
        connections: at most so many at once.
    """

    longest_pause = 0.05  # seconds between two looks at a lease

    def __init__(self, url: str, *, address: str, prefix: str, connections: int) -> None:
        self._client: Any = connect(url, connections)
        self.address = address
        self.identity: Hashable = ("redis", *target(self._client), prefix)
        self._exposure = exposure(self._client)
        self._keys = RedisCommands(prefix)
        self._ready = False

    def peek(self, login: LoginKey) -> None:
        """Return None: reading a row takes a round trip."""

    def perform(self, command: Command[T]) -> T:
        try:
            return self._perform(command)
        except ERRORS as error:
            failed = failure(self.address, error)
        raise failed

    def durability_warnings(self) -> list[str]:
        try:
            return self._judge(self._together(self._questions())) + self._exposure
        except ERRORS as error:
            failed = failure(self.address, error)
        raise failed

    def close(self) -> None:
        self._client.connection_pool.disconnect()

    def _perform(self, command: Command[T]) -> T:
        if not self._ready:
            self._judge(self._together(self._questions()))
        done: T = to_result(command, self._client.execute_command(*self._keys.request(command)))
        return done

    def _together(self, requests: Sequence[tuple[Any, ...]]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            for request in requests:
                pipe.execute_command(*request)
            replies: list[Any] = pipe.execute(raise_on_error=False)
            return replies

    def _questions(self) -> list[tuple[Any, ...]]:
        return durability.questions(self._keys)

    def _judge(self, answers: Sequence[Any]) -> list[str]:
        durability.check_schema(self.address, answers)
        found = durability.find_warnings(answers)
        durability.warn_once(self.identity, self.address, found)
        self._ready = True
        return found
