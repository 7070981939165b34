"""One claimed login: renewed by the same flow as everybody's, and what came of it, told and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.client.adrive import AsyncDriver
from traktauth.client.keeping import AsyncKeeping
from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater, UnexpectedReply
from traktauth.flow.lifecycle import refresh
from traktauth.keeper.events import Dead, Delayed, Dying, Renewed, Unconfirmed

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.flow.effects import NoReply
    from traktauth.flow.terms import Terms
    from traktauth.keeper.asking import Asking
    from traktauth.keeper.claimed import ClaimedStore
    from traktauth.keeper.events import Event
    from traktauth.keeper.tally import Summary
    from traktauth.models import Login, Record
    from traktauth.stores.fleet import FleetStore
    from traktauth.wire.messages import Reply, Request

_SHORTEST_DELAY = 30.0
_LONGEST_DELAY = 3600.0


class Renewing:
    """Renews claimed logins.

    Args:
        store: where they rest.
        claimed: the same, as flows see it.
        terms: the flows' givens.
        asking: sends requests.
        tell: hears what happens.
        tally: counts it.

    Attributes:
        unsaved: logins whose new pair is held in memory, as the store failed.
    """

    def __init__(
        self,
        store: FleetStore,
        claimed: ClaimedStore,
        terms: Terms,
        *,
        asking: Asking,
        tell: Callable[[Event], None],
        tally: Summary,
    ) -> None:
        self._store = store
        self._claimed = claimed
        self._terms = terms
        self._asking = asking
        self._tell = tell
        self._tally = tally
        self.unsaved: list[AsyncKeeping] = []

    async def renew(self, login: Login, record: Record) -> None:
        """Renew one login, and tell what came of it.

        Raises:
            AppRejected: Trakt refuses the app, and so every other login's renewal.
        """
        sent = False

        async def send(request: Request) -> Reply | NoReply:
            nonlocal sent
            sent = True
            return await self._asking.send(request)

        self._claimed.know(login, record)
        keeping = AsyncKeeping(self._claimed, login, self._terms.clock)
        try:
            token = await AsyncDriver(keeping, send).run(refresh(self._terms))
        except LoginRequired as error:
            await self._ended(login, record, error)
        except (TryLater, UnexpectedReply, StoreFailed) as error:
            if isinstance(error, StoreFailed) and error.kept:
                self.unsaved.append(keeping)
            await self._failed(login, record, error, sent=sent)
        else:
            self._tally.renewed += 1
            self._tell(Renewed(login, token.fingerprint, token.generation))
        finally:
            self._claimed.lose(login)

    def holds_unsaved(self, login: Login) -> bool:
        """Tell whether a login's new pair is held here; nobody must send its old one."""
        return any(keeping.login == login for keeping in self.unsaved)

    async def save_again(self) -> None:
        """Save what could not be saved before, where the store is well again."""
        self.unsaved = [keeping for keeping in self.unsaved if await _still_unsaved(keeping)]

    async def _ended(self, login: Login, record: Record, error: LoginRequired) -> None:
        """Mark a login that cannot be renewed, so that it is not taken up again, and tell it once."""
        good_until = record.token.expires_at if record.token else 0.0
        if error.reason == "reply-lost" and record.renewable:
            await self._store.mark(login, record.generation, "the answer to its last renewal was lost")
        lives = good_until > self._terms.clock()
        told = await self._store.tell_once(login, record.generation, "dying" if lives else "dead")
        if lives:
            self._tally.dying += 1
            event: Event = Dying(login, error.message, good_until)
        else:
            self._tally.dead += 1
            event = Dead(login, error.message)
        if told:
            self._tell(event)

    async def _failed(self, login: Login, record: Record, error: TraktAuthError, *, sent: bool) -> None:
        """Come back later: at the token's end where the answer was lost, else after a while."""
        if error.unconfirmed:
            self._tally.unconfirmed += 1
            good_until = record.token.expires_at if record.token else 0.0
            if await self._store.tell_once(login, record.generation, "unconfirmed"):
                self._tell(Unconfirmed(login, error.message, good_until))
            return
        if not sent and isinstance(error, TryLater):
            self._tally.passed += 1
        else:
            self._tally.delayed += 1
        wait = error.retry_after if isinstance(error, TryLater) else _SHORTEST_DELAY
        until = self._terms.clock() + min(max(wait, _SHORTEST_DELAY), _LONGEST_DELAY)
        if not isinstance(error, StoreFailed):
            await self._store.postpone(login, record.generation, until=until)
        self._tell(Delayed(login, error.message, until))


async def _still_unsaved(keeping: AsyncKeeping) -> bool:
    try:
        await keeping.load()
    except StoreFailed:
        return True
    return keeping.holds_unsaved
