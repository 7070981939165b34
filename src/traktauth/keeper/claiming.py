"""What is claimed, sorted: what is to be renewed, what has ended, what cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.keeper.events import Delayed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traktauth.keeper.events import Event
    from traktauth.keeper.plan import Plan
    from traktauth.keeper.renewing import Renewing
    from traktauth.keeper.tally import Summary
    from traktauth.models import Login, Record
    from traktauth.stores.fleet import FleetStore

_MOST_UNREADABLE = 100  # in a row: then it is not their records that are wrong, but the store, or the key to it


@dataclass(slots=True)
class Claimed:
    """What one claim brought.

    Attributes:
        renewable: what is to be renewed.
        rest: what is to be given back.
        more: whether it is worth to claim again at once.
    """

    renewable: list[tuple[Login, Record]] = field(default_factory=list["tuple[Login, Record]"])
    rest: list[Login] = field(default_factory=list["Login"])
    more: bool = False


class Claiming:
    """Claims logins. One whose record cannot be read is told, and stays claimed, so that others get their turn.

    Args:
        store: where they rest.
        plan: what is to be done.
        owner: names the claims.
        renewing: tells of logins that have ended.
        tell: hears what happens.
        tally: counts it.
    """

    def __init__(
        self,
        store: FleetStore,
        plan: Plan,
        *,
        owner: str,
        renewing: Renewing,
        tell: Callable[[Event], None],
        tally: Summary,
    ) -> None:
        self._store = store
        self._plan = plan
        self._owner = owner
        self._renewing = renewing
        self._tell = tell
        self._tally = tally
        self._unreadable: dict[Login, StoreFailed] = {}
        self._in_a_row = 0

    @property
    def unreadable(self) -> StoreFailed | None:
        """Return why the first record that could not be read could not; None where every one could."""
        return next(iter(self._unreadable.values()), None)

    async def claim(self, limit: int) -> Claimed:
        """Claim up to `limit` logins that are due, and tell what there is to tell of them.

        Raises:
            StoreFailed: the store does not do its work, or nothing in it can be read.
        """
        plan = self._plan
        now, app = plan.clock(), plan.app.client_id
        found = await self._store.claim(
            plan.service.realm, app, before=now, now=now, limit=limit, lease=plan.lease, owner=self._owner
        )
        claimed = Claimed()
        for login, record in found:
            if isinstance(record, StoreFailed):
                self._note(login, record)
                claimed.more = True
                continue
            self._in_a_row = 0
            if self._renewing.holds_unsaved(login):
                claimed.rest.append(login)
            elif not record.renewable:
                await self._renewing.tell_end(login, record)
                claimed.rest.append(login)
                claimed.more = True
            else:
                claimed.renewable.append((login, record))
        if self._in_a_row >= _MOST_UNREADABLE and self.unreadable is not None:
            raise self.unreadable
        return claimed

    async def give_back(self, logins: Sequence[Login]) -> None:
        """Give back what was claimed and is not renewed."""
        if logins:
            await self._store.release(logins, owner=self._owner)

    async def land(self) -> None:
        """Give back what could not be read: whoever comes next may have what it takes to read it."""
        await self.give_back(list(self._unreadable))

    def _note(self, login: Login, error: StoreFailed) -> None:
        self._in_a_row += 1
        if login not in self._unreadable:
            self._unreadable[login] = error
            self._tally.delayed += 1
            self._tell(Delayed(login, f"{error.message}. {error.hint}", self._plan.clock() + self._plan.lease))
