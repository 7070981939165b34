"""Claims of logins that are due, sorted into those to refresh, those that have ended and those that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from traktauth.errors import StoreFailed
from traktauth.keeper.config import KeeperContext
from traktauth.keeper.events import Delayed
from traktauth.keeper.refresher import Refresher
from traktauth.models import LoginKey, Record

_MAX_UNREADABLE = 100  # in a row; then the store, or the key to it, is wrong, and not single records


@dataclass(slots=True)
class ClaimResult:
    """The result of one claim.

    Attributes:
        refreshable: logins to refresh, with their records.
        others: logins to release.
        has_more: whether to claim again at once.
    """

    refreshable: list[tuple[LoginKey, Record]] = field(default_factory=list["tuple[LoginKey, Record]"])
    others: list[LoginKey] = field(default_factory=list["LoginKey"])
    has_more: bool = False


class Claims:
    """Claims logins. One whose record cannot be read is reported, and stays claimed so that others get their turn.

    Args:
        context: the keeper's.
        refresher: reports logins that have ended.
    """

    def __init__(self, context: KeeperContext, refresher: Refresher) -> None:
        self._context = context
        self._refresher = refresher
        self._unreadable: dict[LoginKey, StoreFailed] = {}
        self._unreadable_in_a_row = 0

    @property
    def unreadable(self) -> StoreFailed | None:
        """The error of the first record that could not be read; None if all could be read."""
        return next(iter(self._unreadable.values()), None)

    async def claim(self, limit: int) -> ClaimResult:
        """Claim up to `limit` logins that are due, and report what there is to report about them.

        Raises:
            StoreFailed: the store does not work, or no record in it can be read.
        """
        context, config = self._context, self._context.config
        now = config.clock()
        claim = partial(
            context.store.claim,
            config.service.realm,
            config.app.client_id,
            before=now,
            now=now,
            limit=limit,
            lease=config.lease,
            owner=context.owner,
        )
        found = await context.in_thread(claim)
        result = ClaimResult()
        for login, record in found:
            if isinstance(record, StoreFailed):
                self._report_unreadable(login, record)
                result.has_more = True
                continue
            self._unreadable_in_a_row = 0
            if self._refresher.holds_unsaved(login):
                result.others.append(login)
            elif not record.refreshable:
                await self._refresher.report_not_refreshable(login, record)
                result.others.append(login)
                result.has_more = True
            else:
                result.refreshable.append((login, record))
        if self._unreadable_in_a_row >= _MAX_UNREADABLE and self.unreadable is not None:
            raise self.unreadable
        return result

    async def release(self, logins: Sequence[LoginKey]) -> None:
        """Release logins that were claimed and are not refreshed."""
        if logins:
            context = self._context
            await context.in_thread(partial(context.store.release, logins, owner=context.owner))

    async def release_unreadable(self) -> None:
        """Release logins that could not be read: another keeper may have the key to them."""
        await self.release(list(self._unreadable))

    def _report_unreadable(self, login: LoginKey, error: StoreFailed) -> None:
        self._unreadable_in_a_row += 1
        if login not in self._unreadable:
            config = self._context.config
            self._unreadable[login] = error
            self._context.summary.delayed += 1
            self._context.on_event(
                Delayed(login, f"{error.message}. {error.hint_command or error.hint}", config.clock() + config.lease)
            )
