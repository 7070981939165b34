"""Many callers' items done in few statements: while one batch is under way, the next one gathers."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Generic, TypeVar

from traktauth.stores.threads import unseen_task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Gathers items and has them done together.

    Args:
        work: does a batch; its answers stand in the items' order.
        most: items of one batch.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], most: int) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Answer:
        """Have one item done and return its answer, or raise what befell its batch."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = unseen_task(self._flush())
        return await future

    async def _flush(self) -> None:
        await asyncio.sleep(0)  # so that everybody who is ready comes along
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                answers = await self._work([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - it is every caller's
                for _, future in batch:
                    if not future.done():
                        future.set_exception(_another(error))
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)


def _another(error: Exception) -> Exception:
    """Return an error of its own for each caller, as each adds its own traceback."""
    try:
        return copy.copy(error)
    except TypeError:  # one that cannot be made anew from its arguments
        return error
